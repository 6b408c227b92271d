/* A thread's mailbox: any thread posts, one thread takes. Posting consumes the item, whose content must be frozen (or plain values) from
 * then on. A pthread mutex and condition rather than GAsyncQueue, so that ThreadSanitizer sees every hand-over; an eventfd rides along for
 * threads that wait in poll or in a GLib main loop. */
#pragma once
#include <glib.h>

G_BEGIN_DECLS

typedef struct FmPort FmPort;

FmPort *fm_port_new (void);
FmPort *fm_port_ref (FmPort *port);
void fm_port_unref (FmPort *port); /* frees what is still queued */

/* Consumes ITEM. FALSE once the port is closed: ITEM has been freed with FREE_ITEM (may be NULL). Any thread; never blocks. */
gboolean fm_port_post (FmPort *port, gpointer item, GDestroyNotify free_item);
/* The same, in front of everything queued. */
gboolean fm_port_post_urgent (FmPort *port, gpointer item, GDestroyNotify free_item);

/* The oldest item, moved to the caller; NULL at the deadline (fm_clock_deadline_us) or when closed and empty. Owner thread. */
gpointer fm_port_take (FmPort *port, gint64 deadline_us);
gpointer fm_port_try_take (FmPort *port);

guint fm_port_length (FmPort *port);
void fm_port_close (FmPort *port);
gboolean fm_port_is_closed (FmPort *port);

/* Readable while items are queued or the port is closed; for poll(2) by the owner. */
int fm_port_fd (FmPort *port);

/* Called on the loop's thread; owns ITEM. */
typedef void (*FmPortHandler) (gpointer item, gpointer data);

/* A source (unattached; the caller owns it) that drains the port for at most BUDGET_US a turn, so that painting is never starved. */
GSource *fm_port_source_new (FmPort *port, gint64 budget_us, FmPortHandler handler, gpointer data);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (FmPort, fm_port_unref)

G_END_DECLS
