/* The control socket DATA/run/ctl: how Fulmars that do not hold the sync lease hand requests to the one that does, and hear from it what
 * changed. Frames are a length and a body, bounded; a peer of another user, or one that breaks the framing, is dropped. The server
 * (control-server.h) and the client (control-client.h) each run one thread; neither ever blocks a caller. */
#pragma once
#include <fulmar/sync/action.h>
#include <glib.h>

typedef enum {
  FM_CONTROL_ACT,
  FM_CONTROL_SYNC,
  FM_CONTROL_WANT_BODY,
  FM_CONTROL_OPEN_FOLDER,
  FM_CONTROL_RETRY,
  FM_CONTROL_CANCEL,
  FM_CONTROL_JOURNAL, /* the sender has journalled an action itself: look at the journal */
  FM_CONTROL_SEARCH,  /* on servers; `folders` is what for */
} FmControlVerb;

/* value struct; pointers are borrowed during the call */
typedef struct {
  FmControlVerb verb;
  FmAction *action;           /* ACT */
  const char *account;        /* SYNC, RETRY; NULL: all */
  const char *const *folders; /* SYNC; NULL: all. SEARCH: one word */
  gint64 id;                  /* WANT_BODY: msg_id; OPEN_FOLDER: folder_id */
  guint64 request_id;         /* CANCEL: which; on the server's side already a token */
} FmControlRequest;

/* A request's token on the server's side: unique among all requests of all clients, with its highest bit set, so the engine uses it as the
 * request's id beside its own; events answering it are routed back by that. */
#define FM_CONTROL_TOKEN_BIT (G_GUINT64_CONSTANT (1) << 63)
