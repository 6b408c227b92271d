/* One connection of the control socket: frames in, frames out, never waiting. Not locked: its users do that. */
#pragma once
#include <glib.h>

typedef struct FmControlChannel FmControlChannel;

/* Takes FD, a connected socket; closed on free. */
FmControlChannel *fm_control_channel_new (int fd);
void fm_control_channel_free (FmControlChannel *channel); /* accepts NULL */

/* A connected socket to PATH, or a listening one at PATH (0600, in place of a dead one); -1 with FM_ERROR_OFFLINE or FM_ERROR_STORAGE. PATH may be
 * longer than an address holds. */
int fm_control_channel_connect (const char *path, GError **error);
int fm_control_channel_listen (const char *path, GError **error);
/* The next client of a listening socket that belongs to this user, or -1. RET_MORE: whether to call again at once. */
int fm_control_channel_accept (int listening, gboolean *ret_more);

int fm_control_channel_fd (const FmControlChannel *channel);
/* What to poll for: POLLIN, and POLLOUT while bytes wait. */
short fm_control_channel_events (const FmControlChannel *channel);

/* Reads what is there, once. FALSE: the peer is gone or breaks the framing. */
gboolean fm_control_channel_read (FmControlChannel *channel);
/* The next whole frame's body, valid until the next call to read or next; FALSE: none yet. */
gboolean fm_control_channel_next (FmControlChannel *channel, const guint8 **ret_data, gsize *ret_size);

void fm_control_channel_put (FmControlChannel *channel, GBytes *body);
/* Writes what the peer takes. FALSE: the peer is gone. */
gboolean fm_control_channel_flush (FmControlChannel *channel);
gsize fm_control_channel_backlog (const FmControlChannel *channel);
