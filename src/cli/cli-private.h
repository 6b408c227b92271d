/* What the commands share: an open app without a screen, waiting for the engine, naming messages and folders, printing. */
#pragma once
#include <fulmar/app/app.h>
#include <fulmar/base/error.h>
#include <fulmar/base/text.h>
#include <fulmar/cli/cli.h>
#include <fulmar/store/folder-store.h>
#include <fulmar/store/list-store.h>
#include <fulmar/store/message-store.h>

typedef struct FmCliSession FmCliSession;

/* --- cli-session.c --- */

typedef enum {
  FM_CLI_READ,    /* looks only */
  FM_CLI_SEARCH,  /* looks, with the index */
  FM_CLI_ACT,     /* journals actions, or hands them to the running screen */
  FM_CLI_NETWORK, /* syncs and sends itself if nobody else does */
  FM_CLI_STAY,    /* the same, until it is told to end */
} FmCliNeed;

/* Opens config and app; on failure the reason is on stderr and NULL returned. */
FmCliSession *fm_cli_session_open (const FmCliGlobals *globals, FmCliNeed need);
void fm_cli_session_free (FmCliSession *session); /* accepts NULL */
FmApp *fm_cli_session_app (FmCliSession *session);
FmStoreReader *fm_cli_session_reader (FmCliSession *session);

/* Runs the loop until REQUEST is answered; HEARD (may be NULL) gets every event meanwhile. FALSE: said on stderr. */
typedef void (*FmCliHeard) (const FmEvent *event, gpointer data);
gboolean fm_cli_session_wait (FmCliSession *session, guint64 request, FmCliHeard heard, gpointer data);
/* Whose request is waited for: it fails when that account turns out to need a password. Borrowed; NULL: no account's. */
void fm_cli_session_wait_for (FmCliSession *session, const char *account);
/* The outgoing mail that the request just waited for has queued or changed; 0: none. */
gint64 fm_cli_session_outgoing (const FmCliSession *session);
/* Runs the loop until that mail is sent to everybody (TRUE), or is not (FALSE, said), the time is over (0: no limit) or the program is told to end (FALSE, and
 * *RET_OPEN: it still waits). */
gboolean fm_cli_session_wait_sent (FmCliSession *session, gint64 outgoing_id, guint at_most_s, gboolean *ret_open);
/* Runs the loop until the program is told to end (SIGINT, SIGTERM, SIGHUP). */
void fm_cli_session_stay (FmCliSession *session, FmCliHeard heard, gpointer data);

/* The rows a MESSAGE names: "m12" (as --json prints), or id:<Message-ID>, which may be several copies. Appends to IDS; FALSE: said. */
gboolean fm_cli_session_messages (FmCliSession *session, const char *name, GArray *ids);
/* A folder's id by its full name; 0: said, with the nearest one. */
gint64 fm_cli_session_folder (FmCliSession *session, const char *name);

/* "fulmar: ..." on stderr, without control characters. */
void fm_cli_session_complain (const char *format, ...) G_GNUC_PRINTF (1, 2);

/* --- cli-json.c: one object a line --- */

typedef struct FmCliJson FmCliJson;
FmCliJson *fm_cli_json_new (void);
void fm_cli_json_string (FmCliJson *json, const char *name, const char *value); /* NULL: null */
void fm_cli_json_number (FmCliJson *json, const char *name, gint64 value);
void fm_cli_json_bool (FmCliJson *json, const char *name, gboolean value);
void fm_cli_json_date (FmCliJson *json, const char *name, gint64 utc); /* RFC 3339, UTC */
void fm_cli_json_strings (FmCliJson *json, const char *name, const char *const *values);
void fm_cli_json_print (FmCliJson *json); /* and frees */

/* --- cli-message.c: one message as --json or as a line --- */

void fm_cli_message_print (FmCliSession *session, gint64 msg_id, guint depth, gboolean as_json);

/* --- cli-backup.c: Maildirs whose files are named by the SHA-256 of their content --- */

/* "work/Lists/notmuch" under DIR: each part a safe name, never one of Maildir's own. Transfer: full. */
char *fm_cli_backup_folder (const char *dir, const FmFolderInfo *folder);
/* Digest -> name in cur/ of what that Maildir holds. Transfer: full. */
GHashTable *fm_cli_backup_list (const char *folder);
/* Reads it. */
gboolean fm_cli_backup_is_whole (const char *path, const char *digest);
/* What was written there can't be lost any more. FALSE: said. */
gboolean fm_cli_backup_sync (const char *dir);

/* --- commands: argv[0] is the name; return the exit status --- */

int fm_cli_list_folders (const FmCliGlobals *globals, int argc, char **argv);
int fm_cli_list_run (const FmCliGlobals *globals, int argc, char **argv);
int fm_cli_search_run (const FmCliGlobals *globals, int argc, char **argv);
int fm_cli_show_run (const FmCliGlobals *globals, int argc, char **argv);
int fm_cli_act_run (const FmCliGlobals *globals, int argc, char **argv);
int fm_cli_send_run (const FmCliGlobals *globals, int argc, char **argv);
int fm_cli_doctor_run (const FmCliGlobals *globals, int argc, char **argv);
int fm_cli_setup_run (const FmCliGlobals *globals, int argc, char **argv);
int fm_cli_fetch_run (const FmCliGlobals *globals, int argc, char **argv);
int fm_cli_folder_run (const FmCliGlobals *globals, int argc, char **argv);
int fm_cli_sync_run (const FmCliGlobals *globals, int argc, char **argv);
int fm_cli_export_run (const FmCliGlobals *globals, int argc, char **argv);
int fm_cli_free_run (const FmCliGlobals *globals, int argc, char **argv);
int fm_cli_queue_run (const FmCliGlobals *globals, int argc, char **argv);
int fm_cli_sync_index (const FmCliGlobals *globals, int argc, char **argv);
