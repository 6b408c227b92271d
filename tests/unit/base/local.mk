# Unit tests of src/base: linked with its library and the rooms below it only.

check_PROGRAMS += tests/unit/base/test-cancel
TESTS += tests/unit/base/test-cancel
tests_unit_base_test_cancel_SOURCES = tests/unit/base/test-cancel.c tests/unit/base/test.h
tests_unit_base_test_cancel_LDADD = $(BASE_LIBS) $(CMOCKA_LIBS)
tests_unit_base_test_cancel_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)

check_PROGRAMS += tests/unit/base/test-clock
TESTS += tests/unit/base/test-clock
tests_unit_base_test_clock_SOURCES = tests/unit/base/test-clock.c tests/unit/base/test.h
tests_unit_base_test_clock_LDADD = $(BASE_LIBS) $(CMOCKA_LIBS)
tests_unit_base_test_clock_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)

check_PROGRAMS += tests/unit/base/test-error
TESTS += tests/unit/base/test-error
tests_unit_base_test_error_SOURCES = tests/unit/base/test-error.c tests/unit/base/test.h
tests_unit_base_test_error_LDADD = $(BASE_LIBS) $(CMOCKA_LIBS)
tests_unit_base_test_error_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)

check_PROGRAMS += tests/unit/base/test-log
TESTS += tests/unit/base/test-log
tests_unit_base_test_log_SOURCES = tests/unit/base/test-log.c tests/unit/base/test.h
tests_unit_base_test_log_LDADD = $(BASE_LIBS) $(CMOCKA_LIBS)
tests_unit_base_test_log_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)

check_PROGRAMS += tests/unit/base/test-paths
TESTS += tests/unit/base/test-paths
tests_unit_base_test_paths_SOURCES = tests/unit/base/test-paths.c tests/unit/base/test.h
tests_unit_base_test_paths_LDADD = $(BASE_LIBS) $(CMOCKA_LIBS)
tests_unit_base_test_paths_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)

check_PROGRAMS += tests/unit/base/test-port
TESTS += tests/unit/base/test-port
tests_unit_base_test_port_SOURCES = tests/unit/base/test-port.c tests/unit/base/test.h
tests_unit_base_test_port_LDADD = $(BASE_LIBS) $(CMOCKA_LIBS)
tests_unit_base_test_port_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)

check_PROGRAMS += tests/unit/base/test-secret
TESTS += tests/unit/base/test-secret
tests_unit_base_test_secret_SOURCES = tests/unit/base/test-secret.c tests/unit/base/test.h
tests_unit_base_test_secret_LDADD = $(BASE_LIBS) $(CMOCKA_LIBS)
tests_unit_base_test_secret_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)

check_PROGRAMS += tests/unit/base/test-sink
TESTS += tests/unit/base/test-sink
tests_unit_base_test_sink_SOURCES = tests/unit/base/test-sink.c tests/unit/base/test.h
tests_unit_base_test_sink_LDADD = $(BASE_LIBS) $(CMOCKA_LIBS)
tests_unit_base_test_sink_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)

check_PROGRAMS += tests/unit/base/test-text
TESTS += tests/unit/base/test-text
tests_unit_base_test_text_SOURCES = tests/unit/base/test-text.c tests/unit/base/test.h
tests_unit_base_test_text_LDADD = $(BASE_LIBS) $(CMOCKA_LIBS)
tests_unit_base_test_text_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)

check_PROGRAMS += tests/unit/base/test-thread
TESTS += tests/unit/base/test-thread
tests_unit_base_test_thread_SOURCES = tests/unit/base/test-thread.c tests/unit/base/test.h
tests_unit_base_test_thread_LDADD = $(BASE_LIBS) $(CMOCKA_LIBS)
tests_unit_base_test_thread_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
