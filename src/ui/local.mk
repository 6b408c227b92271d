noinst_LIBRARIES += src/ui/libui.a
src_ui_libui_a_CFLAGS = $(AM_CFLAGS) $(CURSES_CFLAGS)
src_ui_libui_a_SOURCES = \
	src/ui/canvas.c \
	src/ui/canvas.h \
	src/ui/key-decoder.c \
	src/ui/key-decoder.h \
	src/ui/key.h \
	src/ui/look.h
