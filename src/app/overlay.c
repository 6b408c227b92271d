/* Row id -> the chain of pending effects, oldest first; request -> its rows, to drop them in one go. Both live only for the milliseconds
 * between a key and its commit, so they stay small unless thousands of rows are changed at once. */
#include "app/overlay.h"

typedef struct Pending Pending;
struct Pending {
  guint64 request;
  FmOverlayEffect effect;
  Pending *next;
};

struct FmOverlay {
  GHashTable *rows;     /* gint64* -> Pending* */
  GHashTable *requests; /* guint64* -> GArray of gint64 */
};

static void
pending_free (gpointer data)
{
  Pending *pending = data;

  while (pending)
    {
      Pending *next = pending->next;
      g_free (pending);
      pending = next;
    }
}

static void
ids_free (gpointer data)
{
  g_array_unref (data);
}

FmOverlay *
fm_overlay_new (void)
{
  FmOverlay *overlay = g_new0 (FmOverlay, 1);

  overlay->rows = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, pending_free);
  overlay->requests = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, ids_free);
  return overlay;
}

void
fm_overlay_free (FmOverlay *overlay)
{
  if (!overlay)
    return;
  g_hash_table_unref (overlay->rows);
  g_hash_table_unref (overlay->requests);
  g_free (overlay);
}

static void
append (FmOverlay *overlay, gint64 id, Pending *pending)
{
  Pending *head = g_hash_table_lookup (overlay->rows, &id);

  if (!head)
    {
      g_hash_table_insert (overlay->rows, g_memdup2 (&id, sizeof id), pending);
      return;
    }
  while (head->next)
    head = head->next;
  head->next = pending;
}

void
fm_overlay_add (FmOverlay *overlay, guint64 request, const gint64 *ids, gsize n, const FmOverlayEffect *effect)
{
  GArray *copy = g_array_sized_new (FALSE, FALSE, sizeof (gint64), n);

  g_array_append_vals (copy, ids, n);
  g_hash_table_insert (overlay->requests, g_memdup2 (&request, sizeof request), copy);
  for (gsize i = 0; i < n; i++)
    {
      Pending *pending = g_new0 (Pending, 1);
      pending->request = request;
      pending->effect = *effect;
      append (overlay, ids[i], pending);
    }
}

static void
drop_from_row (FmOverlay *overlay, gint64 id, guint64 request)
{
  gpointer key, value;
  Pending *kept = NULL, **tail = &kept;

  if (!g_hash_table_steal_extended (overlay->rows, &id, &key, &value))
    return;
  for (Pending *p = value, *next; p; p = next)
    {
      next = p->next;
      p->next = NULL;
      if (p->request == request)
        g_free (p);
      else
        {
          *tail = p;
          tail = &p->next;
        }
    }
  if (kept)
    g_hash_table_insert (overlay->rows, key, kept);
  else
    g_free (key);
}

void
fm_overlay_drop (FmOverlay *overlay, guint64 request)
{
  GArray *ids = g_hash_table_lookup (overlay->requests, &request);

  if (!ids)
    return;
  for (guint i = 0; i < ids->len; i++)
    drop_from_row (overlay, g_array_index (ids, gint64, i), request);
  g_hash_table_remove (overlay->requests, &request);
}

gboolean
fm_overlay_apply (const FmOverlay *overlay, gint64 id, guint *flags, gboolean *ret_gone)
{
  const Pending *pending = g_hash_table_lookup (overlay->rows, &id);

  if (!pending)
    return FALSE;
  for (; pending; pending = pending->next)
    {
      *flags = (*flags | pending->effect.add) & ~pending->effect.remove;
      if (pending->effect.gone)
        *ret_gone = TRUE;
    }
  return TRUE;
}

gboolean
fm_overlay_is_empty (const FmOverlay *overlay)
{
  return g_hash_table_size (overlay->rows) == 0;
}
