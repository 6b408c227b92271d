/* The top line (where you are, what waits, the connection) and the bottom line (keys that matter here; messages; progress). */
#pragma once
#include <fulmar/app/app.h>
#include "ui/keymap.h"
#include "ui/view.h"

G_BEGIN_DECLS

/* value struct */
typedef struct {
  const FmAppStatus *status;
  guint64 unread, total;
  const char *limit;     /* what the list is narrowed to, or NULL */
  guint64 without_limit; /* messages there would be */
  gboolean is_search, busy;
  gint64 now_utc;
} FmViewStatusTop;

void fm_view_status_draw_top (const FmViewFrame *frame, const FmViewStatusTop *top);

/* value struct: what may stand in the bottom line; the first that is there wins */
typedef struct {
  const char *message; /* NULL: none */
  gboolean is_error;
  const char *pending;  /* keys of an unfinished sequence, or NULL */
  const char *progress; /* or NULL */
  guint64 progress_done, progress_total;
  gboolean progress_is_bytes;
  const FmKeymap *keymap; /* for the hints; NULL: no hints */
  guint context;
  const char *continuations; /* what may follow PENDING, or NULL */
  const char *place;         /* "line 3 of 1,204": always to the right */
} FmViewStatusBottom;

void fm_view_status_draw_bottom (const FmViewFrame *frame, const FmViewStatusBottom *bottom);

/* "1,204". Transfer: full. */
char *fm_view_status_number (guint64 number);

G_END_DECLS
