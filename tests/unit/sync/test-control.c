/* The control socket: framing against hostile peers, and two processes on one store, whose actions are all done, once. */
#include "engine-fixture.h"
#include "sync/control-channel.h"
#include "sync/control-client.h"
#include "sync/control-server.h"
#include "sync/control-wire.h"
#include "sync/event-wire.h"
#include <errno.h>
#include <fulmar/base/error.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* --- the socket alone --- */

typedef struct {
  char *dir, *path;
  FmPort *requests; /* guint64*, tokens */
  FmPort *events;   /* FmEvent*, or &gone */
  FmControlServer *server;
} Wire;

static int gone;

static void
note_request (guint64 token, const FmControlRequest *request, gpointer data)
{
  fm_port_post (data, g_memdup2 (&token, sizeof token), g_free);
}

static void
note_event (FmEvent *event, gpointer data)
{
  fm_port_post (data, event == NULL ? (gpointer) &gone : event, NULL);
}

/* DEEP: a path that no socket address can hold. */
static void
wire_new (Wire *wire, gboolean deep)
{
  *wire = (Wire){ .dir = g_dir_make_tmp ("fulmar-control-XXXXXX", NULL), .requests = fm_port_new (), .events = fm_port_new () };
  g_autofree char *long_name = g_strnfill (120, 'd');
  g_autofree char *place = deep ? g_build_filename (wire->dir, long_name, NULL) : g_strdup (wire->dir);
  assert_int_equal (g_mkdir_with_parents (place, 0700), 0);
  wire->path = g_build_filename (place, "ctl", NULL);
  g_autoptr (GError) error = NULL;
  wire->server = fm_control_server_new (wire->path, note_request, wire->requests, &error);
  if (wire->server == NULL)
    fail_msg ("%s", error->message);
}

static void
wire_free (Wire *wire)
{
  fm_control_server_free (wire->server);
  assert_int_not_equal (access (wire->path, F_OK), 0);
  fm_port_unref (wire->requests);
  fm_port_unref (wire->events);
  const char *argv[] = { "rm", "-rf", "--", wire->dir, NULL };
  g_spawn_sync (NULL, (char **) argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL, NULL);
  g_free (wire->dir);
  g_free (wire->path);
}

static guint64
next_token (Wire *wire)
{
  guint64 *token = fm_port_take (wire->requests, fm_clock_deadline_us (WAIT_MS));
  assert_non_null (token);
  guint64 value = *token;
  g_free (token);
  return value;
}

static void
answer (Wire *wire, FmEventKind kind, guint64 token)
{
  g_autoptr (FmEvent) event = fm_event_new (kind, token);
  event->text = g_strdup ("done");
  fm_control_server_send (wire->server, event);
}

static void
requests_and_answers (Wire *wire)
{
  struct stat status;
  assert_int_equal (stat (wire->path, &status), 0);
  assert_int_equal (status.st_mode & 0777, 0600);
  FmControlClient *one = fm_control_client_new (wire->path, note_event, wire->events, NULL);
  assert_non_null (one);
  FmControlRequest request = { .verb = FM_CONTROL_SYNC, .account = "work" };
  fm_control_client_send (one, 7, &request);
  guint64 token = next_token (wire);
  assert_true (token & FM_CONTROL_TOKEN_BIT);
  answer (wire, FM_EVENT_PROGRESS, token);
  answer (wire, FM_EVENT_DONE, token);
  answer (wire, FM_EVENT_DONE, token); /* ended: goes nowhere */
  answer (wire, FM_EVENT_NOTICE, 0);
  answer (wire, FM_EVENT_DONE, 12); /* the leader's own */
  static const FmEventKind kinds[] = { FM_EVENT_PROGRESS, FM_EVENT_DONE, FM_EVENT_NOTICE };
  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++)
    {
      g_autoptr (FmEvent) event = fm_port_take (wire->events, fm_clock_deadline_us (WAIT_MS));
      assert_non_null (event);
      assert_ptr_not_equal (event, &gone);
      assert_int_equal (event->kind, kinds[i]);
      assert_int_equal (event->reply_to, kinds[i] == FM_EVENT_NOTICE ? 0 : 7);
    }
  fm_control_client_free (one);
  assert_null (fm_port_try_take (wire->events));
}

static void
answers_find_their_asker (void **state)
{
  Wire wire;
  wire_new (&wire, FALSE);
  requests_and_answers (&wire);
  wire_free (&wire);
}

static void
long_paths_work (void **state)
{
  Wire wire;
  wire_new (&wire, TRUE);
  requests_and_answers (&wire);
  wire_free (&wire);
}

static void
a_dead_socket_is_replaced (void **state)
{
  Wire wire;
  wire_new (&wire, FALSE);
  g_autofree char *dead = g_build_filename (wire.dir, "dead", NULL);
  close (fm_control_channel_listen (dead, NULL));
  g_autoptr (GError) error = NULL;
  assert_null (fm_control_client_new (dead, note_event, wire.events, &error));
  assert_true (g_error_matches (error, FM_ERROR, FM_ERROR_OFFLINE));
  FmControlServer *server = fm_control_server_new (dead, note_request, wire.requests, NULL);
  assert_non_null (server);
  fm_control_client_free (fm_control_client_new (dead, note_event, wire.events, NULL));
  fm_control_server_free (server);
  wire_free (&wire);
}

static void
late_comers_hear_the_state (void **state)
{
  Wire wire;
  wire_new (&wire, FALSE);
  for (guint i = 0; i < 2; i++)
    {
      g_autoptr (FmEvent) event = fm_event_new (FM_EVENT_STATE, 0);
      event->account = g_strdup ("work");
      event->state = i == 0 ? FM_STATE_CONNECTING : FM_STATE_PUSHED;
      fm_control_server_send (wire.server, event);
    }
  FmControlClient *client = fm_control_client_new (wire.path, note_event, wire.events, NULL);
  g_autoptr (FmEvent) heard = fm_port_take (wire.events, fm_clock_deadline_us (WAIT_MS));
  assert_int_equal (heard->state, FM_STATE_PUSHED);
  fm_control_client_free (client);
  wire_free (&wire);
}

/* A blocking raw connection. */
static int
raw (Wire *wire)
{
  int fd = fm_control_channel_connect (wire->path, NULL);
  assert_true (fd >= 0);
  return fd;
}

static gboolean
is_closed_by_peer (int fd)
{
  gint64 deadline = fm_clock_deadline_us (WAIT_MS);
  char byte[4096];
  for (;;)
    {
      struct pollfd poller = { fd, POLLIN, 0 };
      if (poll (&poller, 1, fm_clock_remaining_ms (deadline)) <= 0)
        return FALSE;
      ssize_t n = recv (fd, byte, sizeof byte, 0);
      if (n == 0 || (n < 0 && errno != EAGAIN))
        return TRUE;
    }
}

static void
send_frame (int fd, const void *data, guint32 size)
{
  guint32 head = GUINT32_TO_LE (size);
  assert_int_equal (send (fd, &head, sizeof head, MSG_NOSIGNAL), sizeof head);
  assert_int_equal (send (fd, data, size, MSG_NOSIGNAL), size);
}

static void
hostile_frames_are_dropped (void **state)
{
  Wire wire;
  wire_new (&wire, FALSE);
  int quiet = raw (&wire), fds[4] = { raw (&wire), raw (&wire), raw (&wire), raw (&wire) };
  assert_int_equal (send (fds[0],
                          "\xff\xff\xff\xff"
                          "x",
                          5, MSG_NOSIGNAL),
                    5); /* 4 GB to come */
  send_frame (fds[1], "GET / HTTP/1.1\r\n\r\n", 18);
  FmControlRequest request = { .verb = FM_CONTROL_SYNC, .account = "work" };
  g_autoptr (GBytes) sound = fm_control_wire_encode (1, &request);
  gsize size;
  const char *bytes = g_bytes_get_data (sound, &size);
  send_frame (fds[2], bytes, (guint32) size - 1);
  send_frame (fds[3], bytes, (guint32) size);
  next_token (&wire);
  send_frame (fds[3], bytes, (guint32) size); /* the same number again, unanswered */
  for (guint i = 0; i < 4; i++)
    {
      assert_true (is_closed_by_peer (fds[i]));
      close (fds[i]);
    }
  send_frame (quiet, bytes, (guint32) size);
  next_token (&wire);
  close (quiet);
  requests_and_answers (&wire);
  wire_free (&wire);
}

static void
a_malformed_action_is_refused (void **state)
{
  Wire wire;
  wire_new (&wire, FALSE);
  g_autoptr (FmAction) action = fm_action_new_history (FM_ACTION_UNDO, 0);
  FmControlRequest request = { .verb = FM_CONTROL_ACT, .action = action };
  g_autoptr (GBytes) sound = fm_control_wire_encode (9, &request);
  int fd = raw (&wire);
  gsize size;
  const char *bytes = g_bytes_get_data (sound, &size);
  send_frame (fd, bytes, (guint32) size - 1);
  FmControlChannel *channel = fm_control_channel_new (fd);
  const guint8 *data;
  do
    {
      struct pollfd poller = { fd, POLLIN, 0 };
      assert_int_equal (poll (&poller, 1, WAIT_MS), 1);
      assert_true (fm_control_channel_read (channel));
    }
  while (!fm_control_channel_next (channel, &data, &size));
  g_autoptr (GBytes) reply = g_bytes_new (data, size);
  g_autoptr (FmEvent) event = fm_event_wire_decode (reply, NULL);
  assert_int_equal (event->kind, FM_EVENT_FAILED);
  assert_int_equal (event->reply_to, 9);
  assert_true (g_error_matches (event->error, FM_ERROR, FM_ERROR_INVALID));
  fm_control_channel_free (channel);
  wire_free (&wire);
}

static void
a_slow_reader_is_dropped (void **state)
{
  Wire wire;
  wire_new (&wire, FALSE);
  int slow = raw (&wire);
  FmControlClient *quick = fm_control_client_new (wire.path, note_event, wire.events, NULL);
  FmControlRequest request = { .verb = FM_CONTROL_SYNC };
  fm_control_client_send (quick, 1, &request);
  guint64 token = next_token (&wire); /* both are in now: connections are taken in order */
  g_autofree char *text = g_strnfill (60000, 'x');
  for (guint i = 0; i < 200; i++)
    {
      g_autoptr (FmEvent) event = fm_event_new (FM_EVENT_NOTICE, 0);
      event->text = g_strdup (text);
      fm_control_server_send (wire.server, event);
      g_autoptr (FmEvent) heard = fm_port_take (wire.events, fm_clock_deadline_us (WAIT_MS));
      assert_non_null (heard);
      assert_ptr_not_equal (heard, &gone);
    }
  assert_true (is_closed_by_peer (slow));
  answer (&wire, FM_EVENT_DONE, token);
  g_autoptr (FmEvent) done = fm_port_take (wire.events, fm_clock_deadline_us (WAIT_MS));
  assert_int_equal (done->kind, FM_EVENT_DONE);
  close (slow);
  fm_control_client_free (quick);
  wire_free (&wire);
}

static void
a_closing_server_is_noticed (void **state)
{
  Wire wire;
  wire_new (&wire, FALSE);
  FmControlClient *client = fm_control_client_new (wire.path, note_event, wire.events, NULL);
  FmControlRequest request = { .verb = FM_CONTROL_SYNC };
  fm_control_client_send (client, 1, &request);
  answer (&wire, FM_EVENT_DONE, next_token (&wire));
  fm_control_server_free (g_steal_pointer (&wire.server)); /* its last word is heard */
  g_autoptr (FmEvent) done = fm_port_take (wire.events, fm_clock_deadline_us (WAIT_MS));
  assert_int_equal (done->kind, FM_EVENT_DONE);
  assert_ptr_equal (fm_port_take (wire.events, fm_clock_deadline_us (WAIT_MS)), &gone);
  fm_control_client_free (client);
  wire_free (&wire);
}

/* --- two processes --- */

static void
fixture_open_as (Fixture *f, gboolean lease)
{
  g_autoptr (GPtrArray) accounts = g_ptr_array_new_with_free_func ((GDestroyNotify) fm_account_spec_unref);
  FmAccountSpec *spec = fm_account_spec_new ("local", FM_ACCOUNT_MAILDIR);
  spec->path = g_strdup (f->mail);
  g_ptr_array_add (accounts, spec);
  f->port = fm_port_new ();
  f->kept = g_ptr_array_new_with_free_func ((GDestroyNotify) fm_event_unref);
  FmEngineOptions options = { .data_dir = f->data, .accounts = accounts, .lease = lease, .events = f->port };
  f->engine = fm_engine_open (&options, NULL);
  assert_non_null (f->engine);
}

typedef struct {
  pid_t pid;
  int to_child;
} Leader;

/* A process that leads on F's store and has synced; it ends when the pipe closes. Called while this process has one thread. */
static Leader
leader_start (Fixture *f)
{
  int ready[2], stop[2];
  assert_int_equal (pipe (ready) | pipe (stop), 0);
  Leader leader = { fork (), stop[1] };
  if (leader.pid == 0)
    {
      char byte = 0;
      close (stop[1]);
      fixture_open_as (f, TRUE);
      sync_now (f);
      if (write (ready[1], "r", 1) != 1 || read (stop[0], &byte, 1) < 0)
        _exit (2);
      fm_engine_close (f->engine);
      _exit (0);
    }
  char byte = 0;
  close (stop[0]);
  close (ready[1]);
  assert_int_equal (read (ready[0], &byte, 1), 1);
  close (ready[0]);
  return leader;
}

static void
leader_stop (Leader *leader, int signal_number)
{
  int status = 0;
  if (signal_number != 0)
    kill (leader->pid, signal_number);
  close (leader->to_child);
  assert_int_equal (waitpid (leader->pid, &status, 0), leader->pid);
  assert_true (signal_number != 0 || (WIFEXITED (status) && WEXITSTATUS (status) == 0));
}

static gint64
id_of (Fixture *f, const char *name)
{
  g_autoptr (FmFolderInfo) folder = folder_named (f, name);
  return folder->id;
}

static void
fill (Fixture *f, guint n)
{
  fixture_new (f);
  make_maildir (f, "INBOX");
  make_maildir (f, "Copies");
  for (guint i = 1; i <= n; i++)
    deliver (f, "INBOX", "cur", i, ":2,S", "text");
}

static void
wait_for_files (Fixture *f, const char *folder, const char *pattern, guint n)
{
  gint64 deadline = fm_clock_deadline_us (WAIT_MS);
  while (files_in (f, folder, pattern) != n)
    {
      if (fm_clock_remaining_ms (deadline) == 0)
        fail_msg ("%s has %u files, not %u", folder, files_in (f, folder, pattern), n);
      FmEvent *event = fm_port_take (f->port, fm_clock_deadline_us (20));
      if (event != NULL)
        g_ptr_array_add (f->kept, event);
    }
}

static void
a_follower_hands_over (void **state)
{
  Fixture f;
  fill (&f, 10);
  Leader leader = leader_start (&f);
  fixture_open_as (&f, FALSE);
  gint64 ids[2], copies = id_of (&f, "Copies");
  newest (&f, "INBOX", 2, ids);
  g_autofree char *starred = wait_done (&f, fm_engine_act (f.engine, fm_action_new_flags (ids, 2, FM_FLAG_FLAGGED, 0, NULL, NULL)));
  assert_string_equal (starred, "starred 2");
  g_autofree char *moved = wait_done (&f, fm_engine_act (f.engine, fm_action_new_transfer (FM_ACTION_MOVE, ids, 2, copies)));
  assert_string_equal (moved, "moved 2 to local/Copies");
  wait_for_files (&f, "Copies", ":2,FS", 2);
  assert_false (fm_engine_is_leader (f.engine));
  sync_now (&f);
  fixture_close (&f);
  leader_stop (&leader, 0);
  fixture_free (&f);
}

static void
a_second_screen_hears_and_takes_over (void **state)
{
  Fixture f;
  fill (&f, 3);
  Leader leader = leader_start (&f);
  fixture_open_as (&f, TRUE);
  g_autoptr (FmEvent) follows = wait_event (&f, FM_EVENT_LEADER, 0);
  assert_int_equal (follows->count, 0);
  g_autoptr (FmEvent) heard_state = wait_event (&f, FM_EVENT_STATE, 0);
  assert_int_equal (heard_state->state, FM_STATE_LOCAL);
  deliver (&f, "INBOX", "new", 50, "", "text");
  g_autoptr (FmEvent) changed = wait_event (&f, FM_EVENT_FOLDER_CHANGED, 0);
  assert_true (changed->folder_id > 0);
  assert_int_equal (total_of (&f, "INBOX"), 4);
  leader_stop (&leader, 0);
  g_autoptr (FmEvent) leads = wait_event (&f, FM_EVENT_LEADER, 0);
  assert_int_equal (leads->count, 1);
  deliver (&f, "INBOX", "new", 51, "", "text");
  sync_now (&f);
  assert_int_equal (total_of (&f, "INBOX"), 5);
  fixture_free (&f);
}

static void
without_a_leader_actions_are_journalled (void **state)
{
  Fixture f;
  fill (&f, 3);
  fixture_open_as (&f, TRUE);
  sync_now (&f);
  fixture_close (&f);
  fixture_open_as (&f, FALSE);
  gint64 id;
  newest (&f, "INBOX", 1, &id);
  g_autofree G_GNUC_UNUSED char *text
      = wait_done (&f, fm_engine_act (f.engine, fm_action_new_flags (&id, 1, FM_FLAG_FLAGGED, 0, NULL, NULL)));
  assert_int_equal (fm_journal_pending (fm_engine_reader (f.engine), 0), 1);
  assert_int_equal (files_in (&f, "INBOX", ":2,FS"), 0);
  fixture_close (&f);
  fixture_open_as (&f, TRUE);
  wait_for_files (&f, "INBOX", ":2,FS", 1);
  fixture_free (&f);
}

/* Who leads must not follow itself: it would hear each event of its own again, and pass it on. */
static void
hears_nothing_for_ever (Fixture *f)
{
  enum { MANY = 2000 };
  guint n = 0;
  FmEvent *event;
  while (n < MANY && (event = fm_port_take (f->port, fm_clock_deadline_us (50))) != NULL)
    {
      n++;
      fm_event_unref (event);
    }
  assert_true (n < MANY);
}

/* Copies can't be done twice without a trace, and can't be left out without one. */
static void
kill_leader_after (guint durable_before_kill, int signal_number)
{
  enum { N = 30 };
  Fixture f;
  fill (&f, N);
  Leader leader = leader_start (&f);
  fixture_open_as (&f, TRUE);
  gint64 ids[N], copies = id_of (&f, "Copies");
  guint64 requests[N];
  newest (&f, "INBOX", N, ids);
  for (guint i = 0; i < N; i++)
    requests[i] = fm_engine_act (f.engine, fm_action_new_transfer (FM_ACTION_COPY, &ids[i], 1, copies));
  for (guint i = 0; i < durable_before_kill; i++)
    fm_event_unref (wait_event (&f, FM_EVENT_DURABLE, 0));
  leader_stop (&leader, signal_number);
  for (guint i = 0; i < N; i++)
    g_free (wait_done (&f, requests[i]));
  assert_int_equal (total_of (&f, "Copies"), N);
  wait_for_files (&f, "Copies", NULL, N);
  wait_idle (&f);
  sync_now (&f);
  assert_int_equal (total_of (&f, "Copies"), N);
  assert_int_equal (files_in (&f, "Copies", NULL), N);
  hears_nothing_for_ever (&f);
  fixture_free (&f);
}

static void
a_killed_leader_loses_nothing (void **state)
{
  static const guint points[] = { 0, 1, 3, 10, 29 };
  for (guint i = 0; i < G_N_ELEMENTS (points); i++)
    kill_leader_after (points[i], SIGKILL);
}

static void
a_leader_that_quits_loses_nothing (void **state)
{
  kill_leader_after (0, 0);
  kill_leader_after (4, 0);
}

static void
two_command_lines_at_once (void **state)
{
  enum { N = 8 };
  Fixture f;
  fill (&f, N);
  Leader leader = leader_start (&f);
  pid_t pids[N];
  fixture_open_as (&f, FALSE);
  gint64 ids[N], copies = id_of (&f, "Copies");
  newest (&f, "INBOX", N, ids);
  fixture_close (&f);
  for (guint i = 0; i < N; i++)
    if ((pids[i] = fork ()) == 0)
      {
        fixture_open_as (&f, FALSE);
        g_free (wait_done (&f, fm_engine_act (f.engine, fm_action_new_transfer (FM_ACTION_MOVE, &ids[i], 1, copies))));
        fm_engine_close (f.engine);
        _exit (0);
      }
  for (guint i = 0; i < N; i++)
    {
      int status = 1;
      assert_int_equal (waitpid (pids[i], &status, 0), pids[i]);
      assert_int_equal (status, 0);
    }
  leader_stop (&leader, 0);
  fixture_open_as (&f, TRUE);
  wait_for_files (&f, "Copies", NULL, N);
  assert_int_equal (total_of (&f, "INBOX"), 0);
  fixture_free (&f);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (answers_find_their_asker),
    cmocka_unit_test (long_paths_work),
    cmocka_unit_test (a_dead_socket_is_replaced),
    cmocka_unit_test (late_comers_hear_the_state),
    cmocka_unit_test (hostile_frames_are_dropped),
    cmocka_unit_test (a_malformed_action_is_refused),
    cmocka_unit_test (a_slow_reader_is_dropped),
    cmocka_unit_test (a_closing_server_is_noticed),
    cmocka_unit_test (a_follower_hands_over),
    cmocka_unit_test (a_second_screen_hears_and_takes_over),
    cmocka_unit_test (without_a_leader_actions_are_journalled),
    cmocka_unit_test (a_killed_leader_loses_nothing),
    cmocka_unit_test (a_leader_that_quits_loses_nothing),
    cmocka_unit_test (two_command_lines_at_once),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
