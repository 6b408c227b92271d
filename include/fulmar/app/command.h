/* Commands: one const descriptor each, in cmd-*.c. Help, the bottom line's hints, `:` completion and the manual's tables are all made from
 * these. Keys are bound to command lines ("move work/Archive", "tag-pattern ~f ada") by ui/keymap; `default_keys` is the mutt table. */
#pragma once
#include <glib.h>

G_BEGIN_DECLS

typedef struct FmApp FmApp;

/* Where a command makes sense: bits. Keymap contexts have the same names: "global" "list" "pager" "folders" "compose" "attachments". */
typedef enum {
  FM_CONTEXT_LIST = 1 << 0,
  FM_CONTEXT_PAGER = 1 << 1,
  FM_CONTEXT_FOLDERS = 1 << 2,
  FM_CONTEXT_COMPOSE = 1 << 3,
  FM_CONTEXT_ATTACHMENTS = 1 << 4,
  FM_CONTEXT_ALL = 0xff,
} FmContext;

/* value struct: what a command is run with */
typedef struct {
  FmApp *app;
  guint context;        /* the one FM_CONTEXT_ bit of the focus */
  int count;            /* digits typed before the key; 0: none */
  const char *argument; /* the rest of the line after the name, trimmed; "" if none */
} FmCommandCall;

/* value struct: a command */
typedef struct {
  const char *name;                                                   /* "archive" */
  const char *help;                                                   /* one line, imperative: "archive the message" */
  const char *hint;                                                   /* a word for the bottom line, or NULL: "archive" */
  const char *arguments;                                              /* "[FOLDER]", or NULL */
  const char *default_keys;                                           /* "a" or "= <Home>": space-separated, per `contexts`; NULL: none */
  const char *effect_imap, *effect_gmail, *effect_pop, *effect_local; /* for :effects; NULL: nothing on the server */
  guint contexts;
  gboolean repeats_on_tagged; /* acts on the tagged messages after `;` */
  void (*run) (const FmCommandCall *call);
} FmCommand;

/* All commands, in the order of the manual; NULL-terminated. Static. */
const FmCommand *const *fm_command_all (void);
const FmCommand *fm_command_find (const char *name);

/* Runs "name argument" (several joined by " ; " outside quotes). Mistakes are said through the shell with the nearest right name. */
void fm_command_run_line (FmApp *app, guint context, int count, const char *line);

/* Completions of a partial command line (command names, then folders, settings, tags by the command's argument). Transfer: full, strv of whole
 * replacement lines, at most 50. */
char **fm_command_complete (FmApp *app, guint context, const char *partial);

G_END_DECLS
