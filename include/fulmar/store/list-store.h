/* Lists, read by window and never whole. By date and by thread any page is one bounded query (keyset); every order has a position array
 * (positions.h), loaded behind the screen, for jumps. A reader sees its last commit; nothing here keeps a transaction open. */
#pragma once
#include <fulmar/store/db.h>
#include <fulmar/store/idset.h>

G_BEGIN_DECLS

/* One line of a list: frozen, atomically refcounted; fields are read only. Strings are never NULL. */
typedef struct {
  gint64 id, folder_id, thread_id;
  guint32 uid; /* 0: not known yet */
  guint flags; /* FmFlags as shown; FM_FLAG_ATTACHMENT included */
  gint64 date_utc, internal_date_utc;
  guint64 size_bytes;
  const char *from; /* one short phrase; in folders of sent mail, to whom */
  const char *subject;
  const char *labels; /* of a Gmail message, but for this folder's: "Inbox, Work"; else "" */
  guint attachments;
  gboolean has_body; /* the message file is here */
  gboolean is_stub;  /* POP: only the header was fetched, the rest comes when it is asked for */
  gboolean pending;  /* an operation waits for the server */
  /* In thread order only (else 0); as FmThreadsRow of mail/threads.h. */
  guint16 depth;
  gboolean is_last_child, has_children, is_orphan;
  guint64 open_levels;
  gboolean folded;                   /* stands for its whole thread: the root, with the newest one's date */
  guint thread_count, thread_unread; /* of the folder's part of the thread */
} FmRow;

FmRow *fm_list_store_row_ref (FmRow *row);
void fm_list_store_row_unref (FmRow *row); /* accepts NULL */

typedef enum { FM_ORDER_DATE, FM_ORDER_ARRIVAL, FM_ORDER_FROM, FM_ORDER_SUBJECT, FM_ORDER_SIZE, FM_ORDER_THREAD } FmListOrder;

/* What list. Threads stand newest first (by their newest message), or oldest first; within one, tree order. Threads have no limit. */
typedef struct {
  gint64 folder_id; /* 0: every folder; needs a limit */
  FmListOrder order;
  gboolean descending;
  const FmIdSet *limit;  /* NULL: all; else rows whose id is a member */
  const FmIdSet *folded; /* ids of threads shown as one row; NULL: none */
  gboolean all_folded;   /* every thread but those in `folded` */
} FmListSpec;

/* The first N rows (fewer if there are fewer), for DATE and THREAD without a limit; other lists are read through positions.h (INVALID).
 * FmRow*. Transfer: full. */
GPtrArray *fm_list_store_first (FmStoreReader *reader, const FmListSpec *spec, guint n, GError **error);
/* N rows after ANCHOR, or before it with BACKWARDS, in list order in both cases, ANCHOR not included; in THREAD order whole threads after
 * (or before) the anchor's, so that N may be exceeded. The anchor's row may be gone by now. */
GPtrArray *fm_list_store_page (FmStoreReader *reader, const FmListSpec *spec, const FmRow *anchor, gboolean backwards, guint n,
                               GError **error);
/* These rows in this order; ids that are gone are left out. */
GPtrArray *fm_list_store_rows (FmStoreReader *reader, const gint64 *ids, gsize n, GError **error);
/* All of one thread in tree order: FOLDER_ID's part, or with 0 wherever its messages are (one row for each Message-ID). */
GPtrArray *fm_list_store_thread (FmStoreReader *reader, gint64 thread_id, gint64 folder_id, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (FmRow, fm_list_store_row_unref)

G_END_DECLS
