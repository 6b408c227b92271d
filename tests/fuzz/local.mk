# Tests: fuzz.
# Under `if ENABLE_FUZZ`: EXTRA_PROGRAMS += tests/fuzz/fuzz-NAME, its _SOURCES, _LDADD and _LDFLAGS = $(FUZZ_LINK). See run.sh for seeds.
if ENABLE_FUZZ

# base
EXTRA_PROGRAMS += tests/fuzz/fuzz-text
tests_fuzz_fuzz_text_SOURCES = tests/fuzz/fuzz-text.c
tests_fuzz_fuzz_text_LDADD = $(BASE_LIBS)
tests_fuzz_fuzz_text_LDFLAGS = $(FUZZ_LINK)

# mail
EXTRA_PROGRAMS += tests/fuzz/fuzz-html
tests_fuzz_fuzz_html_SOURCES = tests/fuzz/fuzz-html.c
tests_fuzz_fuzz_html_LDADD = $(MAIL_LIBS)
tests_fuzz_fuzz_html_LDFLAGS = $(FUZZ_LINK)
EXTRA_PROGRAMS += tests/fuzz/fuzz-flowed
tests_fuzz_fuzz_flowed_SOURCES = tests/fuzz/fuzz-flowed.c
tests_fuzz_fuzz_flowed_LDADD = $(MAIL_LIBS)
tests_fuzz_fuzz_flowed_LDFLAGS = $(FUZZ_LINK)
EXTRA_PROGRAMS += tests/fuzz/fuzz-urls
tests_fuzz_fuzz_urls_SOURCES = tests/fuzz/fuzz-urls.c
tests_fuzz_fuzz_urls_LDADD = $(MAIL_LIBS)
tests_fuzz_fuzz_urls_LDFLAGS = $(FUZZ_LINK)

EXTRA_PROGRAMS += tests/fuzz/fuzz-address
tests_fuzz_fuzz_address_SOURCES = tests/fuzz/fuzz-address.c
tests_fuzz_fuzz_address_LDADD = $(MAIL_LIBS)
tests_fuzz_fuzz_address_LDFLAGS = $(FUZZ_LINK)
EXTRA_PROGRAMS += tests/fuzz/fuzz-plain
tests_fuzz_fuzz_plain_SOURCES = tests/fuzz/fuzz-plain.c
tests_fuzz_fuzz_plain_LDADD = $(MAIL_LIBS)
tests_fuzz_fuzz_plain_LDFLAGS = $(FUZZ_LINK)
EXTRA_PROGRAMS += tests/fuzz/fuzz-envelope
tests_fuzz_fuzz_envelope_SOURCES = tests/fuzz/fuzz-envelope.c
tests_fuzz_fuzz_envelope_LDADD = $(MAIL_LIBS)
tests_fuzz_fuzz_envelope_LDFLAGS = $(FUZZ_LINK)
EXTRA_PROGRAMS += tests/fuzz/fuzz-message
tests_fuzz_fuzz_message_SOURCES = tests/fuzz/fuzz-message.c
tests_fuzz_fuzz_message_LDADD = $(MAIL_LIBS)
tests_fuzz_fuzz_message_LDFLAGS = $(FUZZ_LINK)
EXTRA_PROGRAMS += tests/fuzz/fuzz-query
tests_fuzz_fuzz_query_SOURCES = tests/fuzz/fuzz-query.c
tests_fuzz_fuzz_query_LDADD = $(MAIL_LIBS)
tests_fuzz_fuzz_query_LDFLAGS = $(FUZZ_LINK)
EXTRA_PROGRAMS += tests/fuzz/fuzz-draft
tests_fuzz_fuzz_draft_SOURCES = tests/fuzz/fuzz-draft.c
tests_fuzz_fuzz_draft_LDADD = $(MAIL_LIBS)
tests_fuzz_fuzz_draft_LDFLAGS = $(FUZZ_LINK)
EXTRA_PROGRAMS += tests/fuzz/fuzz-mailto
tests_fuzz_fuzz_mailto_SOURCES = tests/fuzz/fuzz-mailto.c
tests_fuzz_fuzz_mailto_LDADD = $(MAIL_LIBS)
tests_fuzz_fuzz_mailto_LDFLAGS = $(FUZZ_LINK)
EXTRA_PROGRAMS += tests/fuzz/fuzz-outgoing
tests_fuzz_fuzz_outgoing_SOURCES = tests/fuzz/fuzz-outgoing.c
tests_fuzz_fuzz_outgoing_LDADD = $(MAIL_LIBS)
tests_fuzz_fuzz_outgoing_LDFLAGS = $(FUZZ_LINK)

# net
EXTRA_PROGRAMS += tests/fuzz/fuzz-imap
tests_fuzz_fuzz_imap_SOURCES = tests/fuzz/fuzz-imap.c
tests_fuzz_fuzz_imap_LDADD = $(NET_LIBS)
tests_fuzz_fuzz_imap_LDFLAGS = $(FUZZ_LINK)
EXTRA_PROGRAMS += tests/fuzz/fuzz-fetch
tests_fuzz_fuzz_fetch_SOURCES = tests/fuzz/fuzz-fetch.c tests/unit/net/story.c tests/unit/net/story.h
tests_fuzz_fuzz_fetch_LDADD = $(NET_LIBS)
tests_fuzz_fuzz_fetch_LDFLAGS = $(FUZZ_LINK)
EXTRA_PROGRAMS += tests/fuzz/fuzz-auth
tests_fuzz_fuzz_auth_SOURCES = tests/fuzz/fuzz-auth.c
tests_fuzz_fuzz_auth_LDADD = $(NET_LIBS)
tests_fuzz_fuzz_auth_LDFLAGS = $(FUZZ_LINK)
EXTRA_PROGRAMS += tests/fuzz/fuzz-pop
tests_fuzz_fuzz_pop_SOURCES = tests/fuzz/fuzz-pop.c
tests_fuzz_fuzz_pop_LDADD = $(NET_LIBS)
tests_fuzz_fuzz_pop_LDFLAGS = $(FUZZ_LINK)

# sync
EXTRA_PROGRAMS += tests/fuzz/fuzz-control
tests_fuzz_fuzz_control_SOURCES = tests/fuzz/fuzz-control.c
tests_fuzz_fuzz_control_LDADD = $(SYNC_LIBS)
tests_fuzz_fuzz_control_LDFLAGS = $(FUZZ_LINK)
EXTRA_PROGRAMS += tests/fuzz/fuzz-maildir
tests_fuzz_fuzz_maildir_SOURCES = tests/fuzz/fuzz-maildir.c
tests_fuzz_fuzz_maildir_LDADD = $(SYNC_LIBS)
tests_fuzz_fuzz_maildir_LDFLAGS = $(FUZZ_LINK)

# index
EXTRA_PROGRAMS += tests/fuzz/fuzz-index
tests_fuzz_fuzz_index_SOURCES = tests/fuzz/fuzz-index.c
tests_fuzz_fuzz_index_LDADD = $(INDEX_LIBS)
tests_fuzz_fuzz_index_LDFLAGS = $(FUZZ_LINK)

# app
EXTRA_PROGRAMS += tests/fuzz/fuzz-config
tests_fuzz_fuzz_config_SOURCES = tests/fuzz/fuzz-config.c
tests_fuzz_fuzz_config_LDADD = $(APP_LIBS)
tests_fuzz_fuzz_config_LDFLAGS = $(FUZZ_LINK)

# ui
EXTRA_PROGRAMS += tests/fuzz/fuzz-canvas
tests_fuzz_fuzz_canvas_SOURCES = tests/fuzz/fuzz-canvas.c
tests_fuzz_fuzz_canvas_LDADD = $(UI_LIBS)
tests_fuzz_fuzz_canvas_LDFLAGS = $(FUZZ_LINK)
EXTRA_PROGRAMS += tests/fuzz/fuzz-keys
tests_fuzz_fuzz_keys_SOURCES = tests/fuzz/fuzz-keys.c
tests_fuzz_fuzz_keys_LDADD = $(UI_LIBS)
tests_fuzz_fuzz_keys_LDFLAGS = $(FUZZ_LINK)
EXTRA_PROGRAMS += tests/fuzz/fuzz-theme
tests_fuzz_fuzz_theme_SOURCES = tests/fuzz/fuzz-theme.c
tests_fuzz_fuzz_theme_LDADD = $(UI_LIBS)
tests_fuzz_fuzz_theme_LDFLAGS = $(FUZZ_LINK)

endif
EXTRA_DIST += tests/fuzz/html.corpus tests/fuzz/flowed.corpus tests/fuzz/message.corpus tests/fuzz/envelope.corpus tests/fuzz/fetch.dict tests/fuzz/query.dict tests/fuzz/plain.dict
