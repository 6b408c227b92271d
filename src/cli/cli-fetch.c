/* fulmar fetch: the rest of messages of which only the header is here. */
#include "cli/cli-private.h"
#include <stdio.h>

int
fm_cli_fetch_run (const FmCliGlobals *globals, int argc, char **argv)
{
  g_autoptr (GArray) ids = g_array_new (FALSE, FALSE, sizeof (gint64));
  FmCliSession *session;
  gboolean good = TRUE;

  if (argc < 2 || *argv[1] == '-')
    {
      fm_cli_session_complain ("usage: fulmar fetch MESSAGE...");
      return 2;
    }
  if (!(session = fm_cli_session_open (globals, FM_CLI_NETWORK)))
    return 1;
  for (int i = 1; good && i < argc; i++)
    good = fm_cli_session_messages (session, argv[i], ids);
  for (guint i = 0; good && i < ids->len; i++)
    good = fm_cli_session_wait (session, fm_engine_want_body (fm_app_engine (fm_cli_session_app (session)), g_array_index (ids, gint64, i)),
                                NULL, NULL);
  if (good)
    printf ("%u message%s whole\n", ids->len, ids->len == 1 ? " is" : "s are");
  fm_cli_session_free (session);
  return good ? 0 : 1;
}
