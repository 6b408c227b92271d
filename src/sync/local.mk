noinst_LIBRARIES += src/sync/libsync.a
src_sync_libsync_a_CFLAGS = $(AM_CFLAGS)
src_sync_libsync_a_SOURCES = \
	src/sync/account-spec.c \
	src/sync/account-worker.h \
	src/sync/action.c \
	src/sync/apply.c \
	src/sync/apply.h \
	src/sync/control.h \
	src/sync/engine.c \
	src/sync/engine-desk.c \
	src/sync/engine-private.h \
	src/sync/event.c \
	src/sync/event-closure.h \
	src/sync/event-wire.c \
	src/sync/event-wire.h \
	src/sync/index-feed.c \
	src/sync/index-feed.h \
	src/sync/maildir-file.c \
	src/sync/maildir-file.h \
	src/sync/maildir-name.c \
	src/sync/maildir-name.h \
	src/sync/maildir-ops.c \
	src/sync/maildir-private.h \
	src/sync/maildir-scan.c \
	src/sync/maildir-tree.c \
	src/sync/maildir-tree.h \
	src/sync/maildir-watch.c \
	src/sync/maildir-watch.h \
	src/sync/maildir-worker.c \
	src/sync/maildir-worker.h \
	src/sync/pen.c \
	src/sync/pen.h \
	src/sync/pool.c \
	src/sync/pool.h \
	src/sync/search.c \
	src/sync/search.h \
	src/sync/secrets.c \
	src/sync/secrets.h \
	src/sync/shell-command.c \
	src/sync/shell-command.h \
	src/sync/special-folder.c \
	src/sync/special-folder.h \
	src/sync/special-names.c \
	src/sync/special-names.h \
	src/sync/sync-env.c \
	src/sync/worker-classes.c
