/* Confinement of a worker: it parses hostile mail with large libraries, so it gets no network, no other programs and no files but its
 * own. Each means is tried by itself; what the system refuses is logged at debug and done without. */
#pragma once
#include <glib.h>

typedef struct {
  const char *read_write; /* a directory, or NULL */
  const char *read_only;  /* a directory, or NULL */
} FmIndexSandboxPaths;

/* Before any thread is started and after every other file is open. */
void fm_index_sandbox_enter (const FmIndexSandboxPaths *paths);
/* Low priority for processor and disk. */
void fm_index_sandbox_be_nice (void);
/* Tries a socket, FORBIDDEN_PATH, exec and fork: bits of FmIndexConfined for those that failed. */
guint fm_index_sandbox_probe (const char *forbidden_path);
