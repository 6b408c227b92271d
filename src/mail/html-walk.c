/* From gumbo's tree to blocks. The tree is walked with a stack of our own, one frame an open element; a frame carries what its children
 * inherit (style, quote level, indent, hidden or not). Text goes through one state of white space: words are written with single spaces,
 * block ends and line breaks are remembered and only made real by the next word, so empty elements, of which newsletters are full, leave no
 * trace. Layout tables are read cell after cell; a table of short cells in at least two rows and columns becomes a table block. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "mail/html-table.h"
#include "mail/html-tag.h"
#include "mail/html-walk.h"

#define MAX_FRAMES 200000
#define MAX_SHOWN_BYTES 512
#define MAX_ITEM 9999

typedef struct {
  const GumboNode *node;
  guint next_child;
  guint32 style;
  guint8 quote, indent, heading;
  gboolean pre, zero_font;
  gboolean ordered;
  guint item; /* of a list: the last number given */
} Frame;

typedef struct {
  FmDocBuilder *builder;
  gboolean no_links;
  FmHtmlStyleSheet *sheet;
  GArray *frames;
  gboolean block_open, block_empty, block_pre;
  gboolean space, blank;
  guint breaks;
  char marker[8];
  guint table_depth; /* open data tables: 0 or 1 */
  gboolean cell_open;
  guint looks;
  const char *href;
  guint link;
  GString *shown;
} Walker;

static Frame *
top (Walker *w)
{
  return &g_array_index (w->frames, Frame, w->frames->len - 1);
}

static const char *
attribute (const GumboNode *node, const char *name)
{
  const GumboAttribute *a = gumbo_get_attribute (&node->v.element.attributes, name);
  return a ? a->value : NULL;
}

static gboolean
is_element (const GumboNode *node)
{
  return node->type == GUMBO_NODE_ELEMENT || node->type == GUMBO_NODE_TEMPLATE;
}

static gboolean
is_blank_char (gunichar c)
{
  return c == ' ' || (c >= 9 && c <= 13) || c == 0xa0 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f;
}

/* What newsletters pad their preheaders with: no width, no ink. */
static gboolean
is_invisible (gunichar c)
{
  return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0xad || c == 0x34f || c == 0x115f || c == 0x1160 || (c >= 0x200b && c <= 0x200f)
         || (c >= 0x2060 && c <= 0x2064) || c == 0xfeff || c == 0x61c || c == 0x180e;
}

static void
end_block (Walker *w, gboolean blank)
{
  if (w->table_depth)
    {
      w->space = TRUE;
      return;
    }
  if (w->block_open)
    fm_doc_builder_end (w->builder);
  w->block_open = FALSE;
  w->space = FALSE;
  w->breaks = 0;
  w->blank |= blank;
}

static void
open_block (Walker *w)
{
  const Frame *frame = top (w);
  FmDocShape shape = { .kind = frame->heading ? FM_DOC_HEADING : frame->pre ? FM_DOC_PREFORMATTED : FM_DOC_PARAGRAPH };
  shape.heading_level = frame->heading;
  shape.quote_level = frame->quote;
  shape.indent_cols = frame->indent;
  shape.blank_before = w->blank;
  memcpy (shape.marker, w->marker, sizeof shape.marker);
  w->marker[0] = '\0';
  w->blank = FALSE;
  w->space = FALSE;
  w->breaks = 0;
  w->block_open = w->block_empty = TRUE;
  fm_doc_builder_begin (w->builder, &shape);
}

static void
put (Walker *w, const char *text, gsize size, guint32 style)
{
  fm_doc_builder_text (w->builder, text, (gssize) size, style | (w->link ? FM_STYLE_LINK : 0), w->link);
}

/* Makes everything remembered real, so that ink can follow. */
static void
before_ink (Walker *w)
{
  gboolean fresh = FALSE;
  if (w->table_depth == 0 && !w->block_open)
    {
      open_block (w);
      fresh = TRUE;
    }
  if (w->breaks > 0 && !w->block_empty && !w->table_depth)
    fm_doc_builder_text (w->builder, "\n\n", MIN (w->breaks, 2), 0, 0);
  else if (w->space && !fresh && !w->block_empty)
    fm_doc_builder_text (w->builder, " ", 1, w->link && w->shown->len ? FM_STYLE_LINK : 0, w->link && w->shown->len ? w->link : 0);
  if (w->space && w->shown->len > 0 && w->shown->len < MAX_SHOWN_BYTES)
    g_string_append_c (w->shown, ' ');
  w->breaks = 0;
  w->space = w->block_empty = FALSE;
  if (w->href && !w->link)
    w->link = fm_doc_builder_link (w->builder, w->href, NULL);
}

static void
put_word (Walker *w, const char *text, gsize size, guint32 style)
{
  before_ink (w);
  put (w, text, size, style);
  if (w->href && w->shown->len < MAX_SHOWN_BYTES)
    g_string_append_len (w->shown, text, (gssize) size);
}

static void
put_words (Walker *w, const char *text, guint32 style)
{
  const char *word = NULL;
  for (;; text = g_utf8_next_char (text))
    {
      gunichar c = g_utf8_get_char (text);
      gboolean ends = c == 0 || is_blank_char (c) || is_invisible (c);
      if (!ends)
        {
          word = word ? word : text;
          continue;
        }
      if (word)
        put_word (w, word, (gsize) (text - word), style);
      word = NULL;
      if (c == 0)
        return;
      w->space |= is_blank_char (c);
    }
}

static void
put_pre (Walker *w, const char *text, guint32 style)
{
  while (*text)
    {
      gsize size = strcspn (text, "\n");
      if (size > 0)
        {
          if (!w->block_open)
            open_block (w);
          if (w->breaks > 0 && !w->block_empty)
            for (guint i = 0; i < w->breaks; i++)
              fm_doc_builder_text (w->builder, "\n", 1, 0, 0);
          w->breaks = 0;
          w->space = FALSE;
          put_word (w, text, size - (text[size - 1] == '\r' ? 1 : 0), style);
        }
      text += size;
      if (*text)
        {
          w->breaks = MIN (w->breaks + 1, 50);
          text++;
        }
    }
}

static void
put_text (Walker *w, const char *text)
{
  const Frame *frame = top (w);
  if (frame->zero_font)
    {
      if (text[strspn (text, " \t\r\n")])
        fm_doc_builder_count_hidden (w->builder);
      return;
    }
  if (frame->pre && !w->table_depth)
    put_pre (w, text, frame->style);
  else
    put_words (w, text, frame->style);
}

static void
end_link (Walker *w)
{
  if (w->link && w->shown->len > 0)
    {
      fm_doc_builder_link_shown (w->builder, w->link, w->shown->str);
      g_autofree char *mark = g_strdup_printf ("[%u]", w->link);
      if (!w->no_links)
        fm_doc_builder_text (w->builder, mark, -1, FM_STYLE_DIM | FM_STYLE_LINK, w->link);
    }
  w->href = NULL;
  w->link = 0;
  g_string_truncate (w->shown, 0);
}

static gboolean
is_pixel (const GumboNode *node)
{
  const char *width = attribute (node, "width"), *height = attribute (node, "height");
  return (width && strtol (width, NULL, 10) <= 2 && width[0] != '\0') || (height && strtol (height, NULL, 10) <= 2 && height[0] != '\0');
}

static void
put_image (Walker *w, const GumboNode *node)
{
  const char *alt = attribute (node, "alt");
  if (top (w)->zero_font && !alt)
    return;
  if (is_pixel (node))
    return;
  if (!alt || !alt[strspn (alt, " \t\r\n")])
    alt = attribute (node, "title");
  if (alt && alt[strspn (alt, " \t\r\n")])
    put_words (w, alt, top (w)->style | FM_STYLE_ITALIC);
}

/* What judging a table finds. */
static void
begin_table (Walker *w, const GumboNode *node)
{
  end_block (w, FALSE);
  if (w->table_depth > 0 || !fm_html_table_holds_data (node, &w->looks))
    return;
  const Frame *frame = top (w);
  FmDocShape shape = { .kind = FM_DOC_TABLE, .quote_level = frame->quote, .indent_cols = frame->indent, .blank_before = TRUE };
  fm_doc_builder_begin (w->builder, &shape);
  w->blank = FALSE;
  w->block_open = w->block_empty = TRUE;
  w->table_depth = 1;
}

static void
begin_cell (Walker *w)
{
  if (!w->table_depth)
    {
      end_block (w, FALSE);
      return;
    }
  if (w->cell_open)
    fm_doc_builder_end_cell (w->builder);
  w->cell_open = TRUE;
  w->block_empty = TRUE;
  w->space = FALSE;
}

static void
end_row (Walker *w)
{
  if (!w->table_depth)
    {
      end_block (w, FALSE);
      return;
    }
  if (w->cell_open)
    fm_doc_builder_end_row (w->builder);
  w->cell_open = FALSE;
  w->block_empty = TRUE;
  w->space = FALSE;
}

static void
end_table (Walker *w, const Frame *frame)
{
  gboolean data = w->table_depth > 0 && frame->item == 1;
  if (data)
    {
      w->table_depth = 0;
      w->cell_open = FALSE;
    }
  end_block (w, TRUE);
}

/* A number an attribute gives, 0: none or out of sense. */
static guint
number_of (const GumboNode *node, const char *name)
{
  const char *value = attribute (node, name);
  long number = value ? strtol (value, NULL, 10) : 0;
  return number > 0 && number <= MAX_ITEM ? (guint) number : 0;
}

static void
begin_item (Walker *w)
{
  end_block (w, FALSE);
  for (guint i = w->frames->len - 1; i-- > 0;)
    {
      Frame *list = &g_array_index (w->frames, Frame, i);
      GumboTag tag = is_element (list->node) ? list->node->v.element.tag : GUMBO_TAG_UNKNOWN;
      if (tag != GUMBO_TAG_UL && tag != GUMBO_TAG_OL)
        continue;
      guint value = number_of (top (w)->node, "value");
      list->item = value ? value : MIN (list->item + 1, MAX_ITEM);
      if (list->ordered)
        g_snprintf (w->marker, sizeof w->marker, "%u.", list->item);
      else
        g_strlcpy (w->marker, "-", sizeof w->marker);
      return;
    }
  g_strlcpy (w->marker, "-", sizeof w->marker);
}

static void
apply_css (Frame *frame, guint css)
{
  frame->style |= css & FM_HTML_STYLE_BOLD ? FM_STYLE_BOLD : 0;
  if (css & FM_HTML_STYLE_NOT_BOLD && !(css & FM_HTML_STYLE_BOLD))
    frame->style &= ~(guint32) FM_STYLE_BOLD;
  frame->style |= css & FM_HTML_STYLE_ITALIC ? FM_STYLE_ITALIC : 0;
  frame->style |= css & FM_HTML_STYLE_UNDERLINE ? FM_STYLE_UNDERLINE : 0;
  frame->style |= css & FM_HTML_STYLE_STRIKE ? FM_STYLE_STRIKE : 0;
  frame->pre |= (css & FM_HTML_STYLE_PRE) != 0;
  if (css & FM_HTML_STYLE_ZERO_FONT)
    frame->zero_font = TRUE;
  else if (css & FM_HTML_STYLE_REAL_FONT)
    frame->zero_font = FALSE;
}

static void
inherit_shape (Frame *frame, GumboTag tag)
{
  gboolean list = tag == GUMBO_TAG_UL || tag == GUMBO_TAG_OL;
  if (list || tag == GUMBO_TAG_DD)
    frame->indent = (guint8) MIN (frame->indent + (tag == GUMBO_TAG_UL ? 3 : 4), FM_DOC_MAX_INDENT);
  frame->ordered = tag == GUMBO_TAG_OL;
  if (tag == GUMBO_TAG_BLOCKQUOTE)
    frame->quote = (guint8) MIN (frame->quote + 1, FM_DOC_MAX_QUOTE);
  if (tag >= GUMBO_TAG_H1 && tag <= GUMBO_TAG_H6)
    frame->heading = (guint8) (tag - GUMBO_TAG_H1 + 1);
  frame->pre |= tag == GUMBO_TAG_PRE;
}

static void
begin_special (Walker *w, Frame *frame, GumboTag tag)
{
  const GumboNode *node = frame->node;
  switch (tag)
    {
    case GUMBO_TAG_OL:
      frame->item = number_of (node, "start") ? number_of (node, "start") - 1 : 0;
      break;
    case GUMBO_TAG_TABLE:
      begin_table (w, node);
      frame->item = w->table_depth && w->block_empty && !w->cell_open ? 1 : 0;
      break;
    case GUMBO_TAG_TR:
      end_row (w);
      break;
    case GUMBO_TAG_TD:
    case GUMBO_TAG_TH:
      begin_cell (w);
      break;
    case GUMBO_TAG_A:
      end_link (w);
      w->href = attribute (node, "href");
      break;
    default:
      break;
    }
}

static void
take_sheet (Walker *w, const GumboNode *style)
{
  const GumboVector *children = &style->v.element.children;
  const GumboNode *text = children->length > 0 ? children->data[0] : NULL;
  if (text && (text->type == GUMBO_NODE_TEXT || text->type == GUMBO_NODE_CDATA))
    fm_html_style_sheet_add (w->sheet, text->v.text.text);
}

/* The head is entered for its style sheets alone. */
static gboolean
is_in_head (const GumboNode *node)
{
  const GumboNode *parent = node->parent;
  return parent && is_element (parent) && parent->v.element.tag == GUMBO_TAG_HEAD && node->v.element.tag != GUMBO_TAG_STYLE;
}

/* Elements that are over as soon as they begin. */
static gboolean
enter_void (Walker *w, const GumboNode *node)
{
  switch (node->v.element.tag)
    {
    case GUMBO_TAG_BR:
      if (w->table_depth)
        w->space = TRUE;
      else if (w->block_open)
        w->breaks++;
      return TRUE;
    case GUMBO_TAG_IMG:
      put_image (w, node);
      return TRUE;
    case GUMBO_TAG_STYLE:
      take_sheet (w, node);
      return TRUE;
    case GUMBO_TAG_HR:
      end_block (w, FALSE);
      if (!w->table_depth)
        fm_doc_builder_rule (w->builder);
      return TRUE;
    default:
      return fm_html_tag_is_dropped (node->v.element.tag) || is_in_head (node);
    }
}

static void
enter (Walker *w, const GumboNode *node)
{
  if (node->type == GUMBO_NODE_TEXT || node->type == GUMBO_NODE_CDATA)
    put_text (w, node->v.text.text);
  else if (node->type == GUMBO_NODE_WHITESPACE)
    put_text (w, top (w)->pre ? node->v.text.text : " ");
  if (!is_element (node))
    return;
  GumboTag tag = node->v.element.tag;
  guint css = fm_html_style_of (w->sheet, &node->v.element);
  if ((css & FM_HTML_STYLE_HIDDEN) || gumbo_get_attribute (&node->v.element.attributes, "hidden"))
    {
      fm_doc_builder_count_hidden (w->builder);
      return;
    }
  if (enter_void (w, node) || w->frames->len >= MAX_FRAMES)
    return;
  guint margin = fm_html_tag_margin (tag);
  if (margin || (css & FM_HTML_STYLE_BLOCK))
    end_block (w, margin == 2 && !(top (w)->indent && (tag == GUMBO_TAG_UL || tag == GUMBO_TAG_OL)));
  Frame frame = *top (w);
  frame.node = node;
  frame.next_child = frame.item = 0;
  frame.style |= fm_html_tag_style (tag);
  if (tag == GUMBO_TAG_TABLE || tag == GUMBO_TAG_TD)
    frame.heading = 0;
  apply_css (&frame, css);
  inherit_shape (&frame, tag);
  begin_special (w, &frame, tag);
  g_array_append_val (w->frames, frame);
  if (tag == GUMBO_TAG_LI)
    begin_item (w);
}

static void
leave (Walker *w)
{
  Frame frame = *top (w);
  GumboTag tag = frame.node->v.element.tag;
  guint margin = fm_html_tag_margin (tag);
  if (tag == GUMBO_TAG_A)
    end_link (w);
  else if (tag == GUMBO_TAG_TABLE)
    end_table (w, &frame);
  else if (tag == GUMBO_TAG_TR)
    end_row (w);
  else if (tag == GUMBO_TAG_LI || ((tag == GUMBO_TAG_TD || tag == GUMBO_TAG_TH) && !w->table_depth))
    end_block (w, FALSE);
  g_array_set_size (w->frames, w->frames->len - 1);
  if (margin)
    end_block (w, margin == 2 && !(w->frames->len && top (w)->indent && (tag == GUMBO_TAG_UL || tag == GUMBO_TAG_OL)));
  else if (frame.node->type == GUMBO_NODE_ELEMENT && tag == GUMBO_TAG_LI)
    w->marker[0] = '\0';
}

static void
walk (Walker *w, const GumboNode *root)
{
  Frame first = { .node = root };
  g_array_append_val (w->frames, first);
  while (w->frames->len > 0)
    {
      Frame *frame = top (w);
      if (frame->next_child < frame->node->v.element.children.length)
        enter (w, frame->node->v.element.children.data[frame->next_child++]);
      else
        leave (w);
    }
}

void
fm_html_walk_tree (FmDocBuilder *builder, const GumboOutput *output, gboolean no_links)
{
  Walker w = { .builder = builder, .no_links = no_links };
  w.sheet = fm_html_style_sheet_new ();
  w.frames = g_array_new (FALSE, FALSE, sizeof (Frame));
  w.shown = g_string_new (NULL);
  if (output->root && is_element (output->root))
    walk (&w, output->root);
  fm_doc_builder_end (builder);
  fm_html_style_sheet_free (w.sheet);
  g_array_unref (w.frames);
  g_string_free (w.shown, TRUE);
}
