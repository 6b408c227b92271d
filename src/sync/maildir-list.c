/* Reading the names of a folder, all of them into a table, or only to find the newest: a first screen must not wait until 100,000 names are in memory
 * and in order. A message in both directories (another program is just moving it) counts where it ends: in cur. */
#include "sync/maildir-list.h"
#include "sync/maildir-name.h"
#include <fulmar/base/error.h>

#include <dirent.h>
#include <errno.h>
#include <string.h>

#define MAX_FILES (4 * 1024 * 1024)

/* Takes a name; FALSE: no more. */
typedef gboolean (*TakeName) (const char *name, gboolean is_new, gpointer data);

void
fm_maildir_list_file_free (gpointer data)
{
  FmMaildirFile *file = data;
  g_free (file->name);
  g_free (file);
}

int
fm_maildir_list_compare (gconstpointer a, gconstpointer b)
{
  const FmMaildirFile *x = *(FmMaildirFile *const *) a, *y = *(FmMaildirFile *const *) b;
  return x->order != y->order ? (x->order < y->order ? 1 : -1) : strcmp (y->name, x->name);
}

/* Delivery time by the name's leading digits: good enough to show the newest first before anything is read. */
static gint64
order_of (const char *name)
{
  gint64 order = 0;
  for (guint i = 0; i < 18 && g_ascii_isdigit (name[i]); i++)
    order = order * 10 + (name[i] - '0');
  return order;
}

static FmMaildirFile *
file_new (const char *name, gboolean is_new)
{
  FmMaildirFile *file = g_new0 (FmMaildirFile, 1);
  file->name = g_strdup (name);
  file->is_new = is_new;
  file->order = order_of (name);
  return file;
}

static gboolean
read_dir (const char *folder, gboolean is_new, TakeName take, gpointer data, GError **error)
{
  g_autofree char *path = g_build_filename (folder, is_new ? "new" : "cur", NULL);
  DIR *dir = opendir (path);
  if (dir == NULL && errno == ENOENT && is_new)
    return TRUE;
  if (dir == NULL)
    {
      fm_error_set_errno (error, FM_ERROR_STORAGE, errno, "the folder %s can't be read", path);
      return FALSE;
    }
  const struct dirent *entry;
  gboolean more = TRUE;
  while (more && (entry = readdir (dir)) != NULL)
    if (fm_maildir_name_is_message (entry->d_name) && (entry->d_type == DT_REG || entry->d_type == DT_UNKNOWN || entry->d_type == DT_LNK))
      more = take (entry->d_name, is_new, data);
  closedir (dir);
  return TRUE;
}

static gboolean
take_all (const char *name, gboolean is_new, gpointer data)
{
  GHashTable *files = data;
  g_hash_table_replace (files, fm_maildir_name_key (name), file_new (name, is_new));
  return g_hash_table_size (files) < MAX_FILES;
}

GHashTable *
fm_maildir_list_all (const char *path, GError **error)
{
  g_autoptr (GHashTable) files = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, fm_maildir_list_file_free);
  if (!read_dir (path, TRUE, take_all, files, error) || !read_dir (path, FALSE, take_all, files, error))
    return NULL;
  return g_steal_pointer (&files);
}

typedef struct {
  GPtrArray *files; /* up to twice N, in any order */
  GHashTable *known;
  guint n;
  gint64 least; /* older ones than this are not among the newest */
  guint n_read;
} Newest;

/* The same message twice: the earlier in the array, from new/, goes. */
static void
drop_moved (GPtrArray *files)
{
  g_autoptr (GHashTable) in_cur = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  for (guint i = files->len; i-- > 0;)
    {
      const FmMaildirFile *file = files->pdata[i];
      g_autofree char *key = fm_maildir_name_key (file->name);
      if (!file->is_new)
        g_hash_table_add (in_cur, g_steal_pointer (&key));
      else if (g_hash_table_contains (in_cur, key))
        g_ptr_array_remove_index (files, i);
    }
}

static void
keep_newest (Newest *newest)
{
  drop_moved (newest->files);
  g_ptr_array_sort (newest->files, fm_maildir_list_compare);
  if (newest->files->len < newest->n)
    return;
  g_ptr_array_set_size (newest->files, (int) newest->n);
  newest->least = ((const FmMaildirFile *) newest->files->pdata[newest->n - 1])->order;
}

static gboolean
take_newest (const char *name, gboolean is_new, gpointer data)
{
  Newest *newest = data;
  if (order_of (name) >= newest->least)
    {
      g_autofree char *key = g_hash_table_size (newest->known) > 0 ? fm_maildir_name_key (name) : NULL;
      if (key == NULL || !g_hash_table_contains (newest->known, key))
        g_ptr_array_add (newest->files, file_new (name, is_new));
      if (newest->files->len >= 2 * newest->n)
        keep_newest (newest);
    }
  return ++newest->n_read < MAX_FILES;
}

GPtrArray *
fm_maildir_list_newest (const char *path, guint n, GHashTable *known, GError **error)
{
  g_autoptr (GPtrArray) files = g_ptr_array_new_with_free_func (fm_maildir_list_file_free);
  Newest newest = { .files = files, .known = known, .n = n, .least = G_MININT64 };
  if (!read_dir (path, TRUE, take_newest, &newest, error) || !read_dir (path, FALSE, take_newest, &newest, error))
    return NULL;
  keep_newest (&newest);
  return g_steal_pointer (&files);
}
