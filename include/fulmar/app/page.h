/* A message as a page: headers, the chosen body parts, the list of attachments, as one frozen document. Pure; pool threads and the command
 * line call it alike. */
#pragma once
#include <fulmar/app/reading.h>
#include <fulmar/mail/message.h>
#include <fulmar/store/message-store.h>

/* value struct */
typedef struct {
  FmReadingMode mode;
  gboolean prefer_html; /* for FM_SHOW_BEST */
  gboolean all_headers;
  const char *headers;  /* names in order, separated by blanks; NULL: the usual ones */
  const char *labels;   /* of a Gmail message, told under its headers; NULL or "": none */
  const char *tags;     /* told likewise */
  gsize max_text_bytes; /* of each plain text, for a quick first look at a huge one; 0: all that is ever shown */
} FmPageOptions;

/* Never fails: what can't be read is said on the page. *RET_PARTS (may be NULL) gets an array of FmReadingPart*, *RET_IS_CUT (may be NULL)
 * whether max_text_bytes left something out. Transfer: full. */
FmDoc *fm_page_build (FmMessage *message, const FmPageOptions *options, GPtrArray **ret_parts, gboolean *ret_is_cut);
/* The part INDEX alone: text and HTML as in a message, a nested message as a page of its own, of all else what it is and what can be done. */
FmDoc *fm_page_part (FmMessage *message, guint index, const FmPageOptions *options, gboolean *ret_is_cut);
/* The file's bytes as they came, controls made visible, up to a bound. */
FmDoc *fm_page_source (const char *path, gint64 offset, gint64 size_bytes);
/* A message of which only the header is here: what its row knows of it, under a line of our own words. */
FmDoc *fm_page_stub (const FmMessageInfo *info);
