/* Getting a connected socket to a named host, private to the network layer. */
#pragma once
#include <fulmar/base/cancel.h>
#include <fulmar/net/server.h>
#include <sys/socket.h>

/* A connected, non-blocking, close-on-exec TCP socket, or -1: OFFLINE, TIMEOUT, CANCELLED, TLS (a host that is not this machine for
 * FM_SECURITY_PLAIN_LOOPBACK). The caller owns it. */
int fm_dial_host (const FmServer *server, FmCancel *cancel, gint64 deadline_us, GError **error);

/* Waits for EVENTS on FD (-1: none) or for EXTRA_FD (-1: none) to be readable. Returns the ready events of FD (0 at the deadline unless an
 * error), sets *RET_EXTRA (may be NULL); -1 with CANCELLED. */
int fm_dial_poll (int fd, short events, int extra_fd, FmCancel *cancel, gint64 deadline_us, gboolean *ret_extra, GError **error);

gboolean fm_dial_is_loopback (const struct sockaddr *address);
