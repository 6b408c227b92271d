noinst_LIBRARIES += src/mail/libmail.a
src_mail_libmail_a_CFLAGS = $(AM_CFLAGS) $(GMIME_CFLAGS) $(GUMBO_CFLAGS)
src_mail_libmail_a_SOURCES = \
	src/mail/address.c \
	src/mail/address-private.h \
	src/mail/charset.c \
	src/mail/charset.h \
	src/mail/envelope.c \
	src/mail/flags.c \
	src/mail/gmime-init.c \
	src/mail/gmime-init.h \
	src/mail/threads.c
