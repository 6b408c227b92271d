/* Plain text to a doc. One pass over the lines; each is split into quote level and rest, soft breaks of format=flowed are joined, and what
 * comes out is handed on as lines of preformatted blocks, a block for each run of lines with one quote level (so that folding and skipping
 * quotes work on blocks). Blocks are kept small, so that laying out a huge text can begin and end anywhere. */
#include "config.h"

#include "fulmar/mail/flowed.h"

#include <string.h>

#include "fulmar/base/text.h"
#include "fulmar/mail/urls.h"

#define BLOCK_MAX_LINES 64
#define BLOCK_MAX_BYTES 4096
#define PARAGRAPH_MAX_BYTES (64u << 10) /* a flowed paragraph that never ends is cut here */
#define TAB_COLS 8
#define LINE_COLS 72

typedef struct {
  FmDocBuilder *builder;
  const FmFlowedOptions *options;
  GString *paragraph; /* soft-broken lines so far */
  guint paragraph_level;
  gboolean in_paragraph;
  guint level, lines, bytes; /* of the open block */
  gboolean block_open;
  gboolean in_signature;
  guint signature_level;
  gboolean in_patch;
} Reader;

guint
fm_flowed_quote_level (const char *line, gsize size_bytes, gsize *ret_skip)
{
  guint level = 0;
  gsize at = 0;
  if (size_bytes >= 6 && memcmp (line, ">From ", 6) == 0)
    size_bytes = 0; /* an mbox's escape, not a quote */
  while (at < size_bytes)
    {
      gsize mark = at + (line[at] == ' ' && level > 0 ? 1 : 0);
      if (mark >= size_bytes || line[mark] != '>')
        break;
      level++;
      at = mark + 1;
    }
  if (level > 0 && at < size_bytes && line[at] == ' ')
    at++;
  if (ret_skip)
    *ret_skip = at;
  return level;
}

static guint
flowed_level (const char *line, gsize size, gsize *ret_skip)
{
  gsize at = 0;
  while (at < size && line[at] == '>')
    at++;
  guint level = (guint) MIN (at, G_MAXUINT8);
  if (at < size && line[at] == ' ')
    at++;
  *ret_skip = at;
  return level;
}

static char *
expand_tabs (const char *text, gsize size, gsize *ret_size)
{
  GString *out = g_string_sized_new (size + 32);
  int column = 0;
  for (gsize i = 0; i < size; i++)
    {
      if (text[i] != '\t')
        {
          g_string_append_c (out, text[i]);
          column += ((guchar) text[i] & 0xc0) != 0x80;
          continue;
        }
      do
        g_string_append_c (out, ' ');
      while (++column % TAB_COLS);
    }
  *ret_size = out->len;
  return g_string_free (out, FALSE);
}

static gboolean
begins (const char *line, gsize size, const char *prefix)
{
  gsize n = strlen (prefix);
  return size >= n && memcmp (line, prefix, n) == 0;
}

static guint32
patch_style (Reader *r, const char *line, gsize size)
{
  static const struct {
    const char *prefix;
    guint32 style;
  } table[] = {
    { "diff ", FM_STYLE_DIFF_FILE },   { "index ", FM_STYLE_DIFF_FILE }, { "--- ", FM_STYLE_DIFF_FILE }, { "+++ ", FM_STYLE_DIFF_FILE },
    { "Index: ", FM_STYLE_DIFF_FILE }, { "@@", FM_STYLE_DIFF_HUNK },     { "+", FM_STYLE_DIFF_ADD },     { "-", FM_STYLE_DIFF_DEL },
  };
  gboolean opens = begins (line, size, "diff --git ") || begins (line, size, "Index: ") || begins (line, size, "@@ -")
                   || begins (line, size, "--- a/");
  if (!r->in_patch && !opens && !r->options->patch)
    return 0;
  r->in_patch = TRUE;
  for (gsize i = 0; i < G_N_ELEMENTS (table); i++)
    if (begins (line, size, table[i].prefix))
      return table[i].style;
  return 0;
}

static gboolean
is_signature_mark (const char *line, gsize size)
{
  return size == 3 && memcmp (line, "-- ", 3) == 0;
}

static guint32
line_style (Reader *r, guint level, const char *line, gsize size)
{
  if (is_signature_mark (line, size))
    {
      r->in_signature = TRUE;
      r->signature_level = level;
      r->in_patch = FALSE;
    }
  else if (r->in_signature && level != r->signature_level)
    {
      r->in_signature = FALSE;
    }
  if (r->in_signature)
    return FM_STYLE_SIGNATURE;
  return level == 0 ? patch_style (r, line, size) : 0;
}

static void
put_with_urls (Reader *r, const char *line, gsize size, guint32 style)
{
  gsize at = 0, start = 0, end = 0;
  while (fm_urls_find (line, size, at, &start, &end))
    {
      g_autofree char *url = fm_urls_absolute (line + start, end - start);
      guint link = fm_doc_builder_link (r->builder, url, NULL);
      fm_doc_builder_text (r->builder, line + at, (gssize) (start - at), style, 0);
      fm_doc_builder_text (r->builder, line + start, (gssize) (end - start), style | (link ? FM_STYLE_LINK : 0), link);
      if (link)
        fm_doc_builder_link_shown (r->builder, link, url);
      at = end;
    }
  fm_doc_builder_text (r->builder, line + at, (gssize) (size - at), style, 0);
}

/* One finished line, without its quote marks. */
static void
put_line (Reader *r, guint level, const char *line, gsize size)
{
  g_autofree char *expanded = NULL;
  guint32 style = line_style (r, level, line, size);
  if (memchr (line, '\t', size))
    line = expanded = expand_tabs (line, size, &size);
  if (!r->block_open || level != r->level || r->lines >= BLOCK_MAX_LINES || r->bytes + size > BLOCK_MAX_BYTES)
    {
      fm_doc_builder_begin (r->builder,
                            &(FmDocShape){ .kind = FM_DOC_PREFORMATTED, .quote_level = (guint8) MIN (level, FM_DOC_MAX_QUOTE) });
      r->block_open = TRUE;
      r->level = level;
      r->lines = r->bytes = 0;
    }
  else
    {
      fm_doc_builder_text (r->builder, "\n", 1, 0, 0);
    }
  r->lines++;
  r->bytes += (guint) size + 1;
  put_with_urls (r, line, size, style);
}

static void
end_paragraph (Reader *r)
{
  if (!r->in_paragraph)
    return;
  r->in_paragraph = FALSE;
  put_line (r, r->paragraph_level, r->paragraph->str, r->paragraph->len);
  g_string_truncate (r->paragraph, 0);
}

/* RFC 3676, 4.1 to 4.5: quote marks, then stuffing, then the signature mark, which is never soft, then soft breaks. */
static void
flowed_line (Reader *r, const char *line, gsize size)
{
  gsize skip = 0;
  guint level = flowed_level (line, size, &skip);
  line += skip;
  size -= skip;
  if (r->in_paragraph && (level != r->paragraph_level || is_signature_mark (line, size) || r->paragraph->len > PARAGRAPH_MAX_BYTES))
    end_paragraph (r);
  gboolean soft = size > 0 && line[size - 1] == ' ' && !is_signature_mark (line, size);
  if (!soft && !r->in_paragraph)
    {
      put_line (r, level, line, size);
      return;
    }
  r->in_paragraph = TRUE;
  r->paragraph_level = level;
  g_string_append_len (r->paragraph, line, (gssize) (soft && r->options->delsp ? size - 1 : size));
  if (!soft)
    end_paragraph (r);
}

static void
plain_line (Reader *r, const char *line, gsize size)
{
  gsize skip = 0;
  guint level = fm_flowed_quote_level (line, size, &skip);
  put_line (r, level, line + skip, size - skip);
}

static gsize
cut_at_line (const char *text, gsize size, gsize max_bytes)
{
  const char *stop = memrchr (text, '\n', MIN (size, max_bytes));
  return stop ? (gsize) (stop - text) + 1 : MIN (size, max_bytes);
}

void
fm_flowed_append (FmDocBuilder *builder, const char *text, gsize size_bytes, const FmFlowedOptions *options)
{
  static const FmFlowedOptions plain = { 0 };
  g_autoptr (GString) paragraph = g_string_new (NULL);
  Reader r = { .builder = builder, .options = options ? options : &plain, .paragraph = paragraph };
  if (r.options->max_bytes && size_bytes > r.options->max_bytes)
    {
      size_bytes = cut_at_line (text, size_bytes, r.options->max_bytes);
      fm_doc_builder_set_truncated (builder);
    }
  const char *end = text + size_bytes;
  while (text < end)
    {
      const char *stop = memchr (text, '\n', (gsize) (end - text));
      gsize size = (gsize) ((stop ? stop : end) - text);
      gsize bare = size > 0 && text[size - 1] == '\r' ? size - 1 : size;
      if (r.options->flowed)
        flowed_line (&r, text, bare);
      else
        plain_line (&r, text, bare);
      text += stop ? size + 1 : size;
    }
  end_paragraph (&r);
  fm_doc_builder_end (builder);
}

FmDoc *
fm_flowed_to_doc (const char *text, gsize size_bytes, const FmFlowedOptions *options)
{
  FmDocBuilder *builder = fm_doc_builder_new ();
  fm_flowed_append (builder, text, size_bytes, options);
  return fm_doc_builder_finish (builder);
}

/* The bytes of LINE that go on one line of at most COLS columns, its trailing space with them; all of it where it fits. */
static gsize
soft_cut (const char *line, gsize size, int cols)
{
  gsize fit = fm_text_fit (line, (gssize) size, cols, NULL);
  if (fit >= size)
    return size;
  const char *space = memrchr (line, ' ', fit);
  if (!space || space == line)
    space = memchr (line + fit, ' ', size - fit);
  return space ? (gsize) (space - line) + 1 : size;
}

static void
encode_line (GString *out, const char *line, gsize size)
{
  gsize skip = 0;
  guint level = fm_flowed_quote_level (line, size, &skip);
  const char *rest = line + skip;
  gsize left = size - skip;
  while (left > 0 && rest[left - 1] == ' ' && !is_signature_mark (rest, left))
    left--;
  do
    {
      gsize take = is_signature_mark (rest, left) ? left : soft_cut (rest, left, MAX (20, LINE_COLS - (int) level - 2));
      for (guint i = 0; i < level; i++)
        g_string_append_c (out, '>');
      if (level > 0 || (take > 0 && (rest[0] == ' ' || rest[0] == '>')) || (take >= 5 && memcmp (rest, "From ", 5) == 0))
        g_string_append_c (out, ' ');
      g_string_append_len (out, rest, (gssize) take);
      g_string_append_c (out, '\n');
      rest += take;
      left -= take;
    }
  while (left > 0);
}

char *
fm_flowed_encode (const char *text)
{
  GString *out = g_string_sized_new (strlen (text) + 64);
  while (*text)
    {
      gsize size = strcspn (text, "\n");
      encode_line (out, text, size > 0 && text[size - 1] == '\r' ? size - 1 : size);
      text += size + (text[size] ? 1 : 0);
    }
  return g_string_free (out, FALSE);
}
