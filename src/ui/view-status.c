/* Both lines are made of segments that are left out, the least needed first, as the screen gets narrower. The state has a mark and a word: no
 * colour is its only sign. */
#include "ui/smart-date.h"
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

/* "1 unfinished, held for 8 s, 2 queued, 1 not sent": what is not zero. */
static char *
queue_text (const FmAppStatus *status, gint64 now_utc)
{
  gboolean held = status->held_until_utc > now_utc;
  guint64 waiting = status->queued_ops + status->queued_mails - MIN (status->stuck_mails, status->queued_mails)
                    - (held ? MIN (status->held_ops, status->queued_ops) : 0);
  const struct {
    guint64 number;
    const char *what;
  } parts[] = { { status->unfinished, "unfinished" }, { waiting, "queued" }, { status->stuck_mails, "not sent" } };
  GString *text = g_string_new (NULL);
  if (held)
    g_string_append_printf (text, "held for %" G_GINT64_FORMAT " s", status->held_until_utc - now_utc);
  for (guint i = 0; i < G_N_ELEMENTS (parts); i++)
    if (parts[i].number > 0)
      g_string_append_printf (text, "%s%" G_GUINT64_FORMAT " %s", text->len > 0 ? ", " : "", parts[i].number, parts[i].what);
  return g_string_free (text, FALSE);
}

static char *
counts_text (const FmCanvas *canvas, const FmViewStatusTop *top)
{
  g_autofree char *total = fm_view_status_number (top->total);
  if (!top->status->place || !*top->status->place)
    return g_strdup ("");
  g_autofree char *unread = fm_view_status_number (top->unread);
  if (top->is_search)
    return g_strdup_printf ("%s found%s", total, top->busy ? ", searching" : "");
  if (top->limit && top->busy)
    return g_strdup_printf ("looking for %s", top->limit);
  if (top->limit)
    {
      g_autofree char *all = fm_view_status_number (top->without_limit);
      return g_strdup_printf ("%s of %s match %s", total, all, top->limit);
    }
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
  g_autofree char *clock = fm_smart_date_format (top->now_utc, top->now_utc, "%H:%M");
  g_autofree char *state = state_text (canvas, top->status, &state_role);
  g_autofree char *queue = queue_text (top->status, top->now_utc);
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

/* What people do most in a context comes first; then what is only done here; then the rest, in the table's order. */
static const char *const *
first_hints (guint context)
{
  static const char *const list[] = { "delete", "archive", "move", "reply", "compose", "search", NULL };
  static const char *const pager[] = { "back", "delete", "archive", "move", "reply", "attachments", NULL };
  static const char *const parts[] = { "back", "enter", "part-save", "part-save-all", NULL };
  static const char *const none[] = { NULL };
  return context == FM_CONTEXT_LIST ? list : context == FM_CONTEXT_PAGER ? pager : context == FM_CONTEXT_ATTACHMENTS ? parts : none;
}

/* Draws KEY:WORD at X if it fits before EDGE; the new X. */
static int
draw_hint (const FmViewFrame *frame, FmRect row, int x, int edge, const FmViewStatusBottom *bottom, const FmCommand *command)
{
  FmLook look = fm_theme_look (frame->theme, FM_ROLE_HINT), key_look = fm_theme_look (frame->theme, FM_ROLE_HINT_KEY);
  g_autofree char *key = fm_keymap_key_for (bottom->keymap, bottom->context, command->name);
  if (!key || !command->hint || !(command->contexts & bottom->context))
    return x;
  int width = fm_canvas_text_width (frame->canvas, key, -1) + 1 + fm_canvas_text_width (frame->canvas, command->hint, -1);
  if (x + width > edge)
    return x;
  x += fm_canvas_text (frame->canvas, row, x, row.y, key_look, key, -1);
  x += fm_canvas_text (frame->canvas, row, x, row.y, look, ":", -1);
  return x + fm_canvas_text (frame->canvas, row, x, row.y, look, command->hint, -1) + 2;
}

/* As many "key:word" as fit; help always, at the end. */
static void
draw_hints (const FmViewFrame *frame, FmRect row, const FmViewStatusBottom *bottom)
{
  const FmCommand *const *all = fm_command_all ();
  const char *const *first = first_hints (bottom->context);
  const FmCommand *help = fm_command_find ("help");
  g_autofree char *help_key = fm_keymap_key_for (bottom->keymap, bottom->context, "help");
  int end = row.x + row.width, edge = end - (help_key ? 7 + fm_canvas_text_width (frame->canvas, help_key, -1) : 0);
  int x = row.x + 1;
  for (guint i = 0; first[i]; i++)
    x = draw_hint (frame, row, x, edge, bottom, fm_command_find (first[i]));
  for (int pass = 0; pass < 2; pass++)
    for (guint i = 0; all[i]; i++)
      if (((all[i]->contexts & FM_CONTEXT_ALL) == bottom->context) == (pass == 0) && !g_strv_contains (first, all[i]->name)
          && all[i] != help)
        x = draw_hint (frame, row, x, edge, bottom, all[i]);
  draw_hint (frame, row, x, end, bottom, help);
}

static char *
progress_number (const FmViewStatusBottom *bottom, guint64 number)
{
  g_autofree char *kilobytes = bottom->progress_is_bytes ? fm_view_status_number ((number + 512) / 1024) : NULL;
  return kilobytes ? g_strconcat (kilobytes, "k", NULL) : fm_view_status_number (number);
}

/* "INBOX: headers  12,000 of 100,000" and a bar; a narrow line loses the bar, then the counts. */
static void
draw_progress (const FmViewFrame *frame, FmRect row, const FmViewStatusBottom *bottom)
{
  FmCanvas *canvas = frame->canvas;
  FmLook look = fm_theme_look (frame->theme, FM_ROLE_PROGRESS);
  g_autofree char *done = progress_number (bottom, bottom->progress_done);
  g_autofree char *total = progress_number (bottom, bottom->progress_total);
  g_autofree char *counts = bottom->progress_total > 0  ? g_strdup_printf ("  %s of %s", done, total)
                            : bottom->progress_done > 0 ? g_strdup_printf ("  %s", done)
                                                        : g_strdup ("");
  int counts_width = fm_canvas_text_width (canvas, counts, -1), words = fm_canvas_text_width (canvas, bottom->progress, -1);
  gboolean bar = bottom->progress_total > 0 && words + counts_width + BAR_COLS + 3 <= row.width;
  int room = MAX (row.width - 1 - (words + counts_width + 1 <= row.width ? counts_width : 0) - (bar ? BAR_COLS + 2 : 0), 1);
  int x = row.x + 1 + fm_canvas_text (canvas, (FmRect){ row.x, row.y, 1 + room, 1 }, row.x + 1, row.y, look, bottom->progress, -1);
  x += fm_canvas_text (canvas, row, x, row.y, look, counts, -1) + 2;
  if (!bar)
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
      g_autofree char *text = g_strdup_printf ("%s-%s%s", bottom->pending, bottom->continuations ? "   " : "",
                                               bottom->continuations ? bottom->continuations : "");
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
