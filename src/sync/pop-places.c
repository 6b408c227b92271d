/* The file is a copy, good for one thing: a database that is lost. Nothing else reads it, and what it does not know is filed as if it did not exist. */
#include "sync/pop-places.h"
#include <fulmar/base/clock.h>
#include <fulmar/base/paths.h>
#include <fulmar/mail/flags.h>
#include <fulmar/store/body-store.h>
#include <fulmar/store/pop-store.h>
#include <string.h>
#include <sys/stat.h>

#define FIRST_LINE "fulmar places 1"
#define MIN_AGE_S 60
#define MAX_AGE_S 3600
#define BYTES_PER_AGE_S 5000
#define MAX_FILE_BYTES (512 << 20)

static char *
path_of (const char *data_dir, const char *account)
{
  g_autofree char *name = fm_paths_safe_name (account, 200);
  return g_build_filename (data_dir, "places", name, NULL);
}

typedef struct {
  GString *text;
  FmCancel *cancel;
} Copy;

static gboolean
add_line (const char *digest, const char *folder, guint flags, const char *keywords, gpointer data)
{
  const Copy *copy = data;
  GString *text = copy->text;
  g_autofree char *escaped = g_uri_escape_string (folder, " /", TRUE);
  g_string_append_printf (text, "%s\t", digest);
  for (guint bit = 1; bit <= FM_FLAG_SERVER_MASK; bit <<= 1)
    if ((flags & bit) != 0 && fm_flags_imap_name (bit) != NULL)
      g_string_append_printf (text, "%s ", fm_flags_imap_name (bit));
  g_string_append_printf (text, "%s\t%s\n", keywords, escaped);
  return !fm_cancel_is_set (copy->cancel);
}

gboolean
fm_pop_places_keep (FmPopContext *context, GError **error)
{
  const char *data_dir = fm_db_dir (context->env->store);
  g_autofree char *path = path_of (data_dir, context->spec->name), *dir = g_path_get_dirname (path), *old = NULL;
  struct stat info;
  gsize old_size = 0;
  if (context->env->read_only)
    return TRUE;
  if (stat (path, &info) == 0 && fm_clock_now_utc () < info.st_mtime + CLAMP (info.st_size / BYTES_PER_AGE_S, MIN_AGE_S, MAX_AGE_S))
    return TRUE;
  g_autoptr (GString) text = g_string_new (FIRST_LINE "\n");
  Copy copy = { text, context->cancel };
  if (!fm_pop_store_each_place (context->reader, context->account_id, add_line, &copy, error) || !fm_cancel_check (context->cancel, error))
    return FALSE;
  /* Unchanged, it is not written again. */
  if (g_file_get_contents (path, &old, &old_size, NULL) && old_size == text->len && memcmp (old, text->str, old_size) == 0)
    return TRUE;
  return fm_paths_make_private_dir (dir, error) && fm_paths_write_file (path, text->str, text->len, error);
}

static void
place_free (gpointer data)
{
  FmPopPlace *place = data;
  g_free (place->folder);
  g_strfreev (place->keywords);
  g_free (place);
}

static void
take_line (GHashTable *places, char *line)
{
  char *words = strchr (line, '\t'), *folder = words == NULL ? NULL : strchr (words + 1, '\t');
  if (folder == NULL || words - line != FM_BODY_STORE_DIGEST_CHARS)
    return;
  *words++ = *folder++ = '\0';
  g_autofree char *name = g_uri_unescape_string (folder, NULL);
  if (name == NULL || *name == '\0' || !g_utf8_validate (name, -1, NULL))
    return;
  FmPopPlace *place = g_new0 (FmPopPlace, 1);
  g_auto (GStrv) parts = g_strsplit (words, " ", -1);
  GPtrArray *keywords = g_ptr_array_new (), *list = g_hash_table_lookup (places, line);
  for (guint i = 0; parts[i] != NULL; i++)
    {
      guint flag = fm_flags_from_imap_name (parts[i]);
      place->flags |= flag;
      if (flag == 0 && *parts[i] != '\0')
        g_ptr_array_add (keywords, g_strdup (parts[i]));
    }
  g_ptr_array_add (keywords, NULL);
  place->keywords = (char **) g_ptr_array_free (keywords, FALSE);
  place->folder = g_steal_pointer (&name);
  if (list == NULL)
    {
      list = g_ptr_array_new_with_free_func (place_free);
      g_hash_table_insert (places, g_strdup (line), list);
    }
  g_ptr_array_add (list, place);
}

GHashTable *
fm_pop_places_read (const char *data_dir, const char *account, gint64 *ret_written_utc)
{
  GHashTable *places = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_ptr_array_unref);
  g_autofree char *path = path_of (data_dir, account), *text = NULL;
  struct stat info;
  if (ret_written_utc != NULL)
    *ret_written_utc = 0;
  if (stat (path, &info) != 0 || info.st_size > MAX_FILE_BYTES || !g_file_get_contents (path, &text, NULL, NULL)
      || !g_str_has_prefix (text, FIRST_LINE "\n"))
    return places;
  if (ret_written_utc != NULL)
    *ret_written_utc = info.st_mtime;
  for (char *line = text, *next; line != NULL && *line != '\0'; line = next)
    {
      next = strchr (line, '\n');
      if (next != NULL)
        *next++ = '\0';
      take_line (places, line);
    }
  return places;
}
