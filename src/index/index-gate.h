/* The gate between the process that writes the index and those that read it. A reader's snapshot stays whole while the next commit is
 * being written, but not longer: the blocks it stands on are used again after that commit, and the library aborts a reader that meets
 * one. So a reader holds the gate while it looks, and the writer, after each commit and before it changes anything more, waits once until
 * every reader that began before has left. Readers never wait for a commit, only for this moment. */
#pragma once
#include <glib.h>

/* Opens the gate file in DIR, making it if it may. -1 with FM_ERROR_STORAGE. */
int fm_index_gate_open (const char *dir, GError **error);
/* Waits for the writer's turn to pass (microseconds). FALSE: locks don't work here. */
gboolean fm_index_gate_enter (int gate);
void fm_index_gate_leave (int gate);
/* Writer: returns when every reader that entered before has left. */
gboolean fm_index_gate_drain (int gate);
