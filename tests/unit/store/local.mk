# Unit tests of src/store: linked with its library and the rooms below it only.
check_PROGRAMS += tests/unit/store/test-journal
TESTS += tests/unit/store/test-journal
tests_unit_store_test_journal_SOURCES = tests/unit/store/test-journal.c tests/unit/store/store-test.h
tests_unit_store_test_journal_LDADD = $(STORE_LIBS) $(CMOCKA_LIBS)
tests_unit_store_test_journal_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)

check_PROGRAMS += tests/unit/store/test-rows
TESTS += tests/unit/store/test-rows
tests_unit_store_test_rows_SOURCES = tests/unit/store/test-rows.c tests/unit/store/store-test.h
tests_unit_store_test_rows_LDADD = $(STORE_LIBS) $(CMOCKA_LIBS)
tests_unit_store_test_rows_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)

check_PROGRAMS += tests/unit/store/test-files
TESTS += tests/unit/store/test-files
tests_unit_store_test_files_SOURCES = tests/unit/store/test-files.c tests/unit/store/store-test.h
tests_unit_store_test_files_LDADD = $(STORE_LIBS) $(CMOCKA_LIBS)
tests_unit_store_test_files_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)

check_PROGRAMS += tests/unit/store/test-batch
TESTS += tests/unit/store/test-batch
tests_unit_store_test_batch_SOURCES = tests/unit/store/test-batch.c tests/unit/store/store-test.h
tests_unit_store_test_batch_LDADD = $(STORE_LIBS) $(CMOCKA_LIBS)
tests_unit_store_test_batch_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)

check_PROGRAMS += tests/unit/store/test-gmail
TESTS += tests/unit/store/test-gmail
tests_unit_store_test_gmail_SOURCES = tests/unit/store/test-gmail.c tests/unit/store/store-test.h
tests_unit_store_test_gmail_LDADD = $(STORE_LIBS) $(CMOCKA_LIBS)
tests_unit_store_test_gmail_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)

check_PROGRAMS += tests/unit/store/test-undo
TESTS += tests/unit/store/test-undo
tests_unit_store_test_undo_SOURCES = tests/unit/store/test-undo.c tests/unit/store/store-test.h
tests_unit_store_test_undo_LDADD = $(STORE_LIBS) $(CMOCKA_LIBS)
tests_unit_store_test_undo_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
