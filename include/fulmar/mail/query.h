/* What the user searches for, as a tree. Pure: no library, no store. notmuch's words (notmuch-search-terms(7)) and a subset of mutt's
 * patterns (when the text begins with "~" or "!~") compile to the same tree; store and index translate it. Frozen, atomically refcounted.
 *
 *   from:ada and (subject:"the engine" or tag:urgent) not date:..2w
 *
 * "and" binds tighter than "or"; words side by side are joined by and; "not" and a leading "-" negate the next term. The words and, or, not
 * and xor are operators in any case. "*" alone matches everything; a trailing "*" needs at least three letters before it. */
#pragma once
#include <fulmar/mail/terms.h>

G_BEGIN_DECLS

typedef struct FmQuery FmQuery;

typedef enum {
  FM_QUERY_ALL, /* matches everything */
  FM_QUERY_AND, /* two or more children */
  FM_QUERY_OR,
  FM_QUERY_XOR, /* two children */
  FM_QUERY_NOT, /* one child */
  /* Text leaves: fm_query_text is the word or phrase. */
  FM_QUERY_WORD,       /* anywhere in the message: header or text */
  FM_QUERY_BODY,       /* in the text */
  FM_QUERY_ATTACHMENT, /* in an attachment's name */
  FM_QUERY_FROM,
  FM_QUERY_TO, /* To, Cc or Bcc */
  FM_QUERY_CC,
  FM_QUERY_SUBJECT,
  FM_QUERY_FOLDER,  /* the whole name, or its last part, or its beginning with "*" */
  FM_QUERY_ACCOUNT, /* the whole name */
  FM_QUERY_TAG,     /* a keyword; the flag words below become FM_QUERY_FLAG */
  FM_QUERY_ID,      /* a Message-ID without angle brackets */
  FM_QUERY_THREAD,  /* a thread's id as the program prints it */
  FM_QUERY_FLAG,    /* fm_query_flag: all of these bits set (unread is NOT of FM_FLAG_SEEN) */
  /* Ranges, both ends included: fm_query_range. */
  FM_QUERY_DATE, /* seconds UTC */
  FM_QUERY_SIZE, /* bytes */
} FmQueryKind;

/* NOW_UTC and the local time zone give relative dates their meaning; they are resolved here, once. On failure FM_ERROR_INVALID with a
 * message for the user that names the mistake and the offset of it in bytes in ret_position (may be NULL). At most 8 kB and 500 terms
 * (FM_ERROR_LIMIT). Empty text is FM_QUERY_ALL. Transfer: full. */
FmQuery *fm_query_parse (const char *text, gint64 now_utc, gsize *ret_position, GError **error);
FmQuery *fm_query_ref (const FmQuery *query);
void fm_query_unref (FmQuery *query); /* accepts NULL */

FmQueryKind fm_query_kind (const FmQuery *query);
guint fm_query_n_children (const FmQuery *query);
const FmQuery *fm_query_child (const FmQuery *query, guint index); /* Transfer: none */
const char *fm_query_text (const FmQuery *query);                  /* "" for others than text leaves; as typed */
gboolean fm_query_is_phrase (const FmQuery *query);                /* in quotes: words in this order, whole words */
gboolean fm_query_is_prefix (const FmQuery *query);                /* ended in "*" (cut off from the text) */
guint fm_query_flag (const FmQuery *query);
void fm_query_range (const FmQuery *query, gint64 *ret_low, gint64 *ret_high); /* G_MININT64 and G_MAXINT64: open */
/* How a text leaf is looked for word by word, as notmuch does it: sender and subject by the words as typed, other text by its stems too. */
FmTermsHow fm_query_terms_how (const FmQuery *leaf);
/* Does any leaf need the text index (WORD, BODY, ATTACHMENT)? */
gboolean fm_query_needs_index (const FmQuery *query);

/* The tree in one canonical line, fully parenthesised, for logs and tests. Parsing it again gives an equal tree. Transfer: full. */
char *fm_query_to_string (const FmQuery *query);

/* What is known of one message, to test a query in memory. NULL strings are empty; TAGS is NULL-terminated or NULL. Text is matched
 * by words (terms.h). */
typedef struct {
  const char *from, *to, *cc, *subject, *body, *folder, *account, *message_id, *thread;
  const char *const *tags;
  const char *const *attachments;
  guint flags;
  gint64 date_utc;
  gint64 size_bytes;
} FmQueryFacts;
gboolean fm_query_matches (const FmQuery *query, const FmQueryFacts *facts);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (FmQuery, fm_query_unref)

G_END_DECLS
