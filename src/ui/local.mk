noinst_LIBRARIES += src/ui/libui.a
src_ui_libui_a_CFLAGS = $(AM_CFLAGS) $(CURSES_CFLAGS)
src_ui_libui_a_SOURCES = \
	src/ui/canvas.c \
	src/ui/canvas.h \
	src/ui/fuzzy.c \
	src/ui/fuzzy.h \
	src/ui/help-text.c \
	src/ui/help-text.h \
	src/ui/key-decoder.c \
	src/ui/key-decoder.h \
	src/ui/key-name.c \
	src/ui/key-name.h \
	src/ui/key.h \
	src/ui/keymap-alpine.c \
	src/ui/keymap-alpine.h \
	src/ui/keymap.c \
	src/ui/keymap.h \
	src/ui/line-edit.c \
	src/ui/line-edit.h \
	src/ui/look.h \
	src/ui/panes.c \
	src/ui/panes.h \
	src/ui/screen-draw.c \
	src/ui/screen-private.h \
	src/ui/screen-shell.c \
	src/ui/screen.c \
	src/ui/smart-date.c \
	src/ui/smart-date.h \
	src/ui/term-crash.c \
	src/ui/term-crash.h \
	src/ui/term-curses.c \
	src/ui/term-curses.h \
	src/ui/term-signals.c \
	src/ui/term-signals.h \
	src/ui/theme.c \
	src/ui/theme.h \
	src/ui/view-composer.c \
	src/ui/view-composer.h \
	src/ui/view-folders.c \
	src/ui/view-folders.h \
	src/ui/view-list.c \
	src/ui/view-list.h \
	src/ui/view-pager.c \
	src/ui/view-pager.h \
	src/ui/view-parts.c \
	src/ui/view-parts.h \
	src/ui/view-status.c \
	src/ui/view-status.h \
	src/ui/view.h \
	src/ui/widget-menu.c \
	src/ui/widget-menu.h \
	src/ui/widget-prompt.c \
	src/ui/widget-prompt.h \
	src/ui/widget-text.c \
	src/ui/widget-text.h \
	src/ui/widget.h

# The shipped themes are built in too, so that colours need no installed file.
nodist_src_ui_libui_a_SOURCES = src/ui/theme-builtin.h
BUILT_SOURCES += src/ui/theme-builtin.h
CLEANFILES += src/ui/theme-builtin.h
src/ui/theme-builtin.h: $(theme_files) src/ui/theme-builtin.sh
	$(AM_V_GEN)$(MKDIR_P) $(@D) && cd $(srcdir) && $(SHELL) src/ui/theme-builtin.sh $(theme_files) > $(abs_builddir)/$@.tmp \
	  && mv $(abs_builddir)/$@.tmp $(abs_builddir)/$@
EXTRA_DIST += src/ui/theme-builtin.sh src/ui/fulmar.terminfo

# Direct colour entries; without tic Fulmar shows 256 colours.
noinst_DATA = terminfo/stamp
terminfo/stamp: src/ui/fulmar.terminfo
	$(AM_V_GEN)$(MKDIR_P) terminfo; tic -x -o terminfo $(srcdir)/src/ui/fulmar.terminfo 2>/dev/null || echo "tic: no direct colour"; touch $@
install-data-local: terminfo/stamp
	$(MKDIR_P) $(DESTDIR)$(pkgdatadir)/terminfo && tic -x -o $(DESTDIR)$(pkgdatadir)/terminfo $(srcdir)/src/ui/fulmar.terminfo 2>/dev/null || :
uninstall-local:
	rm -rf $(DESTDIR)$(pkgdatadir)/terminfo
clean-local:
	rm -rf terminfo

# Made before anything that includes it, also where only one program is asked for.
src/ui/libui_a-theme.$(OBJEXT): src/ui/theme-builtin.h
