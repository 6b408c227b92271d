/* The reading owns the parts and may come later than this list of them, so that the cursor finds its place when it is first asked for. */
#include "app/parts-private.h"

struct FmParts {
  FmApp *app;
  guint cursor;
  gboolean placed;
  GHashTable *tagged; /* indexes */
};

static GPtrArray *
all (const FmParts *parts)
{
  const FmReading *reading = fm_app_reading (parts->app);

  return reading ? fm_reading_parts (reading) : NULL;
}

FmParts *
fm_parts_new (FmApp *app)
{
  FmParts *parts = g_new0 (FmParts, 1);

  parts->app = app;
  parts->tagged = g_hash_table_new (NULL, NULL);
  return parts;
}

void
fm_parts_free (FmParts *parts)
{
  if (!parts)
    return;
  g_hash_table_unref (parts->tagged);
  g_free (parts);
}

guint
fm_parts_count (const FmParts *parts)
{
  GPtrArray *array = all (parts);

  return array ? array->len : 0;
}

gboolean
fm_parts_line (const FmParts *parts, guint index, FmPartLine *ret_line)
{
  GPtrArray *array = all (parts);

  if (!array || index >= array->len)
    return FALSE;
  *ret_line = (FmPartLine){ g_ptr_array_index (array, index), g_hash_table_contains (parts->tagged, GUINT_TO_POINTER (index)) };
  return TRUE;
}

/* The first attachment, or what has a name, is what people look for; without one, the first that has content. */
static guint
first_place (GPtrArray *array)
{
  for (guint i = 0; i < array->len; i++)
    {
      const FmReadingPart *part = g_ptr_array_index (array, i);
      if (part->is_attachment || part->file_name)
        return i;
    }
  for (guint i = 0; i < array->len; i++)
    if (((FmReadingPart *) g_ptr_array_index (array, i))->is_leaf)
      return i;
  return 0;
}

guint
fm_parts_cursor (const FmParts *parts)
{
  GPtrArray *array = all (parts);

  return parts->placed || !array ? parts->cursor : first_place (array);
}

void
fm_parts_set_cursor (FmParts *parts, guint index)
{
  guint count = fm_parts_count (parts);

  parts->placed = count > 0;
  parts->cursor = count == 0 ? 0 : MIN (index, count - 1);
}

guint
fm_parts_tagged_count (const FmParts *parts)
{
  return g_hash_table_size (parts->tagged);
}

void
fm_parts_toggle_tag (FmParts *parts)
{
  guint cursor = fm_parts_cursor (parts);

  if (fm_parts_count (parts) == 0)
    return;
  if (!g_hash_table_remove (parts->tagged, GUINT_TO_POINTER (cursor)))
    g_hash_table_add (parts->tagged, GUINT_TO_POINTER (cursor));
  fm_parts_set_cursor (parts, cursor + 1);
}

void
fm_parts_untag_all (FmParts *parts)
{
  g_hash_table_remove_all (parts->tagged);
}
