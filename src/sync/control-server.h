/* The leader's end of the control socket. */
#pragma once
#include "sync/control.h"
#include <fulmar/sync/event.h>

typedef struct FmControlServer FmControlServer;

/* Called on the server's thread; must only post. Answers to TOKEN go through fm_control_server_send; 0: no answer is wanted. */
typedef void (*FmControlOnRequest) (guint64 token, const FmControlRequest *request, gpointer data);

/* Binds PATH (0600), replacing a dead socket; the caller holds the lease. PATH may be longer than sun_path allows. FM_ERROR_STORAGE. */
FmControlServer *fm_control_server_new (const char *path, FmControlOnRequest on_request, gpointer data, GError **error);
/* Removes the socket, gives what is still to be said 500 ms, closes every connection. Accepts NULL. */
void fm_control_server_free (FmControlServer *server);

/* Any thread; EVENT is borrowed and encoded. reply_to with the token bit goes to its client alone (with the client's own id) and DONE, FAILED
 * or CANCELLED ends the token; reply_to 0 goes to all clients. A client that does not read is dropped at 4 MB of backlog. */
void fm_control_server_send (FmControlServer *server, const FmEvent *event);
