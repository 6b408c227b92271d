# Unit tests of src/sync: linked with its library and the rooms below it only.
check_PROGRAMS += \
	tests/unit/sync/test-control \
	tests/unit/sync/test-engine \
	tests/unit/sync/test-enron \
	tests/unit/sync/test-pen \
	tests/unit/sync/test-values

TESTS += \
	tests/unit/sync/test-control \
	tests/unit/sync/test-engine \
	tests/unit/sync/test-enron \
	tests/unit/sync/test-pen \
	tests/unit/sync/test-values

EXTRA_DIST += tests/unit/sync/engine-fixture.h

tests_unit_sync_test_engine_SOURCES = tests/unit/sync/test-engine.c
tests_unit_sync_test_engine_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_sync_test_engine_LDADD = $(SYNC_LIBS) $(CMOCKA_LIBS)
tests_unit_sync_test_enron_SOURCES = tests/unit/sync/test-enron.c
tests_unit_sync_test_enron_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) -DCORPUS_DIR=\"$(abs_top_srcdir)/../shared/corpus\"
tests_unit_sync_test_enron_LDADD = $(SYNC_LIBS) $(CMOCKA_LIBS)
tests_unit_sync_test_pen_SOURCES = tests/unit/sync/test-pen.c
tests_unit_sync_test_pen_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_sync_test_pen_LDADD = $(SYNC_LIBS) $(CMOCKA_LIBS)
tests_unit_sync_test_values_SOURCES = tests/unit/sync/test-values.c
tests_unit_sync_test_values_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_sync_test_values_LDADD = $(SYNC_LIBS) $(CMOCKA_LIBS)
tests_unit_sync_test_control_SOURCES = tests/unit/sync/test-control.c
tests_unit_sync_test_control_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_sync_test_control_LDADD = $(SYNC_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/sync/test-pop-worker tests/unit/sync/test-pop-policy tests/unit/sync/test-pop-cuts
TESTS += tests/unit/sync/test-pop-worker tests/unit/sync/test-pop-policy tests/unit/sync/test-pop-cuts
tests_unit_sync_test_pop_policy_SOURCES = tests/unit/sync/test-pop-policy.c tests/unit/sync/pop-home.h tests/unit/sync/pop-server.h
tests_unit_sync_test_pop_policy_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_sync_test_pop_policy_LDADD = $(SYNC_LIBS) $(CMOCKA_LIBS)
tests_unit_sync_test_pop_worker_SOURCES = tests/unit/sync/test-pop-worker.c tests/unit/sync/pop-home.h tests/unit/sync/pop-server.h
tests_unit_sync_test_pop_worker_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_sync_test_pop_worker_LDADD = $(SYNC_LIBS) $(CMOCKA_LIBS)
tests_unit_sync_test_pop_cuts_SOURCES = tests/unit/sync/test-pop-cuts.c tests/unit/sync/pop-home.h tests/unit/sync/pop-server.h
tests_unit_sync_test_pop_cuts_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_sync_test_pop_cuts_LDADD = $(SYNC_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/sync/test-outbox
TESTS += tests/unit/sync/test-outbox
tests_unit_sync_test_outbox_SOURCES = tests/unit/sync/test-outbox.c tests/unit/net/fake-server.c tests/unit/net/fake-server.h
tests_unit_sync_test_outbox_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(GNUTLS_CFLAGS)
tests_unit_sync_test_outbox_LDADD = $(SYNC_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/sync/test-imap-worker
TESTS += tests/unit/sync/test-imap-worker
tests_unit_sync_test_imap_worker_SOURCES = tests/unit/sync/test-imap-worker.c tests/unit/sync/imap-server.h
tests_unit_sync_test_imap_worker_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_sync_test_imap_worker_LDADD = $(SYNC_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/sync/test-housekeeping
TESTS += tests/unit/sync/test-housekeeping
tests_unit_sync_test_housekeeping_SOURCES = tests/unit/sync/test-housekeeping.c
tests_unit_sync_test_housekeeping_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_sync_test_housekeeping_LDADD = $(SYNC_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/sync/test-maildir-list
TESTS += tests/unit/sync/test-maildir-list
tests_unit_sync_test_maildir_list_SOURCES = tests/unit/sync/test-maildir-list.c
tests_unit_sync_test_maildir_list_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_sync_test_maildir_list_LDADD = $(SYNC_LIBS) $(CMOCKA_LIBS)
