noinst_LIBRARIES += src/net/libnet.a
src_net_libnet_a_CFLAGS = $(AM_CFLAGS) $(GNUTLS_CFLAGS)
src_net_libnet_a_SOURCES = \
	src/net/auth.c \
	src/net/dial.c \
	src/net/dial.h \
	src/net/imap-build.c \
	src/net/imap-build.h \
	src/net/imap-change.c \
	src/net/imap-engine.c \
	src/net/imap-engine.h \
	src/net/imap-idle.c \
	src/net/imap-lex.c \
	src/net/imap-lex.h \
	src/net/imap-open.c \
	src/net/imap-open.h \
	src/net/imap-parse.c \
	src/net/imap-parse.h \
	src/net/imap-reader.c \
	src/net/imap-reader.h \
	src/net/imap-session-fetch.c \
	src/net/imap-session-queue.c \
	src/net/imap-session.c \
	src/net/imap-state.c \
	src/net/imap-state.h \
	src/net/mutf7.c \
	src/net/mutf7.h \
	src/net/pop-open.c \
	src/net/pop-parse.c \
	src/net/pop-parse.h \
	src/net/pop-reader.c \
	src/net/pop-reader.h \
	src/net/pop-session-private.h \
	src/net/pop-session.c \
	src/net/server.c \
	src/net/smtp-open.c \
	src/net/smtp-parse.c \
	src/net/smtp-parse.h \
	src/net/smtp-session-private.h \
	src/net/smtp-session.c \
	src/net/stream.c \
	src/net/tls.c \
	src/net/tls.h
