/* One frame: panes, lines, composer, then whatever lies over them. Everything is drawn anew on the canvas, which is cheap; the terminal only gets
 * what changed. */
#include <fulmar/base/clock.h>
#include "ui/screen-private.h"
#include "ui/view-composer.h"
#include "ui/view-status.h"

static FmViewFrame
frame_for (FmScreen *screen, FmRect rect, gboolean focused)
{
  return (FmViewFrame){ screen->canvas, screen->theme, rect, focused && screen->widgets->len == 0 };
}

/* Why the list is empty, where that is no fact about the mail: nothing has been opened, or nothing has come yet. NULL: it is. Transfer: full. */
static char *
why_empty (FmScreen *screen, const FmList *list)
{
  FmAppStatus status;
  guint64 expected = fm_folders_total (fm_app_folders (screen->app), fm_list_folder (list));
  fm_app_status (screen->app, &status);
  gboolean there = status.state_code == FM_STATE_ONLINE || status.state_code == FM_STATE_PUSHED || status.state_code == FM_STATE_LOCAL
                   || status.state_code == FM_STATE_CONNECTING;
  if (!*fm_list_title (list))
    return there ? g_strdup ("the folders are on their way") : g_strdup_printf ("no folders are known yet: %s", status.state);
  if (fm_list_folder (list) == 0 || fm_list_limit (list) || expected == 0)
    return NULL;
  g_autofree char *number = fm_view_status_number (expected);
  return g_strdup_printf ("%s %s on the server: %s", number, expected == 1 ? "message" : "messages", there ? "on the way" : status.state);
}

static void
draw_list (FmScreen *screen)
{
  FmList *list = fm_app_list (screen->app);
  FmViewFrame frame = frame_for (screen, screen->panes.list, screen->wish.focus == FM_PANE_LIST);
  if (list != screen->list_seen)
    {
      screen->list_seen = list;
      screen->list.top = 0;
      screen->list_touched = FALSE;
    }
  /* While a list fills in under a user who has not touched it, its beginning is what they want to see. */
  if (!screen->list_touched && fm_list_cursor (list) != 0)
    fm_list_set_cursor (list, 0);
  screen->list.now_utc = fm_clock_now_utc ();
  screen->list.date_format = fm_config_get (fm_app_config (screen->app), "date_format");
  g_autofree char *empty = fm_list_total (list) == 0 ? why_empty (screen, list) : NULL;
  screen->list.empty = empty;
  fm_view_list_draw (&screen->list, list, &frame);
  screen->list.empty = NULL;
}

/* Headers and source are asked for to be read from their top, and so is a part. */
static gint
form_of (const FmReading *reading)
{
  return (fm_reading_part (reading) + 1) * 16 + (gint) fm_reading_mode (reading) * 2 + fm_reading_all_headers (reading);
}

static void
draw_pager (FmScreen *screen)
{
  FmReading *reading = fm_app_reading (screen->app);
  FmViewFrame frame = frame_for (screen, screen->panes.pager, screen->wish.focus == FM_PANE_PAGER);
  const char *notice = reading ? fm_reading_notice (reading) : NULL;
  if (fm_screen_lists_parts (screen))
    {
      fm_view_parts_draw (&screen->parts, fm_app_parts (screen->app), &frame, notice);
      return;
    }
  /* Until the next document is here, what is on the screen stays: no blank between two messages. */
  if (!reading)
    fm_view_pager_show (screen->pager, NULL, 0, -1);
  else if (fm_reading_doc (reading) || notice)
    fm_view_pager_show (screen->pager, fm_reading_doc (reading), fm_reading_id (reading), form_of (reading));
  fm_view_pager_draw (screen->pager, &frame, notice);
}

static void
draw_edges (FmScreen *screen)
{
  FmLook look = fm_theme_look (screen->theme, FM_ROLE_BORDER);
  FmRect folders = screen->panes.folders_edge, list = screen->panes.list_edge;
  if (list.width > 0 && list.height == 1)
    fm_canvas_hline (screen->canvas, list.x, list.y, list.width, look);
  else if (list.width > 0)
    fm_canvas_vline (screen->canvas, list.x, list.y, list.height, look);
  if (folders.width > 0)
    fm_canvas_vline (screen->canvas, folders.x, folders.y, folders.height, look);
  if (folders.width > 0 && list.height == 1 && list.x == folders.x + 1)
    fm_canvas_text (screen->canvas, fm_canvas_rect (screen->canvas), folders.x, list.y, look,
                    fm_canvas_glyph (screen->canvas, FM_GLYPH_TEE_RIGHT), -1);
}

static void
draw_panes (FmScreen *screen, FmRect room)
{
  if (screen->wish.focus == FM_PANE_PAGER && !fm_app_reading (screen->app))
    screen->wish.focus = FM_PANE_LIST;
  screen->panes = fm_panes_arrange (room, &screen->wish);
  if (screen->panes.list.width > 0)
    draw_list (screen);
  if (screen->panes.pager.width > 0)
    draw_pager (screen);
  draw_edges (screen);
  if (screen->panes.folders.width > 0)
    {
      FmViewFrame frame = frame_for (screen, screen->panes.folders, screen->wish.focus == FM_PANE_FOLDERS);
      fm_view_folders_draw (&screen->folders, fm_app_folders (screen->app), &frame);
    }
}

static void
draw_top (FmScreen *screen, int width)
{
  FmAppStatus status;
  FmList *list = fm_app_list (screen->app);
  FmViewFrame frame = frame_for (screen, (FmRect){ 0, 0, width, 1 }, FALSE);
  fm_app_status (screen->app, &status);
  FmViewStatusTop top = { .status = &status,
                          .unread = fm_list_unread (list),
                          .total = fm_list_total (list),
                          .limit = fm_list_limit (list),
                          .without_limit = fm_folders_total (fm_app_folders (screen->app), fm_list_folder (list)),
                          .is_search = fm_list_folder (list) == 0 && *fm_list_title (list),
                          .busy = fm_list_busy (list),
                          .now_utc = fm_clock_now_utc () };
  fm_view_status_draw_top (&frame, &top);
}

/* "line 3 of 1,204", or how far the message has been read. Transfer: full. */
static char *
place_text (FmScreen *screen)
{
  FmList *list = fm_app_list (screen->app);
  if (screen->composing)
    return fm_view_composer_place (&screen->letter);
  if (fm_screen_context (screen) == FM_CONTEXT_ATTACHMENTS)
    return fm_view_parts_place (fm_app_parts (screen->app));
  if (screen->wish.focus == FM_PANE_PAGER)
    return fm_view_pager_place (screen->pager);
  if (screen->wish.focus == FM_PANE_FOLDERS || fm_list_total (list) == 0)
    return NULL;
  g_autofree char *line = fm_view_status_number (fm_list_cursor (list) + 1);
  g_autofree char *total = fm_view_status_number (fm_list_total (list));
  guint tagged = fm_list_tagged_count (list);
  if (tagged > 0)
    return g_strdup_printf ("%u tagged  line %s of %s", tagged, line, total);
  return g_strdup_printf ("line %s of %s", line, total);
}

static void
draw_bottom (FmScreen *screen, int width, int y)
{
  FmAppStatus status;
  FmViewFrame frame = frame_for (screen, (FmRect){ 0, y, width, 1 }, FALSE);
  g_autofree char *place = place_text (screen);
  g_autofree char *pending = screen->esc_pending ? g_strdup ("Esc") : fm_keymap_pending (screen->keymap);
  g_autofree char *continuations
      = pending ? fm_keymap_continuations (screen->keymap, fm_screen_context (screen), screen->esc_pending) : NULL;
  fm_app_status (screen->app, &status);
  FmViewStatusBottom bottom = { .message = screen->message,
                                .is_error = screen->message_kind == FM_SAY_ERROR,
                                .pending = pending             ? pending
                                           : status.tag_prefix ? ";"
                                                               : NULL,
                                .continuations = continuations,
                                .progress = status.progress,
                                .progress_done = status.progress_done,
                                .progress_total = status.progress_total,
                                .progress_is_bytes = status.progress_is_bytes,
                                .context = fm_screen_context (screen),
                                .place = place };
  if (fm_config_get_bool (fm_app_config (screen->app), "hints"))
    bottom.keymap = screen->keymap;
  fm_view_status_draw_bottom (&frame, &bottom);
}

void
fm_screen_draw_all (FmScreen *screen)
{
  int width = fm_canvas_width (screen->canvas), height = fm_canvas_height (screen->canvas);
  FmRect room = { 0, 1, width, MAX (height - 2, 0) };
  FmComposer *composer = fm_app_composer (screen->app);
  fm_canvas_fill (screen->canvas, fm_canvas_rect (screen->canvas), fm_theme_look (screen->theme, FM_ROLE_NORMAL));
  fm_canvas_set_cursor (screen->canvas, 0, 0, FALSE);
  screen->composing = screen->composing && composer != NULL;
  if (screen->composing)
    {
      FmViewFrame frame = frame_for (screen, room, TRUE);
      fm_view_composer_draw (&screen->letter, composer, &frame);
    }
  else
    draw_panes (screen, room);
  draw_top (screen, width);
  if (height > 1)
    draw_bottom (screen, width, height - 1);
  for (guint i = 0; i < screen->widgets->len; i++)
    {
      FmWidget *widget = g_ptr_array_index (screen->widgets, i);
      widget->klass->draw (widget, screen->canvas, screen->theme);
    }
}
