/* Is a table there for its data, or for layout? Of data are tables of short cells in at least two rows and columns. */
#include "config.h"

#include <string.h>

#include "mail/html-table.h"
#include "mail/html-tag.h"

#define MAX_TABLE_LOOKS 400000 /* nodes looked at to judge tables, over the whole mail */
#define MAX_CELL_BYTES 160

typedef struct {
  guint rows, wide_rows, cells;
  gsize longest;
} TableLook;

typedef struct {
  const GumboNode *node;
  guint next_child;
} Step;

static gsize
ink_size (const char *text)
{
  gsize size = strlen (text), lead = strspn (text, " \t\r\n");
  while (size > lead && g_ascii_isspace (text[size - 1]))
    size--;
  return size - MIN (lead, size);
}

static void
end_row_look (TableLook *look, guint *filled, gsize *cell)
{
  if (*cell > 0)
    (*filled)++;
  look->longest = MAX (look->longest, *cell);
  *cell = 0;
  if (*filled > 0)
    look->rows++;
  if (*filled > 1)
    look->wide_rows++;
  *filled = 0;
}

/* Looks through the table until something shows that it is there for layout. */
gboolean
fm_html_table_holds_data (const GumboNode *table, guint *looks)
{
  g_autoptr (GArray) steps = g_array_new (FALSE, FALSE, sizeof (Step));
  TableLook look = { 0 };
  guint filled = 0;
  gsize cell = 0;
  Step first = { table, 0 };
  g_array_append_val (steps, first);
  while (steps->len > 0)
    {
      Step *step = &g_array_index (steps, Step, steps->len - 1);
      const GumboVector *children = &step->node->v.element.children;
      if (step->next_child >= children->length)
        {
          g_array_set_size (steps, steps->len - 1);
          continue;
        }
      const GumboNode *child = children->data[step->next_child++];
      if (++*looks > MAX_TABLE_LOOKS)
        return FALSE;
      if (child->type == GUMBO_NODE_TEXT)
        cell += ink_size (child->v.text.text);
      if (cell > MAX_CELL_BYTES)
        return FALSE;
      if (child->type != GUMBO_NODE_ELEMENT && child->type != GUMBO_NODE_TEMPLATE)
        continue;
      GumboTag tag = child->v.element.tag;
      if (fm_html_tag_spoils_table (tag))
        return FALSE;
      if (tag == GUMBO_TAG_TR)
        end_row_look (&look, &filled, &cell);
      if (tag == GUMBO_TAG_TD || tag == GUMBO_TAG_TH)
        {
          filled += cell > 0 ? 1 : 0;
          cell = 0;
        }
      Step next = { child, 0 };
      g_array_append_val (steps, next);
    }
  end_row_look (&look, &filled, &cell);
  return look.wide_rows >= 2 && look.wide_rows * 2 >= look.rows;
}
