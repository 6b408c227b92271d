/* The line editor with a label, a history and completions. Tab completes as far as all candidates agree and then walks through them; Up and Down
 * go through the history, keeping what was typed. */
#include "ui/widget-prompt.h"
#include <fulmar/base/secret.h>
#include <fulmar/base/text.h>
#include <string.h>
#include "ui/line-edit.h"

#define MENU_ROWS 8
#define HISTORY_MAX 200

typedef struct {
  FmWidget base;
  FmPromptKind kind;
  char *label;
  FmLineEdit *edit;
  GPtrArray *history;
  guint history_at; /* == history->len: the line being typed */
  char *typed;
  FmWidgetPromptComplete complete;
  gpointer complete_data;
  FmWidgetPromptCheck check;
  char *mistake; /* said above the line until the next key; NULL: none */
  char **candidates;
  int candidate; /* -1: none chosen */
} Prompt;

typedef struct {
  FmWidget base;
  char *question, *keys;
} Ask;

static void
drop_candidates (Prompt *prompt)
{
  g_clear_pointer (&prompt->candidates, g_strfreev);
  prompt->candidate = -1;
}

static void
prompt_free (FmWidget *widget)
{
  Prompt *prompt = (Prompt *) widget;
  drop_candidates (prompt);
  fm_line_edit_free (prompt->edit);
  g_free (prompt->mistake);
  g_free (prompt->label);
  g_free (prompt->typed);
  g_free (prompt);
}

/* The longest beginning all candidates share. Transfer: full. */
static char *
common_prefix (char **candidates)
{
  gsize size = strlen (candidates[0]);
  for (guint i = 1; candidates[i]; i++)
    {
      gsize same = 0;
      while (same < size && candidates[0][same] == candidates[i][same])
        same++;
      size = same;
    }
  while (size > 0 && ((guchar) candidates[0][size] & 0xc0) == 0x80)
    size--;
  return g_strndup (candidates[0], size);
}

static void
complete (Prompt *prompt, int direction)
{
  if (!prompt->complete)
    return;
  if (prompt->candidates)
    {
      int n = (int) g_strv_length (prompt->candidates);
      prompt->candidate = prompt->candidate < 0 ? (direction > 0 ? 0 : n - 1) : (prompt->candidate + direction + n) % n;
      fm_line_edit_set (prompt->edit, prompt->candidates[prompt->candidate]);
      return;
    }
  g_auto (GStrv) found = prompt->complete (fm_line_edit_text (prompt->edit), prompt->complete_data);
  if (!found || !found[0])
    return;
  g_autofree char *common = common_prefix (found);
  if (strlen (common) > strlen (fm_line_edit_text (prompt->edit)))
    fm_line_edit_set (prompt->edit, common);
  if (!found[1])
    {
      if (prompt->kind == FM_PROMPT_COMMAND && !g_str_has_suffix (common, " ") && !g_str_has_suffix (common, "="))
        fm_line_edit_insert (prompt->edit, " ");
      return;
    }
  prompt->candidates = g_steal_pointer (&found);
  prompt->candidate = -1;
}

static void
walk_history (Prompt *prompt, int direction)
{
  if (!prompt->history || prompt->history->len == 0)
    return;
  if (prompt->history_at == prompt->history->len)
    {
      g_free (prompt->typed);
      prompt->typed = g_strdup (fm_line_edit_text (prompt->edit));
    }
  gint64 at = CLAMP ((gint64) prompt->history_at + direction, 0, (gint64) prompt->history->len);
  prompt->history_at = (guint) at;
  fm_line_edit_set (prompt->edit,
                    prompt->history_at == prompt->history->len ? prompt->typed : g_ptr_array_index (prompt->history, prompt->history_at));
}

static void
remember (Prompt *prompt, const char *line)
{
  GPtrArray *history = prompt->history;
  if (!history || prompt->kind == FM_PROMPT_SECRET || !*line)
    return;
  if (history->len > 0 && strcmp (g_ptr_array_index (history, history->len - 1), line) == 0)
    return;
  g_ptr_array_add (history, g_strdup (line));
  if (history->len > HISTORY_MAX)
    g_ptr_array_remove_index (history, 0);
}

/* FALSE: answered. A text with a mistake stays, to be mended. */
static gboolean
prompt_enter (Prompt *prompt)
{
  gsize position = 0;
  const char *text = fm_line_edit_text (prompt->edit);
  prompt->mistake = prompt->check ? prompt->check (text, &position) : NULL;
  remember (prompt, text);
  if (prompt->mistake)
    {
      fm_line_edit_set_cursor (prompt->edit, position);
      return TRUE;
    }
  prompt->base.result = g_strdup (text);
  return FALSE;
}

static gboolean
prompt_key (Prompt *prompt, FmKey key)
{
  gboolean plain = key.mods == 0;
  if (key.code == FM_KEY_ENTER || (key.mods == FM_MOD_CTRL && key.code == 'j'))
    return prompt_enter (prompt);
  if (key.code == FM_KEY_TAB)
    {
      complete (prompt, key.mods & FM_MOD_SHIFT ? -1 : 1);
      return TRUE;
    }
  drop_candidates (prompt);
  if ((plain && key.code == FM_KEY_UP) || (key.mods == FM_MOD_CTRL && key.code == 'p'))
    walk_history (prompt, -1);
  else if ((plain && key.code == FM_KEY_DOWN) || (key.mods == FM_MOD_CTRL && key.code == 'n'))
    walk_history (prompt, 1);
  else if (plain && key.code == FM_KEY_BACKSPACE && !*fm_line_edit_text (prompt->edit) && prompt->kind == FM_PROMPT_COMMAND)
    return FALSE;
  else
    fm_line_edit_key (prompt->edit, key);
  return TRUE;
}

static gboolean
prompt_input (FmWidget *widget, const FmInput *input)
{
  Prompt *prompt = (Prompt *) widget;
  g_clear_pointer (&prompt->mistake, g_free);
  if (fm_widget_is_cancel (input))
    {
      gboolean is_abort = input->type == FM_INPUT_KEY; /* ^G leaves at once; Esc puts the candidates away first */
      if (!prompt->candidates || is_abort)
        return FALSE;
      drop_candidates (prompt);
      return TRUE;
    }
  if (input->type == FM_INPUT_PASTE)
    {
      drop_candidates (prompt);
      fm_line_edit_insert (prompt->edit, input->text);
    }
  return input->type != FM_INPUT_KEY || prompt_key (prompt, input->key);
}

static void
draw_candidates (Prompt *prompt, FmCanvas *canvas, const FmTheme *theme, int bottom)
{
  int n = (int) g_strv_length (prompt->candidates), rows = MIN (MIN (n, MENU_ROWS), bottom);
  int top = CLAMP (prompt->candidate - rows / 2, 0, n - rows), width = fm_canvas_width (canvas);
  for (int i = 0; i < rows; i++)
    {
      FmLook look = fm_theme_look (theme, top + i == prompt->candidate ? FM_ROLE_MENU_CURSOR : FM_ROLE_MENU);
      FmRect row = { 0, bottom - rows + i, width, 1 };
      fm_canvas_fill (canvas, row, look);
      fm_canvas_field (canvas, row, 1, row.y, width - 2, look, prompt->candidates[top + i]);
    }
}

static void
draw_mistake (FmCanvas *canvas, const FmTheme *theme, const char *mistake, int y)
{
  FmRect above = { 0, y, fm_canvas_width (canvas), 1 };
  FmLook look = fm_theme_look (theme, FM_ROLE_ERROR);
  fm_canvas_fill (canvas, above, look);
  fm_canvas_field (canvas, above, 0, y, above.width, look, mistake);
}

/* The bytes of TEXT that stand in one row: up to a blank, if there is one. */
static gsize
row_bytes (const char *text, int width)
{
  gsize fits = fm_text_fit (text, -1, width, NULL), at = fits;
  if (!text[fits])
    return fits;
  while (at > 0 && text[at] != ' ')
    at--;
  return at > 0 ? at : fits;
}

/* Words too long to stand before what is typed get rows of their own above it, the last ones next to it. The columns they take in row Y. */
static int
draw_label (FmCanvas *canvas, const FmTheme *theme, const char *label, int y, int room)
{
  int width = fm_canvas_width (canvas), rows = 0;
  FmLook look = fm_theme_look (theme, FM_ROLE_PROMPT_LABEL);
  if (fm_canvas_text_width (canvas, label, -1) <= room || y == 0 || width < 2)
    return fm_canvas_text (canvas, (FmRect){ 0, y, room, 1 }, 0, y, look, label, -1);
  for (const char *at = label; *at && *(at += strspn (at, " ")); at += row_bytes (at, width))
    rows++;
  for (const char *at = label; *at && *(at += strspn (at, " ")); at += row_bytes (at, width), rows--)
    {
      FmRect above = { 0, y - rows, width, 1 };
      if (above.y < 0)
        continue;
      fm_canvas_fill (canvas, above, fm_theme_look (theme, FM_ROLE_PROMPT));
      fm_canvas_text (canvas, above, 0, above.y, look, at, (gssize) row_bytes (at, width));
    }
  return 0;
}

static void
prompt_draw (FmWidget *widget, FmCanvas *canvas, const FmTheme *theme)
{
  Prompt *prompt = (Prompt *) widget;
  int width = fm_canvas_width (canvas), y = fm_canvas_height (canvas) - 1;
  FmRect row = { 0, y, width, 1 };
  FmLook look = fm_theme_look (theme, FM_ROLE_PROMPT);
  fm_canvas_fill (canvas, row, look);
  int label = draw_label (canvas, theme, prompt->label, y, width / 2);
  int x = fm_line_edit_draw (prompt->edit, canvas, (FmRect){ label, y, width - label, 1 }, look, prompt->kind == FM_PROMPT_SECRET);
  if (prompt->mistake && y > 0)
    draw_mistake (canvas, theme, prompt->mistake, y - 1);
  if (prompt->candidates)
    draw_candidates (prompt, canvas, theme, y);
  fm_canvas_set_cursor (canvas, x, y, TRUE);
}

static const FmWidgetClass prompt_class = { prompt_draw, prompt_input, prompt_free };

FmWidget *
fm_widget_prompt_new (const FmWidgetPromptOptions *options)
{
  Prompt *prompt = g_new0 (Prompt, 1);
  prompt->base = (FmWidget){ .klass = &prompt_class, .answer = options->answer, .answer_data = options->answer_data };
  prompt->kind = options->kind;
  prompt->label = g_strdup (options->label);
  prompt->edit = fm_line_edit_new (options->initial);
  prompt->history = options->history;
  prompt->history_at = options->history ? options->history->len : 0;
  prompt->complete = options->complete;
  prompt->complete_data = options->complete_data;
  prompt->check = options->check;
  prompt->candidate = -1;
  return &prompt->base;
}

static void
ask_free (FmWidget *widget)
{
  Ask *ask = (Ask *) widget;
  g_free (ask->question);
  g_free (ask->keys);
  g_free (ask);
}

/* Only a letter that was asked for counts; Enter and all else change nothing, so that no accident says yes. */
static gboolean
ask_input (FmWidget *widget, const FmInput *input)
{
  Ask *ask = (Ask *) widget;
  if (fm_widget_is_cancel (input))
    return FALSE;
  if (input->type != FM_INPUT_KEY || input->key.mods || input->key.code >= 128)
    return TRUE;
  char letter = g_ascii_tolower ((char) input->key.code);
  if (!letter || !strchr (ask->keys, letter))
    return TRUE;
  widget->result = g_strndup (&letter, 1);
  return FALSE;
}

static void
ask_draw (FmWidget *widget, FmCanvas *canvas, const FmTheme *theme)
{
  Ask *ask = (Ask *) widget;
  int width = fm_canvas_width (canvas), y = fm_canvas_height (canvas) - 1;
  FmRect row = { 0, y, width, 1 };
  g_autofree char *choices = g_strdup_printf (" [%s] ", ask->keys);
  int choices_width = fm_canvas_text_width (canvas, choices, -1);
  fm_canvas_fill (canvas, row, fm_theme_look (theme, FM_ROLE_PROMPT));
  int used = draw_label (canvas, theme, ask->question, y, width - choices_width - 1);
  fm_canvas_text (canvas, row, used, y, fm_theme_look (theme, FM_ROLE_HINT_KEY), choices, -1);
  fm_canvas_set_cursor (canvas, used + choices_width, y, TRUE);
}

static const FmWidgetClass ask_class = { ask_draw, ask_input, ask_free };

FmWidget *
fm_widget_prompt_new_ask (const char *question, const char *keys, FmShellAnswer answer, gpointer data)
{
  Ask *ask = g_new0 (Ask, 1);
  ask->base = (FmWidget){ .klass = &ask_class, .answer = answer, .answer_data = data };
  ask->question = g_strdup (question);
  ask->keys = g_ascii_strdown (keys, -1);
  return &ask->base;
}
