/* The command loop: what is queued goes out together, what comes back is matched to it in order. Private to the network layer. */
#pragma once
#include "imap-reader.h"
#include "imap-state.h"
#include <fulmar/net/imap-session.h>

typedef struct FmImapCommand FmImapCommand;

struct FmImapSession {
  FmStream *stream;
  FmServer *server;
  FmCredentials *credentials;
  char *client_name, *client_version;
  FmImapCompress compress;
  gboolean has_tried_compress;
  FmImapReader *reader;
  FmImapState *state;
  GQueue pending, sent; /* FmImapCommand */
  guint last_tag;
  gboolean is_busy; /* the last refusal was about the server's own state, not about what was asked */
  GError *death;    /* why the connection is lost */
};

struct FmImapCommand {
  char tag[16];
  char *text;       /* without tag and CRLF; ends in {N} if there is a literal */
  char *retry_text; /* what to send instead if the server refuses */
  GBytes *literal;
  gboolean is_sync_literal;
  gboolean is_secret; /* kept out of the log */
  char *select_name;  /* a SELECT or EXAMINE of this */
  gboolean select_read_only;
  gboolean is_unselect;
  FmImapDone done;
  gpointer data;
};

/* What a step met. */
typedef enum { FM_IMAP_STEP_UNTAGGED, FM_IMAP_STEP_CONTINUE, FM_IMAP_STEP_TAGGED } FmImapStep;

/* Consumes TEXT. The command belongs to the session until its DONE has been called. */
FmImapCommand *fm_imap_engine_queue (FmImapSession *session, char *text, FmImapDone done, gpointer data);
/* Reports ERROR (consumed) for a command that could not even be queued. */
void fm_imap_engine_reject (FmImapDone done, gpointer data, GError *error);
gboolean fm_imap_engine_send (FmImapSession *session, GError **error);
gboolean fm_imap_engine_run (FmImapSession *session, GError **error);
/* Queues, runs, and returns the command's own outcome. Consumes TEXT. */
gboolean fm_imap_engine_command (FmImapSession *session, char *text, GError **error);
/* Reads one response and acts on it; the text after "+" is *RET_TEXT (may be NULL; valid until the next step). */
gboolean fm_imap_engine_step (FmImapSession *session, FmImapStep *ret_step, const char **ret_text, GError **error);
/* Marks the connection lost, failing everything in flight. Always FALSE; ERROR gets a copy. */
gboolean fm_imap_engine_die (FmImapSession *session, GError *reason, GError **error);

/* One DONE for several commands: calls it after N fm_imap_engine_group_done, with the first error. */
typedef struct FmImapGroup FmImapGroup;
FmImapGroup *fm_imap_engine_group_new (guint n, FmImapDone done, gpointer data);
void fm_imap_engine_group_add (FmImapGroup *group, guint n);
void fm_imap_engine_group_done (gpointer group, const GError *error);

/* A FmImapDone that keeps the error in *(GError **)DATA. */
void fm_imap_engine_keep_error (gpointer data, const GError *error);

/* "UID FETCH set ITEMS", in as many commands as the set needs; DONE once for all. */
void fm_imap_engine_queue_fetch (FmImapSession *session, const FmImapRange *uids, gsize n_ranges, const char *items, FmImapDone done,
                                 gpointer data);
