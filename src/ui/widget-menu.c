/* All items are folded once; each key scores them anew and keeps the best in order. A few thousand folders cost well under a millisecond. */
#include "ui/widget-menu.h"
#include <fulmar/base/text.h>
#include <string.h>
#include "ui/fuzzy.h"
#include "ui/line-edit.h"

#define ROWS_MAX 15

typedef struct {
  guint item;
  int score;
} Hit;

typedef struct {
  FmWidget base;
  char *label;
  char **items, **folded;
  char *initial;
  FmLineEdit *edit;
  GArray *hits; /* Hit, best first */
  guint cursor, top;
} Menu;

static int
compare_hits (gconstpointer a, gconstpointer b)
{
  const Hit *x = a, *y = b;
  if (x->score != y->score)
    return y->score > x->score ? 1 : -1;
  return x->item > y->item ? 1 : -1;
}

static void
filter (Menu *menu)
{
  g_autofree char *needle = fm_text_fold (fm_line_edit_text (menu->edit));
  g_array_set_size (menu->hits, 0);
  for (guint i = 0; menu->items[i]; i++)
    {
      Hit hit = { i, fm_fuzzy_score (needle, menu->folded[i]) };
      if (!*needle && menu->initial && strcmp (menu->items[i], menu->initial) == 0)
        hit.score = 1;
      if (hit.score >= 0)
        g_array_append_val (menu->hits, hit);
    }
  g_array_sort (menu->hits, compare_hits);
  menu->cursor = menu->top = 0;
}

static void
menu_free (FmWidget *widget)
{
  Menu *menu = (Menu *) widget;
  g_free (menu->label);
  g_strfreev (menu->items);
  g_strfreev (menu->folded);
  g_free (menu->initial);
  fm_line_edit_free (menu->edit);
  g_array_unref (menu->hits);
  g_free (menu);
}

static void
move (Menu *menu, int delta)
{
  gint64 last = MAX ((gint64) menu->hits->len - 1, 0);
  menu->cursor = (guint) CLAMP ((gint64) menu->cursor + delta, 0, last);
}

static gboolean
menu_key (Menu *menu, FmKey key)
{
  gboolean control = key.mods == FM_MOD_CTRL;
  if (key.code == FM_KEY_ENTER || (control && key.code == 'j'))
    {
      if (menu->hits->len == 0)
        return TRUE;
      menu->base.result = g_strdup (menu->items[g_array_index (menu->hits, Hit, menu->cursor).item]);
      return FALSE;
    }
  if (key.code == FM_KEY_UP || (control && key.code == 'p') || (key.code == FM_KEY_TAB && key.mods & FM_MOD_SHIFT))
    move (menu, -1);
  else if (key.code == FM_KEY_DOWN || key.code == FM_KEY_TAB || (control && key.code == 'n'))
    move (menu, 1);
  else if (key.code == FM_KEY_PAGE_UP)
    move (menu, -ROWS_MAX + 1);
  else if (key.code == FM_KEY_PAGE_DOWN)
    move (menu, ROWS_MAX - 1);
  else if (fm_line_edit_key (menu->edit, key))
    filter (menu);
  return TRUE;
}

static gboolean
menu_input (FmWidget *widget, const FmInput *input)
{
  Menu *menu = (Menu *) widget;
  if (fm_widget_is_cancel (input))
    return FALSE;
  if (input->type == FM_INPUT_PASTE)
    {
      fm_line_edit_insert (menu->edit, input->text);
      filter (menu);
    }
  return input->type != FM_INPUT_KEY || menu_key (menu, input->key);
}

static void
draw_rows (Menu *menu, FmCanvas *canvas, const FmTheme *theme, int bottom)
{
  int n = (int) menu->hits->len, rows = MIN (MIN (MAX (n, 1), ROWS_MAX), bottom), width = fm_canvas_width (canvas);
  menu->top = (guint) CLAMP ((int) menu->top, MAX ((int) menu->cursor - rows + 1, 0), (int) menu->cursor);
  for (int i = 0; i < rows; i++)
    {
      int at = (int) menu->top + i;
      FmLook look = fm_theme_look (theme, at == (int) menu->cursor && n > 0 ? FM_ROLE_MENU_CURSOR : FM_ROLE_MENU);
      FmRect row = { 0, bottom - rows + i, width, 1 };
      fm_canvas_fill (canvas, row, look);
      if (at < n)
        fm_canvas_field (canvas, row, 2, row.y, width - 3, look, menu->items[g_array_index (menu->hits, Hit, at).item]);
      else if (n == 0)
        fm_canvas_field (canvas, row, 2, row.y, width - 3, look, "nothing matches");
      if (at == (int) menu->cursor && n > 0)
        fm_canvas_text (canvas, row, 0, row.y, look, fm_canvas_glyph (canvas, FM_GLYPH_POINTER), -1);
    }
}

static void
menu_draw (FmWidget *widget, FmCanvas *canvas, const FmTheme *theme)
{
  Menu *menu = (Menu *) widget;
  int width = fm_canvas_width (canvas), y = fm_canvas_height (canvas) - 1;
  g_autofree char *count = g_strdup_printf (" %u of %u", menu->hits->len, g_strv_length (menu->items));
  int count_width = fm_canvas_text_width (canvas, count, -1);
  fm_canvas_fill (canvas, (FmRect){ 0, y, width, 1 }, fm_theme_look (theme, FM_ROLE_PROMPT));
  int label = fm_canvas_text (canvas, (FmRect){ 0, y, width / 2, 1 }, 0, y, fm_theme_look (theme, FM_ROLE_PROMPT_LABEL), menu->label, -1);
  FmRect line = { label, y, width - label - count_width, 1 };
  int x = fm_line_edit_draw (menu->edit, canvas, line, fm_theme_look (theme, FM_ROLE_PROMPT), FALSE);
  fm_canvas_text (canvas, (FmRect){ 0, y, width, 1 }, width - count_width, y, fm_theme_look (theme, FM_ROLE_HINT), count, -1);
  draw_rows (menu, canvas, theme, y);
  fm_canvas_set_cursor (canvas, x, y, TRUE);
}

static const FmWidgetClass menu_class = { menu_draw, menu_input, menu_free };

FmWidget *
fm_widget_menu_new (const char *label, const char *const *items, const char *initial, FmShellAnswer answer, gpointer data)
{
  Menu *menu = g_new0 (Menu, 1);
  menu->base = (FmWidget){ .klass = &menu_class, .answer = answer, .answer_data = data };
  menu->label = g_strdup (label);
  menu->items = g_strdupv ((char **) items);
  menu->folded = g_new0 (char *, g_strv_length (menu->items) + 1);
  for (guint i = 0; menu->items[i]; i++)
    menu->folded[i] = fm_text_fold (menu->items[i]);
  menu->initial = g_strdup (initial);
  menu->edit = fm_line_edit_new ("");
  menu->hits = g_array_new (FALSE, FALSE, sizeof (Hit));
  filter (menu);
  return &menu->base;
}
