noinst_LIBRARIES += src/index/libindex.a
src_index_libindex_a_CFLAGS = $(AM_CFLAGS) $(SECCOMP_CFLAGS)
src_index_libindex_a_SOURCES = \
	src/index/index.c \
	src/index/index-ask.c \
	src/index/index-child.c \
	src/index/index-database.c \
	src/index/index-event.c \
	src/index/index-feed.c \
	src/index/index-frame.c \
	src/index/index-gate.c \
	src/index/index-generation.c \
	src/index/index-reader.c \
	src/index/index-sandbox.c \
	src/index/index-worker.c \
	src/index/index-writer.c \
	src/index/notmuch-error.c \
	src/index/query-text.c
