/* IDLE (RFC 2177): waiting for the server's news at no cost; and NOTIFY (RFC 5465): news of all mailboxes, not of the selected one alone. */
#pragma once
#include <fulmar/net/imap-session.h>

G_BEGIN_DECLS

typedef enum {
  FM_IMAP_IDLE_NEWS,     /* at least one event arrived (before or after the server's "+") */
  FM_IMAP_IDLE_WOKEN,    /* WAKE_FD became readable: the owner has something else to do */
  FM_IMAP_IDLE_DEADLINE, /* the deadline, or 28 minutes: call again */
} FmImapIdleEnd;

/* Blocks in IDLE on the selected mailbox until one of the ends above, then DONE and the tagged answer; events arrive meanwhile, after news it
 * stays until they have been quiet for 20 ms. WAKE_FD -1: none; it is not read. INVALID where IDLE is not offered: poll with
 * fm_imap_session_noop. An owner that slept (suspend) should free the session rather than trust it. */
gboolean fm_imap_idle_wait (FmImapSession *session, int wake_fd, gint64 deadline_us, FmImapIdleEnd *ret_end, GError **error);

/* NOTIFY SET STATUS, where FM_IMAP_CAP_NOTIFY is offered: from its answer on, and until the connection ends, the server tells at any time what
 * changes. Of the selected mailbox as ever; of every other personal one by `status`, once for each at the beginning; by `box` when mailboxes are
 * made, renamed, removed or (un)subscribed. */
void fm_imap_idle_queue_notify (FmImapSession *session, FmImapDone done, gpointer data);

G_END_DECLS
