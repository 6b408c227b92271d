noinst_LIBRARIES += src/app/libapp.a
src_app_libapp_a_CFLAGS = $(AM_CFLAGS)
src_app_libapp_a_SOURCES = \
	src/app/act.c \
	src/app/app-private.h \
	src/app/app.c \
	src/app/cmd-archive.c \
	src/app/cmd-compose.c \
	src/app/cmd-delete.c \
	src/app/cmd-draft.c \
	src/app/cmd-flag.c \
	src/app/cmd-folder.c \
	src/app/cmd-junk.c \
	src/app/cmd-move.c \
	src/app/cmd-navigate.c \
	src/app/cmd-save.c \
	src/app/cmd-screen.c \
	src/app/cmd-search.c \
	src/app/cmd-set.c \
	src/app/cmd-show.c \
	src/app/cmd-sort.c \
	src/app/cmd-sync.c \
	src/app/cmd-tag.c \
	src/app/cmd-thread.c \
	src/app/cmd-undo.c \
	src/app/command.c \
	src/app/commands.h \
	src/app/composer-private.h \
	src/app/composer.c \
	src/app/config-account.c \
	src/app/config-account.h \
	src/app/config-watch.c \
	src/app/config-watch.h \
	src/app/config.c \
	src/app/demo.c \
	src/app/demo.h \
	src/app/folders-private.h \
	src/app/folders.c \
	src/app/list-private.h \
	src/app/list.c \
	src/app/overlay.c \
	src/app/overlay.h \
	src/app/page.c \
	src/app/reading-private.h \
	src/app/reading.c \
	src/app/settings.c \
	src/app/settings.h \
	src/app/target.c
