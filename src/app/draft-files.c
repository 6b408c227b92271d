/* One flat directory, so that taking it away needs no walk: names are made safe and distinct on the way in. */
#include "app/draft-files.h"
#include <fulmar/base/paths.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#define PREFIX "files-"
#define MAX_PART_BYTES (100u << 20)

/* "report.pdf"; "attachment-2.png" for what has no name. A name that is taken gets a number. Transfer: full: a path. */
static char *
path_for (const char *dir, const FmMessagePart *part, guint number)
{
  const char *slash = strchr (part->type, '/');
  g_autofree char *made = g_strdup_printf ("attachment-%u.%s", number,
                                           strcmp (part->type, "message/rfc822") == 0 ? "eml"
                                           : slash                                    ? slash + 1
                                                                                      : "bin");
  g_autofree char *name = fm_paths_safe_name (*part->file_name ? part->file_name : made, 200);
  char *path = g_build_filename (dir, name, NULL);

  for (guint n = 2; g_file_test (path, G_FILE_TEST_EXISTS) && n < 10000; n++)
    {
      g_free (path);
      g_autofree char *other = g_strdup_printf ("%u-%s", n, name);
      path = g_build_filename (dir, other, NULL);
    }
  return path;
}

static gboolean
take_all (FmMessage *message, const GArray *parts, const char *dir, GPtrArray *paths, GError **error)
{
  for (guint i = 0; i < parts->len; i++)
    {
      const FmMessagePart *part = fm_message_part (message, g_array_index (parts, guint, i));
      g_autoptr (GBytes) bytes = fm_message_part_bytes (message, part->index, MAX_PART_BYTES, error);
      char *path = bytes ? path_for (dir, part, i + 1) : NULL;
      if (!path)
        return FALSE;
      g_ptr_array_add (paths, path);
      if (!fm_paths_write_file (path, g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), error))
        return FALSE;
    }
  return TRUE;
}

gboolean
fm_draft_files_take (FmMessage *message, const char *drafts_dir, FmDraft *draft, char **ret_dir, GError **error)
{
  g_autoptr (GArray) parts = fm_message_attachments (message);
  g_autoptr (GPtrArray) paths = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *uuid = g_uuid_string_random (), *name = g_strconcat (PREFIX, uuid, NULL),
                  *dir = g_build_filename (drafts_dir, name, NULL);

  *ret_dir = NULL;
  if (parts->len == 0)
    return TRUE;
  if (!fm_paths_make_private_dir (dir, error) || !take_all (message, parts, dir, paths, error))
    {
      g_prefix_error (error, "its attachments can't be taken along: ");
      fm_draft_files_remove (dir);
      return FALSE;
    }
  for (guint i = 0; i < paths->len; i++)
    fm_draft_add_attachment (draft, g_ptr_array_index (paths, i));
  *ret_dir = g_steal_pointer (&dir);
  return TRUE;
}

void
fm_draft_files_remove (const char *dir)
{
  g_autofree char *name = dir ? g_path_get_basename (dir) : NULL;
  g_autoptr (GDir) entries = name && g_str_has_prefix (name, PREFIX) ? g_dir_open (dir, 0, NULL) : NULL;
  const char *entry;

  while (entries && (entry = g_dir_read_name (entries)))
    {
      g_autofree char *path = g_build_filename (dir, entry, NULL);
      unlink (path);
    }
  if (entries)
    rmdir (dir);
}
