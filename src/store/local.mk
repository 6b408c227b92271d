noinst_LIBRARIES += src/store/libstore.a
src_store_libstore_a_CFLAGS = $(AM_CFLAGS) $(SQLITE_CFLAGS)
src_store_libstore_a_SOURCES = \
	src/store/body-store.c \
	src/store/db.c \
	src/store/folder-access.c \
	src/store/folder-store.c \
	src/store/gmail-private.h \
	src/store/gmail-store.c \
	src/store/idset.c \
	src/store/journal-gmail.c \
	src/store/journal-list.c \
	src/store/journal-op.c \
	src/store/journal-plan.c \
	src/store/journal-private.h \
	src/store/journal-undo.c \
	src/store/journal.c \
	src/store/list-private.h \
	src/store/list-store.c \
	src/store/message-batch.c \
	src/store/message-count.c \
	src/store/message-evict.c \
	src/store/message-merge.c \
	src/store/message-private.h \
	src/store/message-store.c \
	src/store/message-thread.c \
	src/store/outbox-store.c \
	src/store/pop-store.c \
	src/store/positions.c \
	src/store/query-sql.c \
	src/store/schema.c \
	src/store/schema.h \
	src/store/sql-function.c \
	src/store/sql-function.h \
	src/store/sql-numbers.c \
	src/store/sql-numbers.h \
	src/store/sql.c \
	src/store/sql.h \
	src/store/sqlite-error.c \
	src/store/sqlite-error.h \
	src/store/table.c \
	src/store/table.h
