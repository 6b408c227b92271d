noinst_LIBRARIES += src/sync/libsync.a
src_sync_libsync_a_CFLAGS = $(AM_CFLAGS)
src_sync_libsync_a_SOURCES = \
	src/sync/account-spec.c \
	src/sync/action.c \
	src/sync/control.h \
	src/sync/event.c \
	src/sync/event-closure.h \
	src/sync/event-wire.c \
	src/sync/event-wire.h
