/* Handing one mail over, by SMTP or by a program, and what came of it. */
#pragma once
#include "sync/account-worker.h"
#include <fulmar/net/smtp-session.h>

/* value struct */
typedef struct {
  const FmAccountSpec *spec;
  FmSecret *secret; /* NULL: a program sends */
  FmCancel *cancel;
  const char *sender;
  const char *const *recipients; /* NULL-terminated */
  const char *path;              /* the message file */
} FmOutboxTask;

/* RESULTS as in fm_smtp_session_send. ERROR is set unless ACCEPTED; *RET_AT_DOOR: the server did not let us in at all, so it says nothing about the
 * mail. Worker threads only. */
FmSmtpVerdict fm_outbox_send_smtp (const FmOutboxTask *task, FmSmtpRecipient *results, gboolean *ret_at_door, GError **error);
/* The user's own program, the message on its standard input. With "-t" among its words it reads the recipients from the header, so those who are not
 * named there are given in a Bcc line, which it takes out; else they are its last arguments. */
FmSmtpVerdict fm_outbox_send_program (const FmOutboxTask *task, GError **error);
