/* The entry of a worker process: takes its orders over the one descriptor it was given, confines itself, then reads or writes until the
 * other end has gone. Everything it needs to know comes in the first frame; the environment was made for it by index-child.c. */
#include "config.h"
#include "fulmar/index/index-worker.h"
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>
#include "index/index-gate.h"
#include "index/index-roles.h"
#include "index/index-sandbox.h"

/* The generation's directory lies in the index's own, where the gate is. */
static int
open_gate (const char *dir)
{
  g_autofree char *parent = g_path_get_dirname (dir);
  return fm_index_gate_open (parent, NULL);
}

static int
run (int socket)
{
  g_autofree FmIndexFrame *frame = g_new (FmIndexFrame, 1);
  if (fm_index_frame_receive (socket, frame, TRUE) != FM_INDEX_FRAME_OK || frame->head.kind != FM_INDEX_FRAME_HELLO
      || frame->body_size <= sizeof (FmIndexFrameHello))
    return 1;
  FmIndexRole role = { .socket = socket };
  memcpy (&role.hello, frame->body, sizeof role.hello);
  g_autofree char *dir = g_strdup ((const char *) frame->body + sizeof role.hello);
  role.dir = dir;
  role.gate = open_gate (dir);
  gboolean writes = role.hello.role == FM_INDEX_FRAME_WRITER;
  if (writes)
    fm_index_sandbox_be_nice ();
  fm_index_sandbox_enter (&(FmIndexSandboxPaths){ .read_write = writes ? dir : NULL, .read_only = writes ? NULL : dir });
  return writes ? fm_index_writer_run (&role) : fm_index_reader_run (&role);
}

void
fm_index_worker_main (int argc, char **argv)
{
  if (argc != 3 || strcmp (argv[1], "--index-worker") != 0)
    return;
  char *end = NULL;
  long socket = strtol (argv[2], &end, 10);
  if (*end != '\0' || socket < 3 || socket > 1023)
    _exit (2);
  prctl (PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  prctl (PR_SET_NAME, "fulmar-index", 0, 0, 0);
  /* _exit: leaving must neither run handlers the rest of the program set up, nor close a database that is to be left as it is. */
  _exit (run (socket));
}
