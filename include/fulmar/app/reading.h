/* The message being read: opened from the store on a pool thread, fetched first if its body is not here. UI thread only; the document is
 * frozen and laid out by the view. */
#pragma once
#include <fulmar/mail/doc.h>
#include <glib.h>

G_BEGIN_DECLS

typedef struct FmReading FmReading;

typedef enum { FM_READING_LOADING, FM_READING_FETCHING, FM_READING_READY, FM_READING_FAILED } FmReadingState;
typedef enum { FM_SHOW_BEST, FM_SHOW_TEXT, FM_SHOW_HTML, FM_SHOW_SOURCE } FmReadingMode;

/* value struct: one entry of the attachment tree */
typedef struct {
  guint index;       /* within the message, from 0 */
  char *path;        /* "1.2" */
  char *type;        /* "image/png" */
  char *charset;     /* as labelled, "" if not */
  char *file_name;   /* safe, may be NULL */
  char *label;       /* what to call it: the file's name, a nested message's subject, the description; NULL: nothing is known */
  gint64 size_bytes; /* about, once decoded; 0 for multiparts */
  guint depth;
  gboolean is_leaf; /* or a message: has content of its own */
  gboolean is_attachment;
} FmReadingPart;

gint64 fm_reading_id (const FmReading *reading); /* the row's id */
FmReadingState fm_reading_state (const FmReading *reading);
const char *fm_reading_notice (const FmReading *reading); /* "offline: the body is not here; it comes when ..." or progress; NULL if none */
FmReadingMode fm_reading_mode (const FmReading *reading);
/* The one part that is shown alone: its index, or -1 for the message. */
gint fm_reading_part (const FmReading *reading);
gboolean fm_reading_all_headers (const FmReading *reading);
FmDoc *fm_reading_doc (const FmReading *reading);       /* headers and body; NULL until READY. Transfer: none */
GPtrArray *fm_reading_parts (const FmReading *reading); /* FmReadingPart*; attachments and body parts; NULL until READY */

G_END_DECLS
