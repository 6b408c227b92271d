/* What the files of an SMTP session share. */
#pragma once
#include "smtp-parse.h"
#include <fulmar/net/smtp-session.h>

struct FmSmtpSession {
  FmServer *server;
  FmCredentials *credentials; /* NULL: none */
  char *client_name;          /* or NULL */
  FmStream *stream;
  int timeout_ms; /* of one reply; -1: the stream's own deadline stays */
  gboolean has_pipelining, has_8bitmime, has_smtputf8, has_starttls, has_size;
  guint64 size_limit;
  char **mechanisms; /* NULL-terminated, or NULL */
  gboolean is_dead;
};

/* Collects a command line; ARGUMENT may be NULL. INVALID for CR or LF in it. */
gboolean fm_smtp_session_write (FmSmtpSession *session, const char *command, const char *argument, GError **error);
/* Sends what was collected and reads one whole reply. */
gboolean fm_smtp_session_read (FmSmtpSession *session, FmSmtpReply *ret_reply, GError **error);
gboolean fm_smtp_session_ask (FmSmtpSession *session, const char *command, const char *argument, FmSmtpReply *ret_reply, GError **error);
/* smtp-open.c: greeting to sign-in. */
gboolean fm_smtp_open_sign_in (FmSmtpSession *session, GError **error);
