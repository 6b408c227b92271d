/* Whom a command acts on. One rule for all of them: `;` before a command means the tagged messages; in the pager, the message being read;
 * otherwise the one under the cursor, or that many from there when digits were typed before the key. */
#include "app/app-private.h"
#include "app/list-private.h"

static void
add_rows (GArray *ids, FmList *list, int count)
{
  guint64 position = fm_list_cursor (list);
  FmListLine line;

  for (int i = 0; i < MAX (count, 1) && fm_list_line (list, position + i, &line); i++)
    if (line.row)
      g_array_append_val (ids, line.row->id);
}

GArray *
fm_target_ids (const FmCommandCall *call)
{
  FmApp *app = call->app;
  GArray *ids;

  if (app->tag_prefix)
    {
      ids = fm_list_tagged_ids (app->list);
      if (ids->len == 0)
        {
          app->tag_prefix = FALSE;
          fm_app_complain (app, "no message is tagged (t tags one)");
        }
      return ids;
    }
  ids = g_array_new (FALSE, FALSE, sizeof (gint64));
  if (call->context & (FM_CONTEXT_PAGER | FM_CONTEXT_ATTACHMENTS) && app->reading)
    {
      gint64 id = fm_reading_id (app->reading);
      g_array_append_val (ids, id);
    }
  else
    add_rows (ids, app->list, call->count);
  if (ids->len == 0)
    fm_app_complain (app, "there is no message here");
  return ids;
}

gint64
fm_target_id (const FmCommandCall *call)
{
  FmCommandCall one = *call;
  g_autoptr (GArray) ids = NULL;

  one.count = 1;
  ids = fm_target_ids (&one);
  return ids->len ? g_array_index (ids, gint64, 0) : 0;
}
