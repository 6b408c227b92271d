/* The control socket DATA/run/ctl: how Fulmars that do not hold the sync lease hand requests to the one that does, and hear from it what
 * changed. Frames are a length and a body, bounded; a peer of another user, or one that breaks the framing, is dropped. The server and the
 * client each run one thread; neither ever blocks a caller. */
#pragma once
#include <fulmar/sync/action.h>
#include <fulmar/sync/event.h>
#include <glib.h>

typedef enum { FM_CONTROL_ACT, FM_CONTROL_SYNC, FM_CONTROL_WANT_BODY, FM_CONTROL_OPEN_FOLDER, FM_CONTROL_RETRY, FM_CONTROL_CANCEL } FmControlVerb;

/* value struct; pointers are borrowed during the call */
typedef struct {
  FmControlVerb verb;
  FmAction *action;           /* ACT */
  const char *account;        /* SYNC, RETRY; NULL: all */
  const char *const *folders; /* SYNC; NULL: all */
  gint64 id;                  /* WANT_BODY: msg_id; OPEN_FOLDER: folder_id */
  guint64 request_id;         /* CANCEL: which; on the server's side already a token */
} FmControlRequest;

/* Server. A request's TOKEN is unique among all requests of all clients and has its highest bit set, so the engine uses it as the request's
 * id beside its own; events answering it are routed back by that. */
#define FM_CONTROL_TOKEN_BIT (G_GUINT64_CONSTANT (1) << 63)

typedef struct FmControlServer FmControlServer;

/* Called on the server's thread; must only post. */
typedef void (*FmControlOnRequest) (guint64 token, const FmControlRequest *request, gpointer data);

/* Binds PATH (0600), replacing a dead socket; the caller holds the lease. PATH may be longer than sun_path allows. FM_ERROR_STORAGE. */
FmControlServer *fm_control_server_new (const char *path, FmControlOnRequest on_request, gpointer data, GError **error);
/* Closes every connection and removes the socket. Accepts NULL. */
void fm_control_server_free (FmControlServer *server);

/* Any thread; EVENT is borrowed and encoded. reply_to with the token bit goes to its client alone (with the client's own id) and DONE, FAILED or
 * CANCELLED ends the token; reply_to 0 goes to all clients. A client that does not read is dropped at 4 MB of backlog. */
void fm_control_server_send (FmControlServer *server, const FmEvent *event);

/* Client. */
typedef struct FmControlClient FmControlClient;

/* On the client's thread: EVENT is owned by the callee; NULL: the leader is gone (last call; every open request has been answered by FAILED
 * with FM_ERROR_OFFLINE before it, unless DURABLE had come, then by DONE). */
typedef void (*FmControlOnEvent) (FmEvent *event, gpointer data);

/* FM_ERROR_OFFLINE: nobody listens. Connects at once or not at all. */
FmControlClient *fm_control_client_new (const char *path, FmControlOnEvent on_event, gpointer data, GError **error);
void fm_control_client_free (FmControlClient *client); /* Accepts NULL. */

/* Any thread, never blocks. Events answering it carry REQUEST_ID. */
void fm_control_client_send (FmControlClient *client, guint64 request_id, const FmControlRequest *request);
