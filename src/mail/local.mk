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
src_mail_libmail_a_SOURCES += src/mail/doc.c
src_mail_libmail_a_SOURCES += src/mail/doc-private.h
src_mail_libmail_a_SOURCES += src/mail/doc-builder.c
src_mail_libmail_a_SOURCES += src/mail/urls.c
src_mail_libmail_a_SOURCES += src/mail/flowed.c
src_mail_libmail_a_SOURCES += src/mail/layout.c
src_mail_libmail_a_SOURCES += src/mail/layout-private.h
src_mail_libmail_a_SOURCES += src/mail/layout-break.c
src_mail_libmail_a_SOURCES += src/mail/layout-table.c
src_mail_libmail_a_SOURCES += src/mail/html.c
src_mail_libmail_a_SOURCES += src/mail/html-private.h
src_mail_libmail_a_SOURCES += src/mail/html-parse.c
src_mail_libmail_a_SOURCES += src/mail/html-style.c
src_mail_libmail_a_SOURCES += src/mail/html-strip.c
src_mail_libmail_a_SOURCES += src/mail/html-walk.c
src_mail_libmail_a_SOURCES += src/mail/html-walk.h
src_mail_libmail_a_SOURCES += src/mail/layout-search.c
src_mail_libmail_a_SOURCES += src/mail/layout-search.h
