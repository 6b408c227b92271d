# Unit tests of src/net: linked with its library and the rooms below it only.
check_PROGRAMS += tests/unit/net/test-stream
TESTS += tests/unit/net/test-stream
tests_unit_net_test_stream_SOURCES = tests/unit/net/test-stream.c tests/unit/net/fake-server.c tests/unit/net/fake-server.h
tests_unit_net_test_stream_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(GNUTLS_CFLAGS)
tests_unit_net_test_stream_LDADD = $(NET_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/net/test-dial
TESTS += tests/unit/net/test-dial
tests_unit_net_test_dial_SOURCES = tests/unit/net/test-dial.c
tests_unit_net_test_dial_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(GNUTLS_CFLAGS)
tests_unit_net_test_dial_LDADD = $(NET_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/net/test-imap-traps
TESTS += tests/unit/net/test-imap-traps
tests_unit_net_test_imap_traps_SOURCES = tests/unit/net/test-imap-traps.c tests/unit/net/fake-server.c tests/unit/net/fake-server.h
tests_unit_net_test_imap_traps_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(GNUTLS_CFLAGS)
tests_unit_net_test_imap_traps_LDADD = $(NET_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/net/test-imap
TESTS += tests/unit/net/test-imap
tests_unit_net_test_imap_SOURCES = tests/unit/net/test-imap.c tests/unit/net/fake-server.c tests/unit/net/fake-server.h
tests_unit_net_test_imap_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(GNUTLS_CFLAGS)
tests_unit_net_test_imap_LDADD = $(NET_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/net/test-compress
TESTS += tests/unit/net/test-compress
tests_unit_net_test_compress_SOURCES = tests/unit/net/test-compress.c tests/unit/net/fake-server.c tests/unit/net/fake-server.h
tests_unit_net_test_compress_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(GNUTLS_CFLAGS)
tests_unit_net_test_compress_LDADD = $(NET_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/net/test-imap-replay
TESTS += tests/unit/net/test-imap-replay
tests_unit_net_test_imap_replay_SOURCES = tests/unit/net/test-imap-replay.c tests/unit/net/fake-server.c tests/unit/net/fake-server.h \
	tests/unit/net/recording.c tests/unit/net/recording.h
tests_unit_net_test_imap_replay_CPPFLAGS = $(AM_CPPFLAGS) -DFM_TEST_CORPUS=\"$(abs_top_srcdir)/../shared/corpus\"
tests_unit_net_test_imap_replay_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(GNUTLS_CFLAGS)
tests_unit_net_test_imap_replay_LDADD = $(NET_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/net/test-auth
TESTS += tests/unit/net/test-auth
tests_unit_net_test_auth_SOURCES = tests/unit/net/test-auth.c
tests_unit_net_test_auth_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(GNUTLS_CFLAGS)
tests_unit_net_test_auth_LDADD = $(NET_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/net/test-pop tests/unit/net/test-smtp
TESTS += tests/unit/net/test-pop tests/unit/net/test-smtp
tests_unit_net_test_pop_SOURCES = tests/unit/net/test-pop.c tests/unit/net/fake-server.c tests/unit/net/fake-server.h
tests_unit_net_test_pop_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(GNUTLS_CFLAGS)
tests_unit_net_test_pop_LDADD = $(NET_LIBS) $(CMOCKA_LIBS)
tests_unit_net_test_smtp_SOURCES = tests/unit/net/test-smtp.c tests/unit/net/fake-server.c tests/unit/net/fake-server.h
tests_unit_net_test_smtp_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(GNUTLS_CFLAGS)
tests_unit_net_test_smtp_LDADD = $(NET_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/net/test-fetch
TESTS += tests/unit/net/test-fetch
tests_unit_net_test_fetch_SOURCES = tests/unit/net/test-fetch.c tests/unit/net/story.c tests/unit/net/story.h
tests_unit_net_test_fetch_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/src -DFM_TEST_CORPUS=\"$(abs_top_srcdir)/../shared/corpus\"
tests_unit_net_test_fetch_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_net_test_fetch_LDADD = $(NET_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/net/test-etpan
TESTS += tests/unit/net/test-etpan
tests_unit_net_test_etpan_SOURCES = tests/unit/net/test-etpan.c tests/unit/net/story.c tests/unit/net/story.h
tests_unit_net_test_etpan_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/src -DFM_TEST_CORPUS=\"$(abs_top_srcdir)/../shared/corpus\"
tests_unit_net_test_etpan_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_net_test_etpan_LDADD = $(NET_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/net/test-pop-smtp-replay
TESTS += tests/unit/net/test-pop-smtp-replay
tests_unit_net_test_pop_smtp_replay_SOURCES = tests/unit/net/test-pop-smtp-replay.c tests/unit/net/fake-server.c \
	tests/unit/net/fake-server.h tests/unit/net/recording.c tests/unit/net/recording.h
tests_unit_net_test_pop_smtp_replay_CPPFLAGS = $(AM_CPPFLAGS) -DFM_TEST_CORPUS=\"$(abs_top_srcdir)/../shared/corpus\"
tests_unit_net_test_pop_smtp_replay_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(GNUTLS_CFLAGS)
tests_unit_net_test_pop_smtp_replay_LDADD = $(NET_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/net/test-starttls-cases
TESTS += tests/unit/net/test-starttls-cases
tests_unit_net_test_starttls_cases_SOURCES = tests/unit/net/test-starttls-cases.c tests/unit/net/fake-server.c \
	tests/unit/net/fake-server.h
tests_unit_net_test_starttls_cases_CPPFLAGS = $(AM_CPPFLAGS) -DFM_TEST_CORPUS=\"$(abs_top_srcdir)/../shared/corpus\"
tests_unit_net_test_starttls_cases_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(GNUTLS_CFLAGS)
tests_unit_net_test_starttls_cases_LDADD = $(NET_LIBS) $(CMOCKA_LIBS)
