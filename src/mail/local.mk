noinst_LIBRARIES += src/mail/libmail.a
src_mail_libmail_a_CFLAGS = $(AM_CFLAGS) $(GMIME_CFLAGS) $(GUMBO_CFLAGS)
src_mail_libmail_a_SOURCES =
