# Unit tests of src/index: linked with its library and the rooms below it only.
check_PROGRAMS += tests/unit/index/test-index
TESTS += tests/unit/index/test-index
tests_unit_index_test_index_SOURCES = \
	tests/unit/index/index-bench.c \
	tests/unit/index/index-bench.h \
	tests/unit/index/test-index.c
tests_unit_index_test_index_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_index_test_index_LDADD = $(INDEX_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/index/test-index-corpus
TESTS += tests/unit/index/test-index-corpus
tests_unit_index_test_index_corpus_SOURCES = \
	tests/unit/index/index-bench.c \
	tests/unit/index/index-bench.h \
	tests/unit/index/test-index-corpus.c
tests_unit_index_test_index_corpus_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_index_test_index_corpus_LDADD = $(INDEX_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/index/test-index-frame
TESTS += tests/unit/index/test-index-frame
tests_unit_index_test_index_frame_SOURCES = tests/unit/index/test-index-frame.c
tests_unit_index_test_index_frame_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_index_test_index_frame_LDADD = $(INDEX_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/index/test-query-text
TESTS += tests/unit/index/test-query-text
tests_unit_index_test_query_text_SOURCES = tests/unit/index/test-query-text.c
tests_unit_index_test_query_text_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_index_test_query_text_LDADD = $(INDEX_LIBS) $(CMOCKA_LIBS)
