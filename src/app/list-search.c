/* Lists made by a query: results that stream in, and a folder limited to what matches. */
#include "app/list-model.h"

/* What was not looked through: an account that keeps no bodies knows only the texts of messages that were opened. */
static const char *
limits_of (FmApp *app, const FmList *list)
{
  GPtrArray *accounts = fm_config_accounts (app->config);

  for (guint i = 0; list->by_text && i < accounts->len; i++)
    if (((const FmAccountSpec *) g_ptr_array_index (accounts, i))->offline != FM_OFFLINE_ALL)
      return ", not looking in texts that are not kept here (offline)";
  return "";
}

static void
search_answered (FmApp *app, const FmEvent *event, gpointer data)
{
  FmList *list = ((FmListLink *) data)->list;

  if (!list || list->search_request != event->reply_to)
    return;
  if (event->kind == FM_EVENT_SEARCH_BATCH && event->ids)
    {
      g_array_append_vals (list->found, event->ids->data, event->ids->len);
      list->total = list->found->len;
      fm_list_load_use (list, fm_positions_new_ids ((const gint64 *) (void *) list->found->data, list->found->len));
    }
  else if (event->kind == FM_EVENT_DONE || event->kind == FM_EVENT_FAILED || event->kind == FM_EVENT_CANCELLED)
    {
      list->busy = FALSE;
      list->search_request = 0;
      if (event->kind == FM_EVENT_FAILED)
        fm_app_complain (app, "%s", event->error->message);
      else if (event->kind == FM_EVENT_DONE)
        {
          g_autofree char *number = list->total == 0 ? g_strdup ("nothing") : g_strdup_printf ("%" G_GUINT64_FORMAT, list->total);
          fm_app_say (app, "%s%s found%s", number,
                      list->total == 0   ? ""
                      : list->total == 1 ? " message"
                                         : " messages",
                      limits_of (app, list));
        }
    }
  fm_app_changed (app, FM_CHANGE_LIST | FM_CHANGE_STATUS);
}

static FmList *
new_search (FmApp *app, const char *title)
{
  FmList *list = fm_list_new (app);

  list->is_search = TRUE;
  list->busy = TRUE;
  list->title = fm_text_sanitise_line (title, -1);
  list->found = g_array_new (FALSE, FALSE, sizeof (gint64));
  fm_list_order_from (list, "-date");
  return list;
}

FmList *
fm_list_search_open (FmApp *app, const char *text, FmQuery *query)
{
  FmList *list = new_search (app, text);

  list->by_text = fm_query_needs_index (query);
  list->search_request = fm_engine_search_messages (app->engine, query);
  fm_app_expect (app, list->search_request, search_answered, fm_list_load_link (list), fm_list_load_unlink);
  return list;
}

FmList *
fm_list_search_open_server (FmApp *app, const char *title, const char *text)
{
  FmList *list = new_search (app, title);

  list->search_request = fm_engine_search_server (app->engine, text);
  fm_app_expect (app, list->search_request, search_answered, fm_list_load_link (list), fm_list_load_unlink);
  return list;
}

/* --- limit --- */

static void
limit_answered (FmApp *app, const FmEvent *event, gpointer data)
{
  FmList *list = ((FmListLink *) data)->list;

  if (!list || list->search_request != event->reply_to)
    return;
  if (event->kind == FM_EVENT_SEARCH_BATCH && event->ids)
    for (guint i = 0; i < event->ids->len; i++)
      fm_idset_add (list->limit_building, g_array_index (event->ids, gint64, i));
  else if (event->kind == FM_EVENT_DONE)
    {
      list->busy = FALSE;
      list->search_request = 0;
      fm_idset_unref (list->limit);
      list->limit = g_steal_pointer (&list->limit_building);
      list->cursor = 0;
      fm_list_order_from (list, list->sort);
      fm_list_load_restart (list);
      fm_app_say (app, "limited to %" G_GUINT64_FORMAT, fm_idset_count (list->limit));
    }
  else if (event->kind == FM_EVENT_FAILED)
    {
      list->busy = FALSE;
      list->search_request = 0;
      fm_app_complain (app, "%s", event->error->message);
    }
}

void
fm_list_search_limit (FmList *list, const char *text, FmQuery *query)
{
  FmApp *app = list->app;

  g_free (list->limit_text);
  list->limit_text = g_strdup (text);
  if (list->search_request)
    fm_engine_cancel (app->engine, list->search_request);
  list->search_request = 0; /* its answer would limit the list after all */
  list->busy = FALSE;
  if (!query)
    {
      g_clear_pointer (&list->limit, fm_idset_unref);
      fm_list_order_from (list, list->sort);
      fm_list_load_restart (list);
      return;
    }
  fm_idset_unref (list->limit_building);
  list->limit_building = fm_idset_new ();
  list->busy = TRUE;
  list->search_request = fm_engine_search (app->engine, query, list->folder_id);
  fm_app_expect (app, list->search_request, limit_answered, fm_list_load_link (list), fm_list_load_unlink);
}
