/* The inside of a collector: what it gathers, and the hand-over of a slice of it to the pen. */
#pragma once
#include "sync/imap-collect.h"

#define FM_IMAP_COLLECT_ROWS 150 /* a slice */
#define FM_IMAP_COLLECT_FLAGS 400

struct FmImapCollect {
  FmAccountWorker *worker;
  gint64 folder_id;
  GArray *rows, *flags, *sizes;
  GArray *hidden; /* FmImapRange, or NULL */
  GArray *diverted_ranges, *diverted_flags, *diverted_ids;
  const FmImapEvents *listing; /* box and status go there; NULL: nowhere */
  gpointer listing_data;
  FmImapHeard heard;
  char *rights;      /* of the folder, as MYRIGHTS told; NULL: it did not */
  gboolean is_gmail; /* flags are a message's, not a folder's */

  pthread_mutex_t mutex;
  pthread_cond_t cond;
  guint in_flight;                             /* under mutex */
  GError *error;                               /* the first; under mutex */
  guint added, unseen_added, changed, removed; /* under mutex */
  guint elsewhere, unknown;                    /* likewise; see FmImapHeard */
};

/* What is gathered of one kind, as a slice of its own to the pen. */
void fm_imap_collect_post_rows (FmImapCollect *collect);
void fm_imap_collect_post_flags (FmImapCollect *collect);
void fm_imap_collect_post_sizes (FmImapCollect *collect);
/* Deletions wait for their commit, since a slice may have to be repeated. */
void fm_imap_collect_remove_ranges (FmImapCollect *collect, const FmImapRange *ranges, gsize n);
