/* A frozen styled document: see doc-private.h for its shape and doc-builder.c for how one comes about. Nothing here changes a doc but the
 * atomic count of its owners. */
#include "config.h"

#include "fulmar/mail/doc.h"

#include <string.h>

#include "mail/doc-private.h"

FmDoc *
fm_doc_ref (FmDoc *doc)
{
  g_atomic_int_inc (&doc->refs);
  return doc;
}

void
fm_doc_unref (FmDoc *doc)
{
  if (!doc || !g_atomic_int_dec_and_test (&doc->refs))
    return;
  g_string_free (doc->text, TRUE);
  g_array_unref (doc->blocks);
  g_array_unref (doc->spans);
  g_array_unref (doc->links);
  g_free (doc);
}

static const FmDocBlock *
block_at (const FmDoc *doc, guint block)
{
  g_assert (block < doc->blocks->len);
  return &g_array_index (doc->blocks, FmDocBlock, block);
}

guint
fm_doc_n_blocks (const FmDoc *doc)
{
  return doc->blocks->len;
}

FmDocShape
fm_doc_block_shape (const FmDoc *doc, guint block)
{
  return block_at (doc, block)->shape;
}

const char *
fm_doc_block_text (const FmDoc *doc, guint block, gsize *ret_size_bytes)
{
  const FmDocBlock *b = block_at (doc, block);
  *ret_size_bytes = b->size;
  return doc->text->str + b->start;
}

const FmStyleRun *
fm_doc_block_spans (const FmDoc *doc, guint block, guint *ret_count)
{
  const FmDocBlock *b = block_at (doc, block);
  *ret_count = b->n_spans;
  return b->n_spans ? &g_array_index (doc->spans, FmStyleRun, b->first_span) : NULL;
}

static const FmDocLink *
link_at (const FmDoc *doc, guint link)
{
  g_assert (link >= 1 && link <= doc->links->len);
  return &g_array_index (doc->links, FmDocLink, link - 1);
}

guint
fm_doc_n_links (const FmDoc *doc)
{
  return doc->links->len;
}

const char *
fm_doc_link_url (const FmDoc *doc, guint link)
{
  return link_at (doc, link)->url;
}

const char *
fm_doc_link_text (const FmDoc *doc, guint link)
{
  return link_at (doc, link)->text;
}

const char *
fm_doc_link_host (const FmDoc *doc, guint link)
{
  return link_at (doc, link)->host;
}

gboolean
fm_doc_link_is_deceptive (const FmDoc *doc, guint link)
{
  return link_at (doc, link)->deceptive;
}

gboolean
fm_doc_is_truncated (const FmDoc *doc)
{
  return doc->truncated;
}

guint
fm_doc_n_hidden (const FmDoc *doc)
{
  return doc->n_hidden;
}

static void
plain_prefix (GString *out, const FmDocShape *shape, gboolean first)
{
  for (guint i = 0; i < shape->quote_level; i++)
    g_string_append (out, "> ");
  if (first && shape->marker[0])
    g_string_append_printf (out, "%s ", shape->marker);
}

static void
plain_block (GString *out, const FmDoc *doc, const FmDocBlock *b)
{
  const char *text = doc->text->str + b->start, *end = text + b->size;
  gboolean first = TRUE;
  if (b->shape.blank_before && out->len)
    g_string_append_c (out, '\n');
  do
    {
      const char *stop = memchr (text, '\n', (gsize) (end - text));
      gsize size = (gsize) ((stop ? stop : end) - text);
      plain_prefix (out, &b->shape, first);
      gsize at = out->len;
      g_string_append_len (out, text, (gssize) size);
      for (; b->shape.kind == FM_DOC_TABLE && at < out->len; at++)
        if (out->str[at] == '\t')
          out->str[at] = ' ';
      g_string_append_c (out, '\n');
      text += size + 1;
      first = FALSE;
    }
  while (text < end);
}

char *
fm_doc_to_plain (const FmDoc *doc, gsize limit_bytes)
{
  GString *out = g_string_sized_new (limit_bytes ? MIN (limit_bytes, doc->text->len) + 64 : doc->text->len + 64);
  for (guint i = 0; i < doc->blocks->len && (!limit_bytes || out->len < limit_bytes); i++)
    if (block_at (doc, i)->shape.kind != FM_DOC_RULE)
      plain_block (out, doc, block_at (doc, i));
  if (limit_bytes && out->len > limit_bytes)
    {
      const char *cut = g_utf8_find_prev_char (out->str, out->str + limit_bytes + 1);
      g_string_truncate (out, cut ? (gsize) (cut - out->str) : 0);
    }
  return g_string_free (out, FALSE);
}
