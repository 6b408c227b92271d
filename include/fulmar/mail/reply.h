/* The draft that answers or passes on a message: who gets it, its subject, its place in the thread, and the quoted text. */
#pragma once
#include <glib.h>
#include "fulmar/mail/draft.h"
#include "fulmar/mail/message.h"

G_BEGIN_DECLS

typedef enum {
  FM_REPLY_SENDER, /* Reply-To, else From; an own message is answered to those it went to */
  FM_REPLY_ALL,    /* Mail-Followup-To, else the sender and everyone else, own addresses left out */
  FM_REPLY_LIST,   /* Mail-Followup-To or List-Post, else as FM_REPLY_ALL */
} FmReplyKind;

typedef struct {
  const FmAddressList *own; /* all of the user's addresses; the first is From unless the mail came to another of them */
  const char *attribution;  /* NULL: "On %d, %n wrote:"; %d date, %n name, %a address, %s subject, %% */
  gboolean no_quote;        /* leave the text empty */
  gboolean files_follow;    /* the caller attaches the forwarded message's files: they are not listed in the text */
} FmReplyOptions;

/* Transfer: full. Never fails: a message without sender gives a draft without recipient. */
FmDraft *fm_reply_new (FmMessage *message, FmReplyKind kind, const FmReplyOptions *options);
/* Forward inline: the shown text under a short header block. Attachments are not taken along; without
 * FILES_FOLLOW they are listed in the text. */
FmDraft *fm_reply_forward (FmMessage *message, const FmReplyOptions *options);

/* One "Re: " or "Fwd: " before the subject's base. Transfer: full. */
char *fm_reply_subject (const char *subject, gboolean forward);
/* The subject as it came, decoded, with the joiners that an envelope's lacks. Transfer: full. */
char *fm_reply_original_subject (FmMessage *message);
/* The text a person reads, HTML as its words. Bounded. Transfer: full. */
char *fm_reply_readable_text (FmMessage *message);
/* "> " before each line; already quoted lines get ">" so that levels read ">>". Trailing blank lines and a signature ("-- ") go. Transfer: full. */
char *fm_reply_quote (const char *text);

G_END_DECLS
