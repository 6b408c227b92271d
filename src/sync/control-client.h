/* A follower's end of the control socket. */
#pragma once
#include "sync/control.h"
#include <fulmar/sync/event.h>

typedef struct FmControlClient FmControlClient;

/* On the client's thread: EVENT is owned by the callee; NULL: the leader is gone (last call; requests without an answer stay the caller's).
 * Must only post. */
typedef void (*FmControlOnEvent) (FmEvent *event, gpointer data);

/* FM_ERROR_OFFLINE: nobody listens. Connects at once or not at all. */
FmControlClient *fm_control_client_new (const char *path, FmControlOnEvent on_event, gpointer data, GError **error);
/* What is still to be said is given 500 ms. Accepts NULL. Not from ON_EVENT. */
void fm_control_client_free (FmControlClient *client);

/* Any thread, never blocks. Events answering it carry REQUEST_ID. */
void fm_control_client_send (FmControlClient *client, guint64 request_id, const FmControlRequest *request);
