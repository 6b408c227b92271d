/* What an SMTP server says, line by line, without any connection: fuzzed and tested alone. And what may be said to it. */
#pragma once
#include <glib.h>

#define FM_SMTP_PARSE_MAX_LINE 4096
#define FM_SMTP_PARSE_MAX_LINES 200

/* value struct: one reply, all its lines. Begin with zero; fm_smtp_parse_reply_clear. */
typedef struct {
  int code;       /* 200..599 */
  GString *lines; /* what follows the code in each line, joined by LF; raw */
  guint n;
} FmSmtpReply;
void fm_smtp_parse_reply_clear (FmSmtpReply *reply);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (FmSmtpReply, fm_smtp_parse_reply_clear)

/* Adds one line; *RET_DONE: it was the last. PROTOCOL: no code, or another code than the lines before; LIMIT: too many lines. */
gboolean fm_smtp_parse_line (FmSmtpReply *reply, const char *line, gsize length, gboolean *ret_done, GError **error);
/* "550 5.1.1 No such user": on one line, sanitised, bounded. Transfer: full. */
char *fm_smtp_parse_describe (const FmSmtpReply *reply);

/* An address as it may stand between < and >: bounded, no control bytes, blanks only in quotes, no angle brackets outside them; a domain of other
 * letters in its ASCII form. *RET_NEEDS_UTF8: the local part can't be written in ASCII. INVALID names it. "" is the null sender. Transfer: full. */
char *fm_smtp_parse_address (const char *address, gboolean *ret_needs_utf8, GError **error);
