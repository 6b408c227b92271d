noinst_LIBRARIES += src/app/libapp.a
src_app_libapp_a_CFLAGS = $(AM_CFLAGS)
src_app_libapp_a_SOURCES =
