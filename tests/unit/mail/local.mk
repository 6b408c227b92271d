# Unit tests of src/mail: linked with its library and the rooms below it only.

check_PROGRAMS += tests/unit/mail/test-flags
TESTS += tests/unit/mail/test-flags
tests_unit_mail_test_flags_SOURCES = tests/unit/mail/test-flags.c tests/unit/mail/test.h
tests_unit_mail_test_flags_LDADD = $(MAIL_LIBS) $(CMOCKA_LIBS)
tests_unit_mail_test_flags_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)

check_PROGRAMS += tests/unit/mail/test-address
TESTS += tests/unit/mail/test-address
tests_unit_mail_test_address_SOURCES = tests/unit/mail/test-address.c tests/unit/mail/test.h
tests_unit_mail_test_address_LDADD = $(MAIL_LIBS) $(CMOCKA_LIBS)
tests_unit_mail_test_address_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)

check_PROGRAMS += tests/unit/mail/test-envelope
TESTS += tests/unit/mail/test-envelope
tests_unit_mail_test_envelope_SOURCES = tests/unit/mail/test-envelope.c tests/unit/mail/test.h
tests_unit_mail_test_envelope_LDADD = $(MAIL_LIBS) $(CMOCKA_LIBS)
tests_unit_mail_test_envelope_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)

check_PROGRAMS += tests/unit/mail/test-threads
TESTS += tests/unit/mail/test-threads
tests_unit_mail_test_threads_SOURCES = tests/unit/mail/test-threads.c tests/unit/mail/test.h
tests_unit_mail_test_threads_LDADD = $(MAIL_LIBS) $(CMOCKA_LIBS)
tests_unit_mail_test_threads_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)

check_PROGRAMS += tests/unit/mail/test-corpus
TESTS += tests/unit/mail/test-corpus
tests_unit_mail_test_corpus_SOURCES = tests/unit/mail/test-corpus.c tests/unit/mail/oracle.c tests/unit/mail/oracle.h tests/unit/mail/test.h
tests_unit_mail_test_corpus_CPPFLAGS = $(AM_CPPFLAGS) -DFM_CORPUS=\"$(abs_top_srcdir)/../shared/corpus\"
tests_unit_mail_test_corpus_LDADD = $(MAIL_LIBS) $(CMOCKA_LIBS)
tests_unit_mail_test_corpus_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)

check_PROGRAMS += tests/unit/mail/test-message
TESTS += tests/unit/mail/test-message
tests_unit_mail_test_message_SOURCES = tests/unit/mail/test-message.c tests/unit/mail/test.h
tests_unit_mail_test_message_LDADD = $(MAIL_LIBS) $(CMOCKA_LIBS)
tests_unit_mail_test_message_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)

check_PROGRAMS += tests/unit/mail/test-urls
TESTS += tests/unit/mail/test-urls
tests_unit_mail_test_urls_SOURCES = tests/unit/mail/test-urls.c
tests_unit_mail_test_urls_LDADD = $(MAIL_LIBS) $(CMOCKA_LIBS)
tests_unit_mail_test_urls_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)

check_PROGRAMS += tests/unit/mail/test-layout
TESTS += tests/unit/mail/test-layout
tests_unit_mail_test_layout_SOURCES = tests/unit/mail/test-layout.c
tests_unit_mail_test_layout_LDADD = $(MAIL_LIBS) $(CMOCKA_LIBS)
tests_unit_mail_test_layout_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)

check_PROGRAMS += tests/unit/mail/test-html-corpus
TESTS += tests/unit/mail/test-html-corpus
tests_unit_mail_test_html_corpus_SOURCES = tests/unit/mail/test-html-corpus.c
tests_unit_mail_test_html_corpus_LDADD = $(MAIL_LIBS) $(CMOCKA_LIBS)
tests_unit_mail_test_html_corpus_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)

check_PROGRAMS += tests/unit/mail/test-query
TESTS += tests/unit/mail/test-query
EXTRA_DIST += tests/data/wrong-queries.tsv
tests_unit_mail_test_query_CPPFLAGS = $(AM_CPPFLAGS) -DFM_WRONG_QUERIES=\"$(abs_top_srcdir)/tests/data/wrong-queries.tsv\"
tests_unit_mail_test_query_SOURCES = tests/unit/mail/test-query.c tests/unit/mail/test.h
tests_unit_mail_test_query_LDADD = $(MAIL_LIBS) $(CMOCKA_LIBS)
tests_unit_mail_test_query_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)

check_PROGRAMS += tests/unit/mail/test-projection
TESTS += tests/unit/mail/test-projection
tests_unit_mail_test_projection_SOURCES = tests/unit/mail/test-projection.c tests/unit/mail/test.h
tests_unit_mail_test_projection_LDADD = $(MAIL_LIBS) $(CMOCKA_LIBS)
tests_unit_mail_test_projection_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)

check_PROGRAMS += tests/unit/mail/test-compose
TESTS += tests/unit/mail/test-compose
tests_unit_mail_test_compose_SOURCES = tests/unit/mail/test-compose.c tests/unit/mail/test.h
tests_unit_mail_test_compose_LDADD = $(MAIL_LIBS) $(CMOCKA_LIBS)
tests_unit_mail_test_compose_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)

check_PROGRAMS += tests/unit/mail/test-reply
TESTS += tests/unit/mail/test-reply
tests_unit_mail_test_reply_SOURCES = tests/unit/mail/test-reply.c tests/unit/mail/test.h
tests_unit_mail_test_reply_LDADD = $(MAIL_LIBS) $(CMOCKA_LIBS)
tests_unit_mail_test_reply_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)

check_PROGRAMS += tests/unit/mail/test-sample
TESTS += tests/unit/mail/test-sample
tests_unit_mail_test_sample_SOURCES = tests/unit/mail/test-sample.c tests/unit/mail/test.h
tests_unit_mail_test_sample_LDADD = $(MAIL_LIBS) $(CMOCKA_LIBS)
tests_unit_mail_test_sample_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
check_PROGRAMS += tests/unit/mail/test-outgoing
TESTS += tests/unit/mail/test-outgoing
tests_unit_mail_test_outgoing_SOURCES = tests/unit/mail/test-outgoing.c
tests_unit_mail_test_outgoing_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_mail_test_outgoing_LDADD = $(MAIL_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/mail/test-seven-bit
TESTS += tests/unit/mail/test-seven-bit
tests_unit_mail_test_seven_bit_SOURCES = tests/unit/mail/test-seven-bit.c tests/unit/mail/test.h
tests_unit_mail_test_seven_bit_LDADD = $(MAIL_LIBS) $(CMOCKA_LIBS)
tests_unit_mail_test_seven_bit_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)

check_PROGRAMS += tests/unit/mail/test-terms
TESTS += tests/unit/mail/test-terms
tests_unit_mail_test_terms_SOURCES = tests/unit/mail/test-terms.c tests/unit/mail/test.h
tests_unit_mail_test_terms_LDADD = $(MAIL_LIBS) $(CMOCKA_LIBS)
tests_unit_mail_test_terms_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)

check_PROGRAMS += tests/unit/mail/test-plain
TESTS += tests/unit/mail/test-plain
tests_unit_mail_test_plain_SOURCES = tests/unit/mail/test-plain.c tests/unit/mail/test.h
tests_unit_mail_test_plain_CPPFLAGS = $(AM_CPPFLAGS) -DFM_CORPUS=\"$(abs_top_srcdir)/../shared/corpus\"
tests_unit_mail_test_plain_LDADD = $(MAIL_LIBS) $(CMOCKA_LIBS)
tests_unit_mail_test_plain_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
