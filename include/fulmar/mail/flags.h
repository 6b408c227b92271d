/* Message flags: a bit set that is the same in every layer. Keywords (user tags) are strings and live beside it. */
#pragma once
#include <glib.h>

G_BEGIN_DECLS

typedef enum {
  FM_FLAG_SEEN = 1 << 0,       /* \Seen; bit 0 is what the store's unread index tests */
  FM_FLAG_ANSWERED = 1 << 1,   /* \Answered */
  FM_FLAG_FLAGGED = 1 << 2,    /* \Flagged, the star */
  FM_FLAG_DELETED = 1 << 3,    /* \Deleted */
  FM_FLAG_DRAFT = 1 << 4,      /* \Draft */
  FM_FLAG_FORWARDED = 1 << 5,  /* $Forwarded */
  FM_FLAG_JUNK = 1 << 6,       /* $Junk */
  FM_FLAG_NOTJUNK = 1 << 7,    /* $NotJunk */
  FM_FLAG_MDNSENT = 1 << 8,    /* $MDNSent */
  FM_FLAG_ATTACHMENT = 1 << 9, /* local knowledge: has an attachment; never sent */
  FM_FLAG_SERVER_MASK = (1 << 9) - 1,
} FmFlags;

/* One IMAP flag or keyword name to its bit, 0 if it is none of ours (case-insensitive). */
guint fm_flags_from_imap_name (const char *name);
/* The IMAP name of exactly one bit, static, or NULL. */
const char *fm_flags_imap_name (guint flag);
/* Maildir info letters ("FRS", after ":2,") to bits and back (static order D F P R S T). Transfer: full. */
guint fm_flags_from_maildir (const char *letters);
char *fm_flags_to_maildir (guint flags);
/* What users of other programs know a keyword by: "important ($Label1)"; other keywords as they are. Transfer: full. */
char *fm_flags_keyword_label (const char *keyword);
/* The JSON names of interface.md: seen flagged answered forwarded draft deleted; static, or NULL for others. */
const char *fm_flags_json_name (guint flag);

G_END_DECLS
