/* Building a doc. Every byte comes through append_clean, which is the one gate: text that is plain printable ASCII is copied at memory
 * speed, everything else goes through the sanitiser. A block that grows past its bound is continued in a next block of the same shape, cut
 * at a space, so that whoever lays out, searches or folds works on pieces of bounded size whatever the sender wrote. */
#include "config.h"

#include <string.h>

#include "fulmar/base/text.h"
#include "fulmar/mail/urls.h"
#include "mail/doc-private.h"

#define MAX_LINK_TEXT_BYTES 512
#define TABLE_SPLIT_BYTES (12u << 10)

struct FmDocBuilder {
  FmDoc *doc;
  GHashTable *link_by_url; /* owned by the links */
  FmDocBlock open;
  gboolean is_open;
};

static void
clear_link (gpointer data)
{
  FmDocLink *link = data;
  g_free (link->url);
  g_free (link->text);
  g_free (link->host);
}

FmDocBuilder *
fm_doc_builder_new (void)
{
  FmDocBuilder *b = g_new0 (FmDocBuilder, 1);
  b->doc = g_new0 (FmDoc, 1);
  b->doc->refs = 1;
  b->doc->text = g_string_new (NULL);
  b->doc->blocks = g_array_new (FALSE, FALSE, sizeof (FmDocBlock));
  b->doc->spans = g_array_new (FALSE, FALSE, sizeof (FmStyleRun));
  b->doc->links = g_array_new (FALSE, FALSE, sizeof (FmDocLink));
  g_array_set_clear_func (b->doc->links, clear_link);
  b->link_by_url = g_hash_table_new (g_str_hash, g_str_equal);
  return b;
}

void
fm_doc_builder_free (FmDocBuilder *builder)
{
  if (!builder)
    return;
  g_hash_table_unref (builder->link_by_url);
  fm_doc_unref (builder->doc);
  g_free (builder);
}

FmDoc *
fm_doc_builder_finish (FmDocBuilder *builder)
{
  fm_doc_builder_end (builder);
  FmDoc *doc = g_steal_pointer (&builder->doc);
  fm_doc_builder_free (builder);
  return doc;
}

void
fm_doc_builder_end (FmDocBuilder *builder)
{
  FmDoc *doc = builder->doc;
  if (!builder->is_open)
    return;
  builder->is_open = FALSE;
  if (doc->blocks->len >= FM_DOC_MAX_BLOCKS)
    {
      doc->truncated = TRUE;
      return;
    }
  builder->open.size = (guint32) (doc->text->len - builder->open.start);
  builder->open.n_spans = doc->spans->len - builder->open.first_span;
  g_array_append_val (doc->blocks, builder->open);
}

void
fm_doc_builder_begin (FmDocBuilder *builder, const FmDocShape *shape)
{
  fm_doc_builder_end (builder);
  FmDocBlock *open = &builder->open;
  open->start = (guint32) builder->doc->text->len;
  open->first_span = builder->doc->spans->len;
  open->shape = *shape;
  open->shape.quote_level = MIN (shape->quote_level, FM_DOC_MAX_QUOTE);
  open->shape.indent_cols = MIN (shape->indent_cols, FM_DOC_MAX_INDENT);
  open->shape.marker[sizeof open->shape.marker - 1] = '\0';
  builder->is_open = TRUE;
}

static void
continue_block (FmDocBuilder *builder)
{
  FmDocShape shape = builder->open.shape;
  shape.marker[0] = '\0';
  shape.blank_before = FALSE;
  fm_doc_builder_begin (builder, &shape);
}

static void
add_span (FmDocBuilder *builder, gsize start, gsize end, guint32 style, guint link)
{
  GArray *spans = builder->doc->spans;
  guint32 from = (guint32) (start - builder->open.start), to = (guint32) (end - builder->open.start);
  if ((!style && !link) || start == end)
    return;
  if (spans->len > builder->open.first_span)
    {
      FmStyleRun *last = &g_array_index (spans, FmStyleRun, spans->len - 1);
      if (last->end == from && last->style == style && last->link == link)
        {
          last->end = to;
          return;
        }
    }
  if (spans->len >= FM_DOC_MAX_SPANS)
    return;
  FmStyleRun run = { from, to, style, link };
  g_array_append_val (spans, run);
}

/* How much of clean TEXT fits a block with ROOM bytes left: all, or up to a line end, a space, or at worst a character. */
static gsize
chunk_size (const char *text, gsize size, gsize room)
{
  if (size <= room)
    return size;
  const char *cut = memrchr (text, '\n', room);
  if (!cut)
    cut = memrchr (text, ' ', room);
  if (cut)
    return (gsize) (cut - text) + 1;
  while (room > 0 && ((guchar) text[room] & 0xc0) == 0x80)
    room--;
  return room;
}

static void
append_clean (FmDocBuilder *builder, const char *text, gsize size, guint32 style, guint link)
{
  GString *all = builder->doc->text;
  while (size > 0)
    {
      gsize used = all->len - builder->open.start;
      gsize take = used < FM_DOC_MAX_BLOCK_BYTES ? chunk_size (text, size, FM_DOC_MAX_BLOCK_BYTES - used) : 0;
      if (all->len + take > FM_DOC_MAX_TEXT_BYTES || builder->doc->blocks->len >= FM_DOC_MAX_BLOCKS)
        {
          builder->doc->truncated = TRUE;
          return;
        }
      if (take == 0)
        {
          continue_block (builder);
          continue;
        }
      gsize start = all->len;
      gsize keep = take;
      if (take < size && text[take - 1] == '\n')
        keep--; /* the block's end is the break */
      g_string_append_len (all, text, (gssize) keep);
      add_span (builder, start, all->len, style, link);
      text += take;
      size -= take;
      if (size > 0)
        continue_block (builder);
    }
}

/* Printable ASCII and line ends only: what needs no sanitiser. */
static gboolean
is_clean (const char *text, gsize size)
{
  guint bad = 0;
  for (gsize i = 0; i < size; i++)
    {
      guchar c = (guchar) text[i];
      bad |= (guint) ((c < 0x20 && c != '\n') | (c >= 0x7f));
    }
  return bad == 0;
}

void
fm_doc_builder_text (FmDocBuilder *builder, const char *text, gssize size_bytes, guint32 style, guint link)
{
  gsize size = size_bytes < 0 ? strlen (text) : (gsize) size_bytes;
  g_autofree char *clean = NULL;
  if (!builder->is_open)
    fm_doc_builder_begin (builder, &(FmDocShape){ .kind = FM_DOC_PARAGRAPH });
  if (size > FM_DOC_MAX_TEXT_BYTES)
    {
      size = FM_DOC_MAX_TEXT_BYTES;
      builder->doc->truncated = TRUE;
    }
  FmDocKind kind = builder->open.shape.kind;
  gboolean one_line = kind == FM_DOC_TABLE || kind == FM_DOC_LINE;
  if (!is_clean (text, size) || (one_line && memchr (text, '\n', size)))
    {
      clean = fm_text_sanitise_block (text, (gssize) size);
      size = strlen (clean);
      for (char *at = clean; *at; at++)
        if (*at == '\t' || (one_line && *at == '\n'))
          *at = ' ';
      text = clean;
    }
  append_clean (builder, text, size, style, link);
}

void
fm_doc_builder_end_cell (FmDocBuilder *builder)
{
  if (builder->is_open && builder->open.shape.kind == FM_DOC_TABLE)
    g_string_append_c (builder->doc->text, '\t');
}

void
fm_doc_builder_end_row (FmDocBuilder *builder)
{
  if (!builder->is_open || builder->open.shape.kind != FM_DOC_TABLE)
    return;
  if (builder->doc->text->len - builder->open.start > TABLE_SPLIT_BYTES)
    continue_block (builder);
  else
    g_string_append_c (builder->doc->text, '\n');
}

guint
fm_doc_builder_link (FmDocBuilder *builder, const char *url, const char *shown_text)
{
  GArray *links = builder->doc->links;
  guint found = GPOINTER_TO_UINT (g_hash_table_lookup (builder->link_by_url, url));
  if (found)
    return found;
  g_autofree char *clean = fm_urls_clean (url);
  if (!clean)
    return 0;
  found = GPOINTER_TO_UINT (g_hash_table_lookup (builder->link_by_url, clean));
  if (found)
    return found;
  if (links->len >= FM_DOC_MAX_LINKS)
    {
      builder->doc->truncated = TRUE;
      return 0;
    }
  FmDocLink link = { .host = fm_urls_host (clean), .text = g_strdup ("") };
  link.url = g_steal_pointer (&clean);
  g_array_append_val (links, link);
  g_hash_table_insert (builder->link_by_url, link.url, GUINT_TO_POINTER (links->len));
  if (shown_text)
    fm_doc_builder_link_shown (builder, links->len, shown_text);
  return links->len;
}

void
fm_doc_builder_link_shown (FmDocBuilder *builder, guint link, const char *shown_text)
{
  if (link < 1 || link > builder->doc->links->len)
    return;
  FmDocLink *entry = &g_array_index (builder->doc->links, FmDocLink, link - 1);
  g_autofree char *text = fm_text_sanitise_line (shown_text, (gssize) MIN (strlen (shown_text), MAX_LINK_TEXT_BYTES));
  g_autofree char *claimed = fm_urls_claimed_host (text);
  if (claimed && *entry->host && !fm_urls_hosts_agree (claimed, entry->host))
    entry->deceptive = TRUE;
  if (!*entry->text || (entry->deceptive && claimed))
    {
      g_free (entry->text);
      entry->text = g_steal_pointer (&text);
    }
}

guint
fm_doc_builder_n_links (const FmDocBuilder *builder)
{
  return builder->doc->links->len;
}

/* The host first and never cut, since it is what to judge by; the path after it as far as the line goes. The scheme is told where it is not the
 * one that a reader may take for granted. */
static void
list_entry (FmDocBuilder *builder, guint number, const FmDocLink *link)
{
  g_autofree char *mark = g_strdup_printf ("[%u] ", number);
  const char *host_at = *link->host ? strstr (link->url, "://") : NULL;
  fm_doc_builder_begin (builder, &(FmDocShape){ .kind = FM_DOC_LINE });
  fm_doc_builder_text (builder, mark, -1, FM_STYLE_DIM, number);
  if (host_at)
    {
      host_at += 3;
      const char *path = host_at + strcspn (host_at, "/?#");
      if (g_ascii_strncasecmp (link->url, "https:", 6) != 0)
        fm_doc_builder_text (builder, link->url, host_at - link->url, FM_STYLE_DIM, number);
      fm_doc_builder_text (builder, link->host, -1, FM_STYLE_LINK, number);
      if (link->deceptive)
        {
          g_autofree char *claimed = fm_urls_claimed_host (link->text);
          g_autofree char *words = g_strdup_printf (" (not %s!) ", claimed ? claimed : link->text);
          fm_doc_builder_text (builder, words, -1, FM_STYLE_WARNING, 0);
        }
      if (path[0] && strcmp (path, "/") != 0)
        fm_doc_builder_text (builder, path, -1, FM_STYLE_DIM, number);
    }
  else
    {
      fm_doc_builder_text (builder, link->url, -1, FM_STYLE_LINK, number);
    }
}

void
fm_doc_builder_link_list (FmDocBuilder *builder, guint first_link)
{
  guint n = builder->doc->links->len;
  if (first_link < 1 || first_link > n)
    return;
  fm_doc_builder_begin (builder, &(FmDocShape){ .kind = FM_DOC_PARAGRAPH, .blank_before = TRUE });
  fm_doc_builder_text (builder, "Links:", -1, FM_STYLE_NOTICE, 0);
  for (guint i = first_link; i <= n; i++)
    {
      FmDocLink link = g_array_index (builder->doc->links, FmDocLink, i - 1);
      list_entry (builder, i, &link);
    }
  fm_doc_builder_end (builder);
}

void
fm_doc_builder_count_hidden (FmDocBuilder *builder)
{
  builder->doc->n_hidden++;
}

void
fm_doc_builder_set_truncated (FmDocBuilder *builder)
{
  builder->doc->truncated = TRUE;
}

void
fm_doc_builder_header (FmDocBuilder *builder, const char *name, const char *value)
{
  g_autofree char *clean = fm_text_sanitise_line (value, -1);
  fm_doc_builder_begin (builder, &(FmDocShape){ .kind = FM_DOC_PARAGRAPH });
  fm_doc_builder_text (builder, name, -1, FM_STYLE_HEADER_NAME, 0);
  fm_doc_builder_text (builder, ": ", -1, FM_STYLE_HEADER_NAME, 0);
  fm_doc_builder_text (builder, clean, -1, FM_STYLE_HEADER_VALUE, 0);
  fm_doc_builder_end (builder);
}

void
fm_doc_builder_notice (FmDocBuilder *builder, const char *text, gboolean warning)
{
  fm_doc_builder_begin (builder, &(FmDocShape){ .kind = FM_DOC_PARAGRAPH });
  fm_doc_builder_text (builder, text, -1, warning ? FM_STYLE_WARNING : FM_STYLE_NOTICE, 0);
  fm_doc_builder_end (builder);
}

void
fm_doc_builder_rule (FmDocBuilder *builder)
{
  fm_doc_builder_begin (builder, &(FmDocShape){ .kind = FM_DOC_RULE });
  fm_doc_builder_end (builder);
}

static guint
copy_link (FmDocBuilder *builder, const FmDoc *doc, guint link)
{
  const FmDocLink *from = &g_array_index (doc->links, FmDocLink, link - 1);
  guint to = fm_doc_builder_link (builder, from->url, from->text);
  if (to && from->deceptive)
    g_array_index (builder->doc->links, FmDocLink, to - 1).deceptive = TRUE;
  return to;
}

/* Clean text in, clean text out: the blocks are copied as they are, tabs of tables and all. */
void
fm_doc_builder_append_doc (FmDocBuilder *builder, const FmDoc *doc)
{
  FmDoc *into = builder->doc;
  fm_doc_builder_end (builder);
  g_autofree guint *map = g_new0 (guint, doc->links->len + 1);
  for (guint i = 1; i <= doc->links->len; i++)
    map[i] = copy_link (builder, doc, i);
  for (guint i = 0; i < doc->blocks->len; i++)
    {
      FmDocBlock block = g_array_index (doc->blocks, FmDocBlock, i);
      if (into->text->len + block.size > FM_DOC_MAX_TEXT_BYTES || into->spans->len + block.n_spans > FM_DOC_MAX_SPANS
          || into->blocks->len >= FM_DOC_MAX_BLOCKS)
        {
          into->truncated = TRUE;
          break;
        }
      for (guint s = 0; s < block.n_spans; s++)
        {
          FmStyleRun run = g_array_index (doc->spans, FmStyleRun, block.first_span + s);
          run.link = map[run.link];
          g_array_append_val (into->spans, run);
        }
      gsize start = into->text->len;
      g_string_append_len (into->text, doc->text->str + block.start, block.size);
      block.start = (guint32) start;
      block.first_span = into->spans->len - block.n_spans;
      g_array_append_val (into->blocks, block);
    }
  into->truncated |= doc->truncated;
  into->n_hidden += doc->n_hidden;
}
