/* What an element's name says of it. Any thread. */
#pragma once
#include <glib.h>
#include <gumbo.h>

/* Neither it nor what is in it is shown. */
gboolean fm_html_tag_is_dropped (GumboTag tag);
/* FM_STYLE_* bits of the text in it. */
guint32 fm_html_tag_style (GumboTag tag);
/* Blocks: 0 none, 1 only a break, 2 with a margin of their own: an empty line before and after. */
guint fm_html_tag_margin (GumboTag tag);
/* No table of data has one in a cell. */
gboolean fm_html_tag_spoils_table (GumboTag tag);
