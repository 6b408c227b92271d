noinst_LIBRARIES += src/index/libindex.a
src_index_libindex_a_CFLAGS = $(AM_CFLAGS) $(SECCOMP_CFLAGS)
src_index_libindex_a_SOURCES = \
	src/index/index-ask.c \
	src/index/index-child.c \
	src/index/index-child.h \
	src/index/index-database.c \
	src/index/index-database.h \
	src/index/index-event.c \
	src/index/index-event.h \
	src/index/index-feed.c \
	src/index/index-frame.c \
	src/index/index-frame.h \
	src/index/index-gate.c \
	src/index/index-gate.h \
	src/index/index-generation.c \
	src/index/index-generation.h \
	src/index/index-private.h \
	src/index/index-reader.c \
	src/index/index-roles.h \
	src/index/index-sandbox.c \
	src/index/index-sandbox.h \
	src/index/index-seal.c \
	src/index/index-seal.h \
	src/index/index-worker.c \
	src/index/index-writer.c \
	src/index/index.c \
	src/index/notmuch-error.c \
	src/index/notmuch-error.h \
	src/index/query-text.c
