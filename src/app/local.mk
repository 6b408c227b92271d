noinst_LIBRARIES += src/app/libapp.a
src_app_libapp_a_CFLAGS = $(AM_CFLAGS)
src_app_libapp_a_SOURCES = \
	src/app/config-account.c \
	src/app/config-account.h \
	src/app/config.c \
	src/app/settings.c \
	src/app/settings.h
