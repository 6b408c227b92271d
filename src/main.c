/* The program's entry: an index worker, a command, or the screen. */
#include "config.h"
#include <fulmar/app/app.h>
#include <fulmar/base/log.h>
#include <fulmar/base/paths.h>
#include <fulmar/base/text.h>
#include <fulmar/cli/cli.h>
#include <fulmar/index/index-worker.h>
#include <fulmar/ui/screen.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

typedef struct {
  FmCliGlobals globals;
  gboolean demo, help, version;
  const char *folder;
  int first; /* argv index of the command or folder; argc: none */
} Arguments;

static void
print_help (void)
{
  printf ("Usage: fulmar [-c FILE] [-a ACCOUNT] [--read-only] [FOLDER | mailto:URL]   open the screen\n"
          "       fulmar --demo                                                       open sample mail, no account needed\n"
          "%s"
          "\n"
          "A FOLDER is ACCOUNT/NAME (work/INBOX). The manual: man fulmar, man fulmar.conf.\n",
          fm_cli_usage ());
}

/* FALSE: wrong usage, said. */
static gboolean
parse (int argc, char **argv, Arguments *arguments)
{
  int i;

  for (i = 1; i < argc && argv[i][0] == '-' && argv[i][1]; i++)
    {
      const char *option = argv[i];
      if (strcmp (option, "--") == 0)
        {
          i++;
          break;
        }
      if (strcmp (option, "--demo") == 0)
        arguments->demo = TRUE;
      else if (strcmp (option, "--read-only") == 0)
        arguments->globals.read_only = TRUE;
      else if (strcmp (option, "--help") == 0 || strcmp (option, "-h") == 0)
        arguments->help = TRUE;
      else if (strcmp (option, "--version") == 0)
        arguments->version = TRUE;
      else if ((strcmp (option, "-c") == 0 || strcmp (option, "-a") == 0) && i + 1 < argc)
        *(option[1] == 'c' ? &arguments->globals.config_file : &arguments->globals.account) = argv[++i];
      else
        {
          fprintf (stderr, "fulmar: there is no option %s (fulmar --help lists them)\n", option);
          return FALSE;
        }
    }
  arguments->first = i;
  if (i < argc && !fm_cli_is_command (argv[i]))
    {
      arguments->folder = argv[i];
      if (i + 1 < argc)
        {
          fprintf (stderr, "fulmar: `%s` is no command, and only one folder can be opened (fulmar --help)\n", argv[i]);
          return FALSE;
        }
      arguments->first = argc;
    }
  return TRUE;
}

/* What is wrong in the file goes to standard error before the screen takes the terminal, and to the log. */
static void
report_problems (FmConfig *config)
{
  GPtrArray *problems = fm_config_problems (config);

  for (guint i = 0; i < problems->len; i++)
    {
      const FmConfigProblem *problem = g_ptr_array_index (problems, i);
      g_autofree char *place = problem->column ? g_strdup_printf ("%u:%u: ", problem->line, problem->column)
                               : problem->line ? g_strdup_printf ("%u: ", problem->line)
                                               : g_strdup (" ");
      fprintf (stderr, "%s:%s%s\n", problem->file, place, problem->message);
      fm_log_warning ("%s:%s%s", problem->file, place, problem->message);
    }
}

static void
open_log (void)
{
  g_autofree char *path = fm_paths_log_file ();
  const char *level = g_getenv ("FULMAR_LOG");

  fm_log_open (path, level && strcmp (level, "debug") == 0 ? FM_LOG_DEBUG : FM_LOG_INFO, NULL);
}

static gboolean
nothing_to_show (FmConfig *config, const Arguments *arguments)
{
  if (arguments->demo || fm_config_accounts (config)->len > 0)
    return FALSE;
  fprintf (stderr,
           "fulmar: no account is set up in %s\n"
           "  fulmar setup    asks for an address and tries the connection\n"
           "  fulmar --demo   opens sample mail to look around\n",
           fm_config_path (config));
  return TRUE;
}

static int
run_screen (const Arguments *arguments)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = arguments->globals.config_file ? g_strdup (arguments->globals.config_file) : fm_paths_config_file ();
  FmAppOptions options
      = { .demo = arguments->demo, .read_only = arguments->globals.read_only, .screen = TRUE, .account = arguments->globals.account };
  FmConfig *config;
  FmApp *app;
  int status;

  if (!fm_screen_check (&error))
    {
      fprintf (stderr, "fulmar: %s\n", error->message);
      return 2;
    }
  config = arguments->demo ? fm_config_parse ("", 0, path) : fm_config_load (path);
  report_problems (config);
  if (nothing_to_show (config, arguments))
    {
      fm_config_free (config);
      return 1;
    }
  if (options.account && !fm_cli_knows_account (config, options.account))
    {
      fm_config_free (config);
      return 1;
    }
  if (!(app = fm_app_new (config, &options, &error)))
    {
      fprintf (stderr, "fulmar: %s\n", error->message);
      return 1;
    }
  status = fm_screen_run (app, arguments->folder, &error);
  fm_app_free (app);
  if (error)
    fprintf (stderr, "fulmar: %s\n", error->message);
  return status;
}

int
main (int argc, char **argv)
{
  Arguments arguments = { 0 };
  int status;

  fm_index_worker_main (argc, argv);
  setlocale (LC_ALL, "");
  if (!parse (argc, argv, &arguments))
    return 2;
  if (arguments.help)
    {
      print_help ();
      return 0;
    }
  if (arguments.version)
    {
      puts ("fulmar " PACKAGE_VERSION);
      return 0;
    }
  open_log ();
  status
      = arguments.first < argc ? fm_cli_run (&arguments.globals, argc - arguments.first, argv + arguments.first) : run_screen (&arguments);
  fm_log_close ();
  return status;
}
