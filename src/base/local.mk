noinst_LIBRARIES += src/base/libbase.a
src_base_libbase_a_CFLAGS = $(AM_CFLAGS)
src_base_libbase_a_SOURCES = \
	include/fulmar/base/cancel.h \
	include/fulmar/base/clock.h \
	include/fulmar/base/error.h \
	include/fulmar/base/log.h \
	include/fulmar/base/paths.h \
	include/fulmar/base/port.h \
	include/fulmar/base/secret.h \
	include/fulmar/base/sink.h \
	include/fulmar/base/text.h \
	include/fulmar/base/thread.h \
	src/base/cancel.c \
	src/base/clock.c \
	src/base/error.c \
	src/base/log.c \
	src/base/paths.c \
	src/base/port.c \
	src/base/secret.c \
	src/base/sink.c \
	src/base/text.c \
	src/base/thread.c
