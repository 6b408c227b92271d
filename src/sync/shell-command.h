/* A command line of the user's own (password_command, token_command), run by /bin/sh exactly as they wrote it. */
#pragma once
#include <fulmar/base/cancel.h>
#include <fulmar/base/secret.h>
#include <glib.h>

/* The first line of what LINE prints, without its line end. Blocks: worker threads only. No terminal, no standard input. Killed with its group
 * at the timeout or on CANCEL. Errors: AUTH (it failed or printed nothing; says its exit status and last words), TIMEOUT, CANCELLED. */
FmSecret *fm_shell_command_read (const char *line, int timeout_ms, FmCancel *cancel, GError **error);
