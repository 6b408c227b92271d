/* A GString and a byte offset that always stands on a character that is no combining mark, so that one press moves over what looks like one
 * letter. */
#include "ui/line-edit.h"
#include <fulmar/base/secret.h>
#include <fulmar/base/text.h>
#include <string.h>

struct FmLineEdit {
  GString *text;
  gsize cursor;
  char *killed;
};

FmLineEdit *
fm_line_edit_new (const char *initial)
{
  FmLineEdit *edit = g_new0 (FmLineEdit, 1);
  edit->text = g_string_sized_new (256);
  fm_line_edit_set (edit, initial ? initial : "");
  return edit;
}

void
fm_line_edit_free (FmLineEdit *edit)
{
  if (!edit)
    return;
  fm_secret_wipe (edit->text->str, edit->text->allocated_len);
  g_string_free (edit->text, TRUE);
  if (edit->killed)
    fm_secret_wipe (edit->killed, strlen (edit->killed));
  g_free (edit->killed);
  g_free (edit);
}

const char *
fm_line_edit_text (const FmLineEdit *edit)
{
  return edit->text->str;
}

gsize
fm_line_edit_cursor (const FmLineEdit *edit)
{
  return edit->cursor;
}

void
fm_line_edit_set (FmLineEdit *edit, const char *text)
{
  g_string_truncate (edit->text, 0);
  edit->cursor = 0;
  fm_line_edit_insert (edit, text);
}

void
fm_line_edit_insert (FmLineEdit *edit, const char *text)
{
  g_autofree char *clean = fm_text_sanitise_line (text, -1);
  gsize size = strlen (clean);
  if (edit->text->len + size > FM_LINE_EDIT_MAX_BYTES)
    return;
  /* The sanitiser folds blanks together; a typed blank is kept as it is. */
  g_string_insert_len (edit->text, (gssize) edit->cursor, clean, (gssize) size);
  edit->cursor += size;
  fm_secret_wipe (clean, size);
}

static gsize
step_right (const FmLineEdit *edit, gsize at)
{
  const char *text = edit->text->str;
  if (at >= edit->text->len)
    return at;
  do
    at = (gsize) (g_utf8_next_char (text + at) - text);
  while (at < edit->text->len && fm_text_char_width (g_utf8_get_char (text + at)) == 0);
  return at;
}

static gsize
step_left (const FmLineEdit *edit, gsize at)
{
  const char *text = edit->text->str;
  while (at > 0)
    {
      at = (gsize) (g_utf8_prev_char (text + at) - text);
      if (fm_text_char_width (g_utf8_get_char (text + at)) > 0)
        break;
    }
  return at;
}

void
fm_line_edit_set_cursor (FmLineEdit *edit, gsize at)
{
  edit->cursor = 0;
  for (gsize next = step_right (edit, 0); edit->cursor < edit->text->len && next <= at; next = step_right (edit, next))
    edit->cursor = next;
}

static gboolean
is_word (const FmLineEdit *edit, gsize at)
{
  gunichar c = g_utf8_get_char (edit->text->str + at);
  return g_unichar_isalnum (c) || c == '_';
}

static gsize
word_left (const FmLineEdit *edit, gsize at)
{
  while (at > 0 && !is_word (edit, step_left (edit, at)))
    at = step_left (edit, at);
  while (at > 0 && is_word (edit, step_left (edit, at)))
    at = step_left (edit, at);
  return at;
}

static gsize
word_right (const FmLineEdit *edit, gsize at)
{
  while (at < edit->text->len && !is_word (edit, at))
    at = step_right (edit, at);
  while (at < edit->text->len && is_word (edit, at))
    at = step_right (edit, at);
  return at;
}

/* Removes what lies between two offsets; KEEP: for yank. */
static void
cut (FmLineEdit *edit, gsize from, gsize to, gboolean keep)
{
  if (to <= from)
    return;
  if (keep)
    {
      g_free (edit->killed);
      edit->killed = g_strndup (edit->text->str + from, to - from);
    }
  g_string_erase (edit->text, (gssize) from, (gssize) (to - from));
  edit->cursor = from;
}

/* Back to the last blank, as Ctrl-W in shells. */
static gsize
blank_left (const FmLineEdit *edit, gsize at)
{
  const char *text = edit->text->str;
  while (at > 0 && text[at - 1] == ' ')
    at--;
  while (at > 0 && text[at - 1] != ' ')
    at--;
  return at;
}

static gboolean
control_key (FmLineEdit *edit, guint32 code)
{
  gsize at = edit->cursor, end = edit->text->len;
  switch (code)
    {
    case 'a':
      edit->cursor = 0;
      break;
    case 'e':
      edit->cursor = end;
      break;
    case 'b':
      edit->cursor = step_left (edit, at);
      break;
    case 'f':
      edit->cursor = step_right (edit, at);
      break;
    case 'd':
      cut (edit, at, step_right (edit, at), FALSE);
      break;
    case 'h':
      cut (edit, step_left (edit, at), at, FALSE);
      break;
    case 'k':
      cut (edit, at, end, TRUE);
      break;
    case 'u':
      cut (edit, 0, at, TRUE);
      break;
    case 'w':
      cut (edit, blank_left (edit, at), at, TRUE);
      break;
    case 'y':
      if (edit->killed)
        fm_line_edit_insert (edit, edit->killed);
      break;
    case FM_KEY_LEFT:
      edit->cursor = word_left (edit, at);
      break;
    case FM_KEY_RIGHT:
      edit->cursor = word_right (edit, at);
      break;
    default:
      return FALSE;
    }
  return TRUE;
}

static gboolean
alt_key (FmLineEdit *edit, guint32 code)
{
  gsize at = edit->cursor;
  switch (code)
    {
    case 'b':
    case FM_KEY_LEFT:
      edit->cursor = word_left (edit, at);
      break;
    case 'f':
    case FM_KEY_RIGHT:
      edit->cursor = word_right (edit, at);
      break;
    case 'd':
      cut (edit, at, word_right (edit, at), TRUE);
      break;
    case FM_KEY_BACKSPACE:
      cut (edit, word_left (edit, at), at, TRUE);
      break;
    default:
      return FALSE;
    }
  return TRUE;
}

static void
insert_char (FmLineEdit *edit, gunichar c)
{
  char bytes[8];
  int size = g_unichar_to_utf8 (c, bytes);
  bytes[size] = '\0';
  if (edit->text->len + (gsize) size > FM_LINE_EDIT_MAX_BYTES)
    return;
  g_string_insert_len (edit->text, (gssize) edit->cursor, bytes, size);
  edit->cursor += (gsize) size;
}

gboolean
fm_line_edit_key (FmLineEdit *edit, FmKey key)
{
  gsize at = edit->cursor;
  if (key.mods == FM_MOD_CTRL)
    return control_key (edit, key.code);
  if (key.mods == FM_MOD_ALT)
    return alt_key (edit, key.code);
  if (key.mods)
    return FALSE;
  switch (key.code)
    {
    case FM_KEY_LEFT:
      edit->cursor = step_left (edit, at);
      break;
    case FM_KEY_RIGHT:
      edit->cursor = step_right (edit, at);
      break;
    case FM_KEY_HOME:
      edit->cursor = 0;
      break;
    case FM_KEY_END:
      edit->cursor = edit->text->len;
      break;
    case FM_KEY_BACKSPACE:
      cut (edit, step_left (edit, at), at, FALSE);
      break;
    case FM_KEY_DELETE:
      cut (edit, at, step_right (edit, at), FALSE);
      break;
    default:
      if (key.code >= FM_KEY_NAMED)
        return FALSE;
      insert_char (edit, key.code);
    }
  return TRUE;
}

static int
draw_secret (const FmLineEdit *edit, FmCanvas *canvas, FmRect rect, FmLook look)
{
  int n = (int) g_utf8_strlen (edit->text->str, -1), before = (int) g_utf8_strlen (edit->text->str, (gssize) edit->cursor);
  for (int i = 0; i < MIN (n, rect.width - 1); i++)
    fm_canvas_text (canvas, rect, rect.x + i, rect.y, look, "*", 1);
  return rect.x + MIN (before, rect.width - 1);
}

int
fm_line_edit_draw (const FmLineEdit *edit, FmCanvas *canvas, FmRect rect, FmLook look, gboolean secret)
{
  fm_canvas_fill (canvas, rect, look);
  if (rect.width <= 0)
    return rect.x;
  if (secret)
    return draw_secret (edit, canvas, rect, look);
  int before = fm_canvas_text_width (canvas, edit->text->str, (gssize) edit->cursor);
  int shift = MAX (0, before - rect.width + 1);
  fm_canvas_text (canvas, rect, rect.x - shift, rect.y, look, edit->text->str, (gssize) edit->text->len);
  return rect.x + before - shift;
}
