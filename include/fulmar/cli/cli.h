/* The command line: `fulmar sync`, `list`, `search`, `show`, `move`, `send` and so on, over the same controller and engine as the screen.
 * Exit: 0 done, 1 failed (the reason on stderr), 2 usage. */
#pragma once
#include <fulmar/app/config.h>
#include <glib.h>

G_BEGIN_DECLS

/* value struct: what stood before the command's name */
typedef struct {
  const char *config_file; /* NULL: the default */
  const char *account;     /* -a; NULL: all, or the first that can */
  gboolean read_only;
} FmCliGlobals;

/* Is WORD a command ("sync", "list", ...)? */
gboolean fm_cli_is_command (const char *word);

/* Runs argv[0] with its arguments; returns the exit status. Main thread. */
int fm_cli_run (const FmCliGlobals *globals, int argc, char **argv);

/* One line a command, for --help. Static. */
const char *fm_cli_usage (void);

/* Whether the configuration has that account; if not it has been said, with the nearest one. */
gboolean fm_cli_knows_account (FmConfig *config, const char *name);

G_END_DECLS
