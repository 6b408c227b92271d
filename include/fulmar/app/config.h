/* The configuration file: our own reader (interface.md says why), which keeps every good line and reports each bad one with file, line, caret
 * and the nearest right spelling. */
#pragma once
#include <fulmar/sync/account-spec.h>
#include <glib.h>

G_BEGIN_DECLS

typedef struct FmConfig FmConfig;

/* value struct: one complaint */
typedef struct {
  char *file;
  guint line;    /* from 1 */
  guint column;  /* from 1; 0: the whole line */
  char *message; /* what is wrong and what to write instead */
} FmConfigProblem;

/* value struct */
typedef struct {
  char *name, *query;
} FmSavedSearch;
typedef struct {
  char *context, *keys, *command;
  guint line;
} FmKeyBinding;

/* Never fails outright: an unreadable file is a problem in the list and an empty config. PATH may not exist: empty config. */
FmConfig *fm_config_load (const char *path);
FmConfig *fm_config_parse (const char *text, gssize size_bytes, const char *file_name);
void fm_config_free (FmConfig *config); /* accepts NULL */

const char *fm_config_path (const FmConfig *config);
/* `store = DIR` before any section: where mail and state lie, expanded; NULL: the default. */
const char *fm_config_store (const FmConfig *config);
/* Adds an account the program makes itself (the demo's). Takes SPEC. */
void fm_config_add_account (FmConfig *config, FmAccountSpec *spec);
void fm_config_add_search (FmConfig *config, const char *name, const char *query);
GPtrArray *fm_config_problems (const FmConfig *config); /* FmConfigProblem*; Transfer: none */
GPtrArray *fm_config_accounts (const FmConfig *config); /* FmAccountSpec* in file order; Transfer: none */
GPtrArray *fm_config_searches (const FmConfig *config); /* FmSavedSearch* */
GPtrArray *fm_config_keys (const FmConfig *config);     /* FmKeyBinding* */

/* [ui] settings: the closed list of settings.def; get returns the configured or default value, never NULL for a known name. */
const char *fm_config_get (const FmConfig *config, const char *name);
gboolean fm_config_get_bool (const FmConfig *config, const char *name);
int fm_config_get_int (const FmConfig *config, const char *name);
/* `:set NAME=VALUE`; FM_ERROR_INVALID names the right spelling. */
gboolean fm_config_set (FmConfig *config, const char *name, const char *value, GError **error);
/* Exchanges CONFIG's settings, keys and saved searches for those of FRESH; accounts stay. */
void fm_config_take_ui (FmConfig *config, FmConfig *fresh);
/* Gives CONFIG's POP accounts what may change while they are served (leave, size_limit, offline, poll) as FRESH has it. The accounts that changed, as
 * they are in CONFIG now: FmAccountSpec*. Transfer: container. */
GPtrArray *fm_config_policy_take (FmConfig *config, FmConfig *fresh);
/* The IMAP account that reads the same mailbox as the POP account SPEC; NULL: none. Transfer: none. */
const FmAccountSpec *fm_config_policy_conflict (const FmConfig *config, const FmAccountSpec *spec);
/* Names of all settings, NULL-terminated, static; and one's help. */
const char *const *fm_config_setting_names (void);
const char *fm_config_setting_help (const char *name);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (FmConfig, fm_config_free)

G_END_DECLS
