/* What the controller's files share: the FmApp itself, who a command acts on, and how an action is shown before it is on disk. */
#pragma once
#include "app/overlay.h"
#include <fulmar/app/app.h>
#include <fulmar/base/error.h>
#include <fulmar/base/log.h>
#include <fulmar/base/text.h>

/* An engine request's answer, on the UI thread. EVENT is DONE, FAILED, CANCELLED, DURABLE or SEARCH_BATCH. */
typedef void (*FmAppReply) (FmApp *app, const FmEvent *event, gpointer data);

/* A request's answer that is awaited. */
typedef struct {
  FmAppReply reply;
  gpointer data;
  GDestroyNotify free_data;
} FmAppAwaited;

typedef struct {
  FmAccountState state;
  char *text; /* may be NULL */
} FmAppAccountState;

struct FmApp {
  FmConfig *config;
  FmEngine *engine;
  FmPort *port;
  GSource *source;
  const FmShell *shell;
  gpointer shell_data;
  gboolean read_only, demo;
  char *data_dir, *demo_dir;
  char *account; /* -a: the one to begin with; NULL: none named */

  FmFolders *folders;
  FmList *list;
  FmList *list_behind; /* the folder under a search */
  FmReading *reading;
  FmParts *parts; /* listed in the message's place, or NULL */
  FmComposer *composer;
  struct FmConfigWatch *config_watch;
  FmOverlay *overlay;
  struct FmSearchCounts *search_counts; /* NULL: no screen */

  GHashTable *replies; /* request id -> FmAppAwaited */
  GHashTable *states;  /* account -> FmAppAccountState */
  char *progress;
  guint64 progress_done, progress_total;
  gboolean progress_is_bytes;
  guint64 queued_ops, queued_mails, stuck_mails;
  guint held_ops; /* of the queued ones: can still be taken back, the last of them until then */
  gint64 held_until_utc;
  gint64 undo_refused; /* the action that could not be undone a moment ago; 0: none */
  guint unfinished;    /* messages that an earlier run left behind */

  FmAppListener listener; /* the command line's ear */
  gpointer listener_data;
  char *wanted;           /* to be opened as soon as it is known; NULL: nothing */
  gboolean untouched;     /* no command has been given: the first account's inbox still takes the place of one that was known sooner */
  gboolean problems_told; /* those of the config */

  struct FmBodyWait *body_wait; /* a command that waits for a message's text, or NULL */
  char *command_line;           /* the one that was run last */

  gboolean tag_prefix;   /* `;` was pressed */
  gboolean archive_told; /* what `a` does has been said */
  char *place;           /* what the top line says of a read-only folder */
  char *last_folder;     /* the last answer to a move's prompt */
  char *last_limit, *last_search;
  char *save_directory; /* where something was saved last */
};

/* app.c */
void fm_app_say (FmApp *app, const char *format, ...) G_GNUC_PRINTF (2, 3);
void fm_app_notify (FmApp *app, const char *format, ...) G_GNUC_PRINTF (2, 3); /* nobody has asked: gives way to what was */
void fm_app_complain (FmApp *app, const char *format, ...) G_GNUC_PRINTF (2, 3);
void fm_app_changed (FmApp *app, guint what); /* FmAppChange bits */
/* REPLY is called for each event that answers REQUEST; DATA is freed with FREE_DATA after the last one. */
void fm_app_expect (FmApp *app, guint64 request, FmAppReply reply, gpointer data, GDestroyNotify free_data);
FmStoreReader *fm_app_reader (FmApp *app);
gboolean fm_app_folder_is_trash (FmApp *app, gint64 folder_id); /* Trash or Junk: deleting there is for good */
/* The folder of ACCOUNT with a special use ("drafts", "sent", ...), or 0. */
gint64 fm_app_first_inbox (FmApp *app); /* of the first account that has one; 0: none has */
gint64 fm_app_special_folder (FmApp *app, const char *account, const char *use);
gboolean fm_app_folder_is_junk (FmApp *app, gint64 folder_id);
/* Full names of all folders that can hold mail, most used first; NULL-terminated. Transfer: full. */
char **fm_app_folder_names (FmApp *app);
/* Parses a query; a mistake is said with its place and NULL returned. */
FmQuery *fm_app_parse_query (FmApp *app, const char *text);
/* The spec of the account of FOLDER_ID or MSG_ID, or the first account. Transfer: none; NULL: there is no account. */
FmAccountSpec *fm_app_account_of_folder (FmApp *app, gint64 folder_id);
FmAccountSpec *fm_app_account_of_message (FmApp *app, gint64 msg_id);
FmAccountSpec *fm_app_account_named (FmApp *app, const char *name);
const char *fm_app_default_account (FmApp *app);                    /* the name of the one in view, or the first; "" if there is none */
gboolean fm_app_open_saved (FmApp *app, const char *name);          /* a saved search by name */
const char *fm_app_account_state (FmApp *app, const char *account); /* "pushed", ... */
void fm_app_close_composer (FmApp *app);
guint fm_app_flags_of (FmApp *app, gint64 msg_id); /* with the overlay; 0 for an unknown row */

/* act.c: posts ACTION (consumed), shows its effect at once, says what came of it. */
void fm_act_run (FmApp *app, FmAction *action, const FmOverlayEffect *effect);
/* The same for what the user did not ask for in so many words: only a failure is said. */
void fm_act_run_quietly (FmApp *app, FmAction *action, const FmOverlayEffect *effect);
/* The same for one command's targets: clears the tag prefix, steps on if `resolve` says so. Frees IDS. */
void fm_act_on_targets (const FmCommandCall *call, GArray *ids, FmAction *action, const FmOverlayEffect *effect);

/* target.c: the message rows a command acts on (gint64): the tagged ones after `;`, the open message in the pager, else the one under the
 * cursor (COUNT of them from there). Empty: it has been said that there is none. Transfer: full. */
GArray *fm_target_ids (const FmCommandCall *call);
gint64 fm_target_id (const FmCommandCall *call); /* one; 0: none, said */

/* Ends a line for /bin/sh that ran on the terminal: what it wrote stays until the user has read it. */
#define FM_APP_WAIT_FOR_ENTER "\nstatus=$?; printf '\\n-- Enter: back to the mail -- '; read -r enter </dev/tty; exit $status"

/* cmd-compose.c: a composer for a mailto: link. */
void fm_cmd_compose_mailto (FmApp *app, const char *url);
/* Counts anew what earlier runs have left unfinished, but for what is in front; a bounded look into one directory. */
void fm_cmd_compose_count_leftovers (FmApp *app);
/* The same: goes on with the draft in that row. */
void fm_cmd_compose_resume (FmApp *app, gint64 msg_id);
/* cmd-queue.c: reads anew how many mails wait for the user's decision, and what is held. */
void fm_cmd_queue_count (FmApp *app);
/* cmd-save.c: asks where to, then saves PART (NULL: the whole message). */
void fm_cmd_save_part (FmApp *app, gint64 msg_id, const FmReadingPart *part);
/* Hands the part of that index (-1: the whole message) to COMMAND ("": asks for it) on the terminal. */
void fm_cmd_save_pipe (FmApp *app, gint64 msg_id, gint part, const char *command);
/* Where files were saved last, or where they are usually put, as the user would write it. Transfer: full. */
char *fm_cmd_save_directory (FmApp *app);
