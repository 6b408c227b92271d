/* fulmar doctor: everything that can keep mail from working, tried one after the other; each finding says how to mend it. */
#include "cli/cli-private.h"
#include <fulmar/base/cancel.h>
#include <fulmar/base/clock.h>
#include <fulmar/base/paths.h>
#include <fulmar/index/index.h>
#include <fulmar/store/db.h>
#include <fulmar/sync/probe.h>
#include <glib/gstdio.h>
#include <langinfo.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PROBE_MS 20000

typedef struct {
  gboolean as_json;
  guint bad;
} Report;

/* DETAIL and REMEDY may be NULL and may hold anything. */
static void
tell (Report *report, const char *what, gboolean good, const char *detail, const char *remedy)
{
  g_autofree char *name = fm_text_sanitise_line (what, -1), *found = fm_text_sanitise_line (detail ? detail : "", -1);
  g_autofree char *mend = fm_text_sanitise_line (remedy ? remedy : "", -1);

  report->bad += !good;
  if (report->as_json)
    {
      FmCliJson *json = fm_cli_json_new ();
      fm_cli_json_string (json, "check", name);
      fm_cli_json_bool (json, "ok", good);
      fm_cli_json_string (json, "detail", found);
      fm_cli_json_string (json, "remedy", *mend ? mend : NULL);
      fm_cli_json_print (json);
      return;
    }
  printf ("%s %s%s%s\n", good ? "ok  " : "BAD ", name, *found ? ": " : "", found);
  if (*mend)
    printf ("     -> %s\n", mend);
}

static void
check_config (Report *report, FmConfig *config)
{
  GPtrArray *problems = fm_config_problems (config);

  for (guint i = 0; i < problems->len; i++)
    {
      const FmConfigProblem *problem = g_ptr_array_index (problems, i);
      g_autofree char *what = g_strdup_printf ("config %s:%u:%u", problem->file, problem->line, problem->column);
      tell (report, what, FALSE, problem->message, "edit that line; the rest of the file is used");
    }
  if (problems->len == 0)
    {
      g_autofree char *what = g_strdup_printf ("config %s", fm_config_path (config));
      g_autofree char *detail
          = g_strdup_printf ("%u account%s", fm_config_accounts (config)->len, fm_config_accounts (config)->len == 1 ? "" : "s");
      gboolean any = fm_config_accounts (config)->len > 0;
      tell (report, what, any, detail, any ? NULL : "fulmar setup adds an account");
    }
}

/* Where `leave` had to be overruled, the configuration's problems say so; this is for who wonders why each mail is there twice. */
static void
check_mailbox (Report *report, FmConfig *config, const FmAccountSpec *spec)
{
  const FmAccountSpec *other = fm_config_policy_conflict (config, spec);
  g_autofree char *what = g_strdup_printf ("%s: mailbox", spec->name), *detail = NULL;

  if (!other)
    return;
  detail = g_strdup_printf (
      "the same as that of %s, which reads it by IMAP: its mail is shown twice, marks made here are not seen there, and POP "
      "leaves everything on the server",
      other->name);
  tell (report, what, TRUE, detail, NULL);
}

static void
check_accounts (Report *report, FmConfig *config, const FmCliGlobals *globals, const char *data_dir)
{
  GPtrArray *accounts = fm_config_accounts (config);
  FmCancel *cancel = fm_cancel_new ();

  for (guint i = 0; i < accounts->len; i++)
    {
      const FmAccountSpec *spec = g_ptr_array_index (accounts, i);
      g_autoptr (GPtrArray) steps = NULL;
      if (globals->account && strcmp (globals->account, spec->name) != 0)
        continue;
      check_mailbox (report, config, spec);
      steps = fm_probe_account (spec, data_dir, NULL, cancel);
      for (guint s = 0; s < steps->len; s++)
        {
          const FmProbeStep *step = g_ptr_array_index (steps, s);
          g_autofree char *what = g_strdup_printf ("%s: %s", spec->name, step->what);
          tell (report, what, step->good, step->detail, step->remedy);
          fflush (stdout);
        }
    }
  fm_cancel_unref (cancel);
}

static void
check_store (Report *report, const char *data_dir)
{
  g_autofree char *database = g_build_filename (data_dir, "state.db", NULL), *what = g_strdup_printf ("store %s", data_dir);
  g_autoptr (GError) error = NULL;
  g_autoptr (FmStore) store = NULL;
  g_autoptr (FmStoreReader) reader = NULL;

  if (access (database, F_OK) != 0)
    {
      tell (report, what, TRUE, "not made yet", NULL);
      return;
    }
  store = fm_db_open (data_dir, &error);
  reader = store ? fm_db_reader_new (store, &error) : NULL;
  if (reader && fm_db_check (reader, &error))
    tell (report, what, TRUE, fm_db_corrupt_path (store) ? "begun anew: the damaged one was moved aside" : "sound", NULL);
  else
    tell (report, what, FALSE, error ? error->message : "damaged",
          "close every Fulmar and start one: a damaged database is moved aside and read again from the server and the message files");
}

static void
post_event (FmIndexEvent *event, gpointer data)
{
  fm_port_post (data, event, (GDestroyNotify) fm_index_event_free);
}

static void
drop_event (FmIndexEvent *event, gpointer data)
{
  fm_index_event_free (event);
}

/* In a directory of its own: the real index may be in use. FORBIDDEN is a file that a worker must not be able to open. */
static void
check_sandbox (Report *report, const char *forbidden)
{
  g_autofree char *dir = g_dir_make_tmp ("fulmar-doctor-XXXXXX", NULL), *index_dir = dir ? g_build_filename (dir, "index", NULL) : NULL;
  const char *argv[] = { "rm", "-rf", "--", dir, NULL };
  FmPort *port = fm_port_new ();
  FmIndex *index = dir ? fm_index_new (index_dir, NULL, drop_event, NULL) : NULL;
  g_autoptr (FmIndexEvent) event = NULL;
  guint all = FM_INDEX_NO_SOCKET | FM_INDEX_NO_FILE | FM_INDEX_NO_EXEC | FM_INDEX_NO_FORK, confined;

  if (index)
    fm_index_probe_sandbox (index, forbidden, post_event, port);
  event = index ? fm_port_take (port, fm_clock_deadline_us (PROBE_MS)) : NULL;
  confined = event && fm_index_event_kind (event) == FM_INDEX_EVENT_DONE ? (guint) fm_index_event_count (event) : 0;
  if (!event || fm_index_event_kind (event) != FM_INDEX_EVENT_DONE)
    tell (report, "index worker", FALSE, "it does not answer", "see the log; without it mail is found by its headers only");
  else
    {
      g_autofree char *detail = g_strdup_printf ("no network: %s, no foreign files: %s, no programs: %s, no forks: %s",
                                                 confined & FM_INDEX_NO_SOCKET ? "yes" : "no", confined & FM_INDEX_NO_FILE ? "yes" : "no",
                                                 confined & FM_INDEX_NO_EXEC ? "yes" : "no", confined & FM_INDEX_NO_FORK ? "yes" : "no");
      tell (report, "index worker's sandbox", confined == all, detail,
            confined == all ? NULL : "a kernel with Landlock (5.13) and seccomp confines it wholly");
    }
  fm_index_free (index);
  fm_port_unref (port);
  if (dir)
    g_spawn_sync (NULL, (char **) argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL, NULL);
}

static void
check_index (Report *report, const char *data_dir, const char *config_file)
{
  g_autofree char *dir = g_build_filename (data_dir, "index", NULL);

  tell (report, "index", TRUE, g_file_test (dir, G_FILE_TEST_IS_DIR) ? dir : "not made yet: the first sync makes it", NULL);
  check_sandbox (report, access (config_file, R_OK) == 0 ? config_file : "/etc/passwd");
}

/* By looking, since the terminal's library belongs to the screen. */
static gboolean
terminfo_has (const char *term)
{
  g_autofree char *home = g_build_filename (g_get_home_dir (), ".terminfo", NULL);
  const char *dirs[] = { g_getenv ("TERMINFO"),      home, "/etc/terminfo", "/lib/terminfo", "/usr/lib/terminfo", "/usr/share/terminfo",
                         "/usr/local/share/terminfo" };

  for (guint i = 0; i < G_N_ELEMENTS (dirs); i++)
    {
      g_autofree char *letter = dirs[i] ? g_strdup_printf ("%s/%c/%s", dirs[i], term[0], term) : NULL;
      g_autofree char *number = dirs[i] ? g_strdup_printf ("%s/%02x/%s", dirs[i], (guchar) term[0], term) : NULL;
      if (letter && (access (letter, R_OK) == 0 || access (number, R_OK) == 0))
        return TRUE;
    }
  return FALSE;
}

static void
check_terminal (Report *report)
{
  const char *term = g_getenv ("TERM"), *colour = g_getenv ("COLORTERM"), *charset = nl_langinfo (CODESET);
  gboolean named = term && *term && !strchr (term, '/') && strcmp (term, "dumb") != 0, direct,
           utf8 = g_ascii_strcasecmp (charset, "UTF-8") == 0;
  g_autofree char *what = g_strdup_printf ("terminal %s", term && *term ? term : "(TERM is not set)");

  if (!named)
    tell (report, what, FALSE, "the screen can't be drawn", "set TERM to what your terminal is, as xterm-256color");
  else if (!terminfo_has (term))
    tell (report, what, FALSE, "its terminfo entry is not on this machine",
          "install ncurses-term, or copy the entry here: infocmp on your own machine, tic -x here");
  else
    tell (report, what, TRUE, "is known here", NULL);
  direct = colour && (strcmp (colour, "truecolor") == 0 || strcmp (colour, "24bit") == 0);
  tell (report, "colours", TRUE,
        direct                          ? "24-bit (COLORTERM)"
        : named && strstr (term, "256") ? "256"
                                        : "8 or 16; set colours = 256 or direct in [ui] if the terminal has more",
        NULL);
  tell (report, "characters", utf8, charset,
        utf8 ? NULL : "set LANG to a UTF-8 locale, as C.UTF-8; until then lines and letters are plain ASCII");
}

int
fm_cli_doctor_run (const FmCliGlobals *globals, int argc, char **argv)
{
  Report report = { .as_json = argc == 2 && strcmp (argv[1], "--json") == 0 };
  g_autofree char *path = globals->config_file ? g_strdup (globals->config_file) : fm_paths_config_file (), *data_dir = NULL;
  g_autoptr (FmConfig) config = NULL;

  if (argc > 1 + report.as_json)
    {
      fm_cli_session_complain ("usage: fulmar doctor [--json]");
      return 2;
    }
  config = fm_config_load (path);
  data_dir = fm_config_store (config) ? g_strdup (fm_config_store (config)) : fm_paths_data_dir ();
  check_config (&report, config);
  check_accounts (&report, config, globals, data_dir);
  check_store (&report, data_dir);
  check_index (&report, data_dir, path);
  check_terminal (&report);
  if (!report.as_json)
    printf ("%s\n", report.bad ? "" : "all is well");
  return report.bad ? 1 : 0;
}
