/* A whole message, opened: its header, its tree of parts, the text to show and the bytes of attachments. Content stays in the file and is
 * decoded on demand, so a 50 MB attachment costs no memory. One owner; one thread at a time. No input makes it crash or run long:
 * nesting, number of parts and text sizes are bounded, and fm_message_defects says when a bound was met. */
#pragma once
#include <glib.h>
#include "fulmar/base/sink.h"
#include "fulmar/mail/envelope.h"

G_BEGIN_DECLS

typedef struct FmMessage FmMessage;

#define FM_MESSAGE_MAX_PARTS 2000
#define FM_MESSAGE_MAX_DEPTH 60
#define FM_MESSAGE_NO_PART G_MAXUINT

typedef enum {
  FM_MESSAGE_DEFECT_TOO_MANY_PARTS = 1 << 0, /* parts beyond the bounds are not in the tree */
  FM_MESSAGE_DEFECT_TRUNCATED = 1 << 1,      /* a multipart's end is missing */
  FM_MESSAGE_DEFECT_NO_BOUNDARY = 1 << 2,    /* a multipart without parts: its raw text stands in as one text part */
  FM_MESSAGE_DEFECT_NO_SEPARATOR = 1 << 4,   /* a header runs into its text: what follows the last field is shown as the text */
  FM_MESSAGE_DEFECT_SEVERAL_FROM = 1 << 3,   /* more than one From field: what is shown may not be what was checked */
} FmMessageDefects;

/* A part, borrowed from the message. Parts are numbered in reading order: 0 is the whole body, a child follows its parent. Strings are
 * valid UTF-8 on one line, "" when absent. */
typedef struct {
  guint index;
  guint parent; /* FM_MESSAGE_NO_PART for 0 */
  guint depth;
  guint n_children;
  const char *path;        /* IMAP section number, "1.2"; "" for a body that is a multipart or message */
  const char *type;        /* lower case "text/plain"; what the label says, or text/plain where it is unreadable */
  const char *charset;     /* as labelled */
  const char *disposition; /* lower case: "inline", "attachment" or "" */
  const char *encoding;    /* "base64", "quoted-printable", "7bit", "8bit", "binary", "x-uuencode" or "" */
  const char *content_id;  /* without angle brackets */
  const char *description;
  const char *file_name; /* for showing and saving: no slash, no leading dot, no control byte, at most 200 bytes; "" if it has none */
  guint64 size_bytes;    /* of the encoded content; 0 for multiparts */
  gboolean is_leaf;
  gboolean is_attachment; /* to be listed as an attachment rather than read as text */
  gboolean is_flowed;     /* format=flowed (RFC 3676) */
  gboolean is_delsp;      /* DelSp=yes */
} FmMessagePart;

typedef enum { FM_MESSAGE_PREFER_PLAIN, FM_MESSAGE_PREFER_HTML } FmMessagePreference;
typedef enum { FM_MESSAGE_HEADERS_BRIEF, FM_MESSAGE_HEADERS_ALL } FmMessageHeaderSet;

/* A header field: NAME as written, VALUE decoded and sanitised to one line. Borrowed from the message. */
typedef struct {
  const char *name;
  const char *value;
} FmMessageField;

/* SIZE_BYTES from OFFSET of a file (0, -1: all of it), or bytes in memory. Errors: STORAGE, NOT_FOUND. Transfer: full. */
FmMessage *fm_message_open_file (const char *path, gint64 offset, gint64 size_bytes, GError **error);
FmMessage *fm_message_open_bytes (GBytes *bytes, GError **error);
void fm_message_free (FmMessage *message); /* accepts NULL */

guint fm_message_defects (const FmMessage *message);
/* Of the message, or of the one inside the message/rfc822 part INDEX (NULL for other parts). Transfer: none. */
const FmEnvelope *fm_message_envelope (FmMessage *message);
const FmEnvelope *fm_message_part_envelope (FmMessage *message, guint index);

/* Header fields in order; BRIEF are those people read (Date, From, To, Cc, ... in this order). INDEX: FM_MESSAGE_NO_PART for the message's
 * own, else of a message/rfc822 part. Transfer: none; N may be 0. */
const FmMessageField *fm_message_headers (FmMessage *message, guint index, FmMessageHeaderSet set, gsize *ret_n);
/* The first field of that name, decoded, or NULL; and as its bytes stand, made valid UTF-8, still folded. Transfer: none / full. */
const char *fm_message_header (FmMessage *message, const char *name);
char *fm_message_header_raw (FmMessage *message, const char *name);

guint fm_message_n_parts (const FmMessage *message);
/* NULL beyond the end. Transfer: none. */
const FmMessagePart *fm_message_part (const FmMessage *message, guint index);
/* The part of that section number or content id, or FM_MESSAGE_NO_PART. */
guint fm_message_find_path (const FmMessage *message, const char *path);
guint fm_message_find_content_id (const FmMessage *message, const char *content_id);

/* What to show, in order: the chosen alternative, every inline text of a mixed, nested messages' (their message/rfc822 part comes first, to
 * draw its headers). Attachments are not in it. Transfer: full, array of guint. */
GArray *fm_message_body_parts (FmMessage *message, FmMessagePreference preference);
/* Parts to list as attachments, in order. Transfer: full, array of guint. */
GArray *fm_message_attachments (FmMessage *message);

/* The text of a leaf as UTF-8 with LF line ends: the label's charset if its bytes fit it, else UTF-8, else windows-1252. NUL and invalid
 * bytes become U+FFFD. At most LIMIT_BYTES of output; ret_truncated may be NULL. Not sanitised: control characters are still in it.
 * Errors: INVALID (no leaf), STORAGE. Transfer: full. */
char *fm_message_part_text (FmMessage *message, guint index, gsize limit_bytes, gboolean *ret_truncated, GError **error);
/* The decoded bytes (of a message/rfc822 part: the message), or FM_ERROR_LIMIT beyond LIMIT_BYTES. The sink is written, not committed. */
GBytes *fm_message_part_bytes (FmMessage *message, guint index, gsize limit_bytes, GError **error);
gboolean fm_message_part_write (FmMessage *message, guint index, FmSink *sink, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (FmMessage, fm_message_free)

G_END_DECLS
