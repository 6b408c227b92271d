/* One worker process, as its parent sees it. */
#pragma once
#include <sys/types.h>
#include "index/index-frame.h"

typedef struct {
  pid_t pid;  /* 0: none */
  int socket; /* -1: none */
} FmIndexChild;

#define FM_INDEX_CHILD_NONE ((FmIndexChild){ .pid = 0, .socket = -1 })

/* Starts PROGRAM as a worker on the generation in DIR. FM_ERROR_STORAGE. */
gboolean fm_index_child_start (FmIndexChild *child, const char *program, gboolean keep_stderr, const FmIndexFrameHello *hello,
                               const char *dir, GError **error);
/* Kills the child, if it has not ended by itself, and clears it. The signal that ended it, or 0. */
int fm_index_child_end (FmIndexChild *child);
