/* The controller: one per program. Owns the engine and the models that views draw. UI thread only, except where said. */
#pragma once
#include <fulmar/app/command.h>
#include <fulmar/app/composer.h>
#include <fulmar/app/config.h>
#include <fulmar/app/folders.h>
#include <fulmar/app/list.h>
#include <fulmar/app/parts.h>
#include <fulmar/app/reading.h>
#include <fulmar/app/shell.h>
#include <fulmar/sync/engine.h>
#include <glib.h>

G_BEGIN_DECLS

/* What changed, for the shell's `changed`: bits. */
typedef enum {
  FM_CHANGE_FOLDERS = 1 << 0,
  FM_CHANGE_LIST = 1 << 1,
  FM_CHANGE_READING = 1 << 2,
  FM_CHANGE_STATUS = 1 << 3,
  FM_CHANGE_COMPOSER = 1 << 4,
  FM_CHANGE_SETTINGS = 1 << 5, /* theme, layout, keys: everything is drawn anew */
} FmAppChange;

/* value struct */
typedef struct {
  const char *data_dir; /* NULL: the default of base/paths */
  gboolean demo;        /* sample mail in a private temporary store, removed at the end; no network */
  gboolean read_only;
  gboolean screen;     /* takes the lease and syncs; FALSE: command line */
  gboolean network;    /* a command line that syncs or sends: takes the lease if it is free */
  gboolean index;      /* a command line that searches: the index, but no network */
  gboolean stays;      /* a command line that stays: it follows the configuration as the screen does */
  const char *account; /* -a, or NULL */
} FmAppOptions;

/* Takes CONFIG. Attaches its port to the default main context. */
FmApp *fm_app_new (FmConfig *config, const FmAppOptions *options, GError **error);
void fm_app_free (FmApp *app); /* accepts NULL; drains */

void fm_app_set_shell (FmApp *app, const FmShell *shell, gpointer shell_data);

/* Hears every engine event before the controller does: for the command line, which has no screen. */
typedef void (*FmAppListener) (const FmEvent *event, gpointer data);
void fm_app_set_listener (FmApp *app, FmAppListener listener, gpointer data);

/* Opens what was named on the command line, else the last or first INBOX. FOLDER may be NULL or "mailto:...". */
void fm_app_start (FmApp *app, const char *folder);

FmConfig *fm_app_config (FmApp *app);
FmEngine *fm_app_engine (FmApp *app);
FmFolders *fm_app_folders (FmApp *app);
FmList *fm_app_list (FmApp *app);       /* what the list pane shows; never NULL */
FmReading *fm_app_reading (FmApp *app); /* what the pager shows, or NULL */
/* The parts of that message while they are listed in its place, or NULL. With fm_reading_part one of them is shown. */
FmParts *fm_app_parts (FmApp *app);
FmComposer *fm_app_composer (FmApp *app); /* the one in front, or NULL */

/* The pager opens the row under the list's cursor; the view calls this when it shows a message to the user. */
void fm_app_open_message (FmApp *app, gint64 msg_id);
/* Shows the row beside the list in passing: not marked read until fm_app_open_message follows. 0: nothing. */
void fm_app_preview_message (FmApp *app, gint64 msg_id);
/* From one part to the list of parts, from that to the message; FALSE: it is the message that is shown. */
gboolean fm_app_close_part (FmApp *app);
void fm_app_open_folder (FmApp *app, gint64 folder_id);
/* Esc: a command that waits for a message to come gives up; FALSE: none does. */
gboolean fm_app_give_up (FmApp *app);
/* Back from a search to the folder under it; FALSE: no search is shown. */
gboolean fm_app_close_search (FmApp *app);
/* A wrong query is said with the place. One that begins with "gmail:" is asked of Gmail. */
void fm_app_open_search (FmApp *app, const char *query_text);
/* What stands after "gmail:" at the beginning of a query; NULL: it does not. */
const char *fm_app_server_words (const char *query_text);

/* value struct: for the top and bottom lines; strings valid until the next change */
typedef struct {
  const char *place; /* "work/INBOX" */
  const char *state; /* "pushed", "retrying in 8 s: connection refused" */
  FmAccountState state_code;
  guint64 queued_ops, queued_mails;
  guint64 held_ops; /* of queued_ops: deleted for good, but held until then */
  gint64 held_until_utc;
  guint unfinished;     /* messages that an earlier run left behind: `recall` goes on with them */
  guint64 stuck_mails;  /* of these: failed, or nobody knows; they wait for the user */
  const char *progress; /* "INBOX: headers", or NULL */
  guint64 progress_done, progress_total;
  guint tag_prefix : 1;        /* `;` was pressed */
  guint progress_is_bytes : 1; /* of one thing that comes, not a number of things */
} FmAppStatus;

void fm_app_status (FmApp *app, FmAppStatus *ret_status);

/* Resolves "work/INBOX" to a folder id, 0 if there is none. */
gint64 fm_app_find_folder (FmApp *app, const char *name);

G_END_DECLS
