/* Both lines are made of segments that are left out, the least needed first, as the screen gets narrower. The state has a mark and a word: no
 * colour is its only sign. */
#include "ui/view-status.h"
#include <fulmar/app/command.h>
#include <string.h>

#define BAR_COLS 20

char *
fm_view_status_number (guint64 number)
{
  g_autofree char *digits = g_strdup_printf ("%" G_GUINT64_FORMAT, number);
  GString *text = g_string_new (NULL);
  gsize n = strlen (digits);
  for (gsize i = 0; i < n; i++)
    {
      if (i > 0 && (n - i) % 3 == 0)
        g_string_append_c (text, ',');
      g_string_append_c (text, digits[i]);
    }
  return g_string_free (text, FALSE);
}

static char *
state_text (const FmCanvas *canvas, const FmAppStatus *status, FmRole *ret_role)
{
  gboolean good = status->state_code == FM_STATE_PUSHED || status->state_code == FM_STATE_ONLINE || status->state_code == FM_STATE_LOCAL;
  *ret_role = good ? FM_ROLE_STATUS_GOOD : FM_ROLE_STATUS_BAD;
  if (!status->state || !*status->state)
    return g_strdup ("");
  return g_strdup_printf ("%s %s", fm_canvas_glyph (canvas, good ? FM_GLYPH_DOT : FM_GLYPH_RING), status->state);
}

static char *
queue_text (const FmAppStatus *status)
{
  guint64 waiting = status->queued_ops + status->queued_mails - MIN (status->stuck_mails, status->queued_mails);
  if (status->stuck_mails > 0)
    return waiting > 0 ? g_strdup_printf ("%" G_GUINT64_FORMAT " queued, %" G_GUINT64_FORMAT " not sent", waiting, status->stuck_mails)
                       : g_strdup_printf ("%" G_GUINT64_FORMAT " not sent", status->stuck_mails);
  return waiting > 0 ? g_strdup_printf ("%" G_GUINT64_FORMAT " queued", waiting) : g_strdup ("");
}

static char *
counts_text (const FmCanvas *canvas, const FmViewStatusTop *top)
{
  g_autofree char *total = fm_view_status_number (top->total);
  g_autofree char *unread = fm_view_status_number (top->unread);
  if (top->is_search)
    return g_strdup_printf ("%s found%s", total, top->busy ? ", searching" : "");
  if (top->unread == 0)
    return g_strdup (total);
  return g_strdup_printf ("%s new %s %s", unread, fm_canvas_glyph (canvas, FM_GLYPH_MIDDOT), total);
}

void
fm_view_status_draw_top (const FmViewFrame *frame, const FmViewStatusTop *top)
{
  FmCanvas *canvas = frame->canvas;
  FmRect row = frame->rect;
  FmLook look = fm_theme_look (frame->theme, FM_ROLE_STATUS);
  FmRole state_role;
  g_autoptr (GDateTime) now = g_date_time_new_from_unix_local (top->now_utc);
  g_autofree char *clock = now ? g_date_time_format (now, "%H:%M") : g_strdup ("");
  g_autofree char *state = state_text (canvas, top->status, &state_role);
  g_autofree char *queue = queue_text (top->status);
  g_autofree char *counts = counts_text (canvas, top);
  const char *right[] = { clock, queue, state };
  int edge = row.x + row.width - 1, x = row.x + 1;
  gboolean wide = row.width >= 60;
  fm_canvas_fill (canvas, row, look);
  for (guint i = wide ? 0 : 1; i < G_N_ELEMENTS (right); i++)
    {
      int width = MIN (fm_canvas_text_width (canvas, right[i], -1), row.width / (wide ? 3 : 2));
      if (width == 0)
        continue;
      edge -= width;
      fm_canvas_field (canvas, row, edge, row.y, width, i == 2 ? fm_theme_look (frame->theme, state_role) : look, right[i]);
      edge -= wide ? 3 : 1;
    }
  FmRect left = { row.x, row.y, edge - row.x, 1 };
  if (wide)
    x += fm_canvas_text (canvas, left, x, row.y, look, "Fulmar   ", -1);
  look.attrs |= FM_ATTR_BOLD;
  const char *place = top->status->place ? top->status->place : "";
  int place_width = MIN (fm_canvas_text_width (canvas, place, -1), MAX (edge - x - (wide ? 16 : 0), 8));
  fm_canvas_field (canvas, left, x, row.y, place_width, look, place);
  x += place_width + 3;
  look.attrs &= ~(guint32) FM_ATTR_BOLD;
  fm_canvas_text (canvas, left, x, row.y, look, counts, -1);
}

/* As many "key:word" as fit; help always, at the end. */
static void
draw_hints (const FmViewFrame *frame, FmRect row, const FmViewStatusBottom *bottom)
{
  static const char *const first[] = { "delete", "archive", "move", "reply", "compose", "search" };
  const FmCommand *const *all = fm_command_all ();
  FmLook look = fm_theme_look (frame->theme, FM_ROLE_HINT), key_look = fm_theme_look (frame->theme, FM_ROLE_HINT_KEY);
  g_autofree char *help = fm_keymap_key_for (bottom->keymap, bottom->context, "help");
  int x = row.x + 1, edge = row.x + row.width - (help ? 8 : 0);
  for (int pass = 0; pass < 2; pass++)
    for (guint i = 0; all[i]; i++)
      {
        gboolean is_first = FALSE;
        for (guint f = 0; f < G_N_ELEMENTS (first); f++)
          is_first |= strcmp (first[f], all[i]->name) == 0;
        if (!all[i]->hint || !(all[i]->contexts & bottom->context) || is_first == (pass == 1) || strcmp (all[i]->name, "help") == 0)
          continue;
        g_autofree char *key = fm_keymap_key_for (bottom->keymap, bottom->context, all[i]->name);
        if (!key)
          continue;
        int width = fm_canvas_text_width (frame->canvas, key, -1) + 1 + fm_canvas_text_width (frame->canvas, all[i]->hint, -1);
        if (x + width > edge)
          continue;
        x += fm_canvas_text (frame->canvas, row, x, row.y, key_look, key, -1);
        x += fm_canvas_text (frame->canvas, row, x, row.y, look, ":", -1);
        x += fm_canvas_text (frame->canvas, row, x, row.y, look, all[i]->hint, -1) + 2;
      }
  if (!help)
    return;
  x += fm_canvas_text (frame->canvas, row, x, row.y, key_look, help, -1);
  fm_canvas_text (frame->canvas, row, x, row.y, look, ":help", -1);
}

static void
draw_progress (const FmViewFrame *frame, FmRect row, const FmViewStatusBottom *bottom)
{
  FmCanvas *canvas = frame->canvas;
  FmLook look = fm_theme_look (frame->theme, FM_ROLE_PROGRESS);
  int x = row.x + 1;
  x += fm_canvas_text (canvas, (FmRect){ row.x, row.y, MAX (row.width - BAR_COLS - 3, 1), 1 }, x, row.y, look, bottom->progress, -1) + 1;
  if (bottom->progress_total == 0)
    return;
  int filled = (int) (BAR_COLS * MIN (bottom->progress_done, bottom->progress_total) / bottom->progress_total);
  for (int i = 0; i < BAR_COLS; i++)
    fm_canvas_text (canvas, row, x + i, row.y, look, fm_canvas_glyph (canvas, i < filled ? FM_GLYPH_BAR_FULL : FM_GLYPH_BAR_EMPTY), -1);
}

void
fm_view_status_draw_bottom (const FmViewFrame *frame, const FmViewStatusBottom *bottom)
{
  FmCanvas *canvas = frame->canvas;
  FmRect row = frame->rect;
  FmLook look = fm_theme_look (frame->theme, FM_ROLE_HINT);
  fm_canvas_fill (canvas, row, look);
  int place_width = bottom->place ? MIN (fm_canvas_text_width (canvas, bottom->place, -1), row.width / 2) : 0;
  fm_canvas_field_right (canvas, row, row.x + row.width - 1 - place_width, row.y, place_width, look, bottom->place ? bottom->place : "");
  FmRect left = { row.x, row.y, row.width - place_width - 2, 1 };
  if (bottom->pending)
    {
      g_autofree char *text = g_strdup_printf ("%s-", bottom->pending);
      fm_canvas_field (canvas, left, left.x + 1, row.y, left.width - 1, fm_theme_look (frame->theme, FM_ROLE_HINT_KEY), text);
    }
  else if (bottom->message)
    fm_canvas_field (canvas, left, left.x + 1, row.y, left.width - 1,
                     fm_theme_look (frame->theme, bottom->is_error ? FM_ROLE_ERROR : FM_ROLE_MESSAGE), bottom->message);
  else if (bottom->progress)
    draw_progress (frame, left, bottom);
  else if (bottom->keymap)
    draw_hints (frame, left, bottom);
}
