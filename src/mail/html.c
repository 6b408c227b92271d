/* HTML to a doc: input made valid and bounded, parsed on a leash (html-parse.c), walked (html-walk.c); where the leash was too short, the
 * stripper's text, with a word about it. */
#include "config.h"

#include "fulmar/mail/html.h"

#include <string.h>

#include "fulmar/mail/flowed.h"
#include "mail/html-private.h"
#include "mail/html-walk.h"

#define ARENA_BYTES (64u << 20)
#define PARSE_CPU_MS 250

typedef struct {
  FmDocBuilder *builder;
  gboolean no_links;
} Reading;

static void
visit (const GumboOutput *output, gpointer data)
{
  Reading *reading = data;
  fm_html_walk_tree (reading->builder, output, reading->no_links);
}

static void
append_stripped (FmDocBuilder *builder, const char *html, gsize size)
{
  g_autofree char *text = fm_html_strip_text (html, size);
  fm_flowed_append (builder, text, strlen (text), NULL);
}

void
fm_html_append (FmDocBuilder *builder, const char *html, gsize size_bytes, const FmHtmlOptions *options)
{
  static const FmHtmlOptions plain = { 0 };
  g_autofree char *valid = NULL;
  const FmHtmlOptions *o = options ? options : &plain;
  gsize limit = o->max_input_bytes ? o->max_input_bytes : FM_HTML_MAX_INPUT_BYTES;
  guint first_link = fm_doc_builder_n_links (builder) + 1;
  Reading reading = { builder, o->no_links };
  if (size_bytes > limit)
    {
      size_bytes = limit;
      fm_doc_builder_set_truncated (builder);
    }
  if (!g_utf8_validate (html, (gssize) size_bytes, NULL))
    {
      html = valid = g_utf8_make_valid (html, (gssize) size_bytes);
      size_bytes = strlen (valid);
    }
  if (o->force_stripper
      || !fm_html_parse_run (html, size_bytes, o->arena_bytes ? o->arena_bytes : ARENA_BYTES,
                             o->parse_cpu_ms ? o->parse_cpu_ms : PARSE_CPU_MS, visit, &reading))
    append_stripped (builder, html, size_bytes);
  else if (!o->no_links)
    fm_doc_builder_link_list (builder, first_link);
}

FmDoc *
fm_html_to_doc (const char *html, gsize size_bytes, const FmHtmlOptions *options)
{
  FmDocBuilder *builder = fm_doc_builder_new ();
  fm_html_append (builder, html, size_bytes, options);
  return fm_doc_builder_finish (builder);
}

char *
fm_html_to_plain (const char *html, gsize size_bytes, gsize limit_bytes)
{
  g_autoptr (FmDoc) doc = fm_html_to_doc (html, size_bytes, &(FmHtmlOptions){ .no_links = TRUE });
  return fm_doc_to_plain (doc, limit_bytes);
}

char *
fm_html_strip (const char *html, gsize size_bytes)
{
  g_autofree char *valid = NULL;
  size_bytes = MIN (size_bytes, FM_HTML_MAX_INPUT_BYTES);
  valid = g_utf8_make_valid (html, (gssize) size_bytes);
  return fm_html_strip_text (valid, strlen (valid));
}
