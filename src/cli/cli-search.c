/* fulmar search: the same search as the screen's, newest first. */
#include "cli/cli-private.h"
#include <fulmar/base/clock.h>
#include <fulmar/mail/query.h>
#include <stdio.h>
#include <string.h>

typedef struct {
  FmCliSession *session;
  GArray *ids;
} Found;

static void
heard (const FmEvent *event, gpointer data)
{
  Found *found = data;

  if (event->kind == FM_EVENT_SEARCH_BATCH && event->ids)
    g_array_append_vals (found->ids, event->ids->data, event->ids->len);
}

#define SHOWN_BEFORE_COLS 50
#define SHOWN_AFTER_COLS 25

/* What stands around POSITION, in one line, with a caret below it. */
static void
point_at (const char *text, gsize position)
{
  g_autofree char *before = fm_text_sanitise_line (text, (gssize) position), *after = fm_text_sanitise_line (text + position, -1);
  g_autofree char *after_cut = fm_text_ellipsize (after, SHOWN_AFTER_COLS, TRUE);
  int surplus = fm_text_width (before, -1) - SHOWN_BEFORE_COLS;
  const char *from = surplus > 0 ? before + fm_text_fit (before, -1, surplus, NULL) : before;
  const char *gap = surplus > 0 ? "..." : "";

  fprintf (stderr, "  %s%s%s\n  %*s^\n", gap, from, after_cut, (int) strlen (gap) + fm_text_width (from, -1), "");
}

/* The words as one query; a mistake is said with its place. */
static FmQuery *
parse_query (const char *text)
{
  g_autoptr (GError) error = NULL;
  gsize position = 0;
  FmQuery *query = fm_query_parse (text, fm_clock_now_utc (), &position, &error);

  if (!query)
    {
      fm_cli_session_complain ("%s", error->message);
      point_at (text, MIN (position, strlen (text)));
    }
  return query;
}

/* The query's words joined; what follows "--" is no option. Transfer: full; NULL: a usage error, or no words. */
static char *
take_words (int argc, char **argv, guint64 *limit, gboolean *as_json)
{
  g_autoptr (GString) text = g_string_new (NULL);
  gboolean only_words = FALSE;

  for (int i = 1; i < argc; i++)
    {
      if (only_words || !g_str_has_prefix (argv[i], "--"))
        g_string_append_printf (text, "%s%s", text->len ? " " : "", argv[i]);
      else if (strcmp (argv[i], "--") == 0)
        only_words = TRUE;
      else if (strcmp (argv[i], "--json") == 0)
        *as_json = TRUE;
      else if (strcmp (argv[i], "--limit") == 0 && i + 1 < argc && g_ascii_string_to_unsigned (argv[i + 1], 10, 0, G_MAXINT64, limit, NULL))
        i++;
      else
        return NULL;
    }
  return text->len ? g_strdup (text->str) : NULL;
}

int
fm_cli_search_run (const FmCliGlobals *globals, int argc, char **argv)
{
  g_autoptr (FmQuery) query = NULL;
  g_autoptr (GArray) ids = g_array_new (FALSE, FALSE, sizeof (gint64));
  guint64 limit = G_MAXUINT64;
  gboolean as_json = FALSE, good;
  g_autofree char *text = take_words (argc, argv, &limit, &as_json);
  const char *words;
  FmEngine *engine;
  FmCliSession *session;

  if (!text)
    {
      fm_cli_session_complain ("usage: fulmar search [--json] [--limit N] QUERY");
      return 2;
    }
  words = fm_app_server_words (text);
  if (!words && !(query = parse_query (text)))
    return 2;
  if (!(session = fm_cli_session_open (globals, words ? FM_CLI_NETWORK : FM_CLI_SEARCH)))
    return 1;
  Found found = { session, ids };
  engine = fm_app_engine (fm_cli_session_app (session));
  good = fm_cli_session_wait (session, words ? fm_engine_search_server (engine, words) : fm_engine_search_messages (engine, query), heard,
                              &found);
  for (guint i = 0; i < ids->len && i < limit; i++)
    fm_cli_message_print (session, g_array_index (ids, gint64, i), G_MAXUINT, as_json);
  fm_cli_session_free (session);
  return good ? 0 : 1;
}
