noinst_LIBRARIES += src/index/libindex.a
src_index_libindex_a_CFLAGS = $(AM_CFLAGS) $(SECCOMP_CFLAGS)
src_index_libindex_a_SOURCES =
