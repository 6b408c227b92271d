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

/* The words as one query; a mistake is said with a caret under it. */
static FmQuery *
parse_query (const char *text)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *shown = fm_text_sanitise_line (text, -1);
  gsize position = 0;
  FmQuery *query = fm_query_parse (text, fm_clock_now_utc (), &position, &error);

  if (!query)
    {
      fm_cli_session_complain ("%s", error->message);
      fprintf (stderr, "  %s\n  %*s^\n", shown, fm_text_width (text, MIN (position, strlen (text))), "");
    }
  return query;
}

int
fm_cli_search_run (const FmCliGlobals *globals, int argc, char **argv)
{
  g_autoptr (GString) text = g_string_new (NULL);
  g_autoptr (FmQuery) query = NULL;
  g_autoptr (GArray) ids = g_array_new (FALSE, FALSE, sizeof (gint64));
  guint64 limit = G_MAXUINT64;
  gboolean as_json = FALSE, good;
  FmCliSession *session;

  for (int i = 1; i < argc; i++)
    {
      if (strcmp (argv[i], "--json") == 0)
        as_json = TRUE;
      else if (strcmp (argv[i], "--limit") == 0 && i + 1 < argc
               && g_ascii_string_to_unsigned (argv[i + 1], 10, 0, G_MAXINT64, &limit, NULL))
        i++;
      else if (g_str_has_prefix (argv[i], "--"))
        {
          g_string_truncate (text, 0);
          break;
        }
      else
        g_string_append_printf (text, "%s%s", text->len ? " " : "", argv[i]);
    }
  if (text->len == 0)
    {
      fm_cli_session_complain ("usage: fulmar search [--json] [--limit N] QUERY");
      return 2;
    }
  if (!(query = parse_query (text->str)))
    return 2;
  if (!(session = fm_cli_session_open (globals, FM_CLI_SEARCH)))
    return 1;
  Found found = { session, ids };
  good = fm_cli_session_wait (session, fm_engine_search (fm_app_engine (fm_cli_session_app (session)), query, 0), heard, &found);
  for (guint i = 0; i < ids->len && i < limit; i++)
    fm_cli_message_print (session, g_array_index (ids, gint64, i), G_MAXUINT, as_json);
  fm_cli_session_free (session);
  return good ? 0 : 1;
}
