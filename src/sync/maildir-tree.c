/* Finding the folders of a local mail tree. A directory is a folder when it holds cur/. Its name is its path below the root; for a Maildir++
 * directory (".Lists.notmuch", under the root or under another folder) the dots separate levels. Names on disk may be modified UTF-7 (Dovecot's way) or
 * plain UTF-8: one that decodes strictly is decoded. Each real directory is entered once, so links can't make a loop. */
#include "sync/maildir-tree.h"
#include "fulmar/base/error.h"
#include "fulmar/base/text.h"

#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_FOLDERS 20000
#define MAX_DEPTH 20

typedef struct {
  GPtrArray *folders;
  GHashTable *names;   /* borrowed from folders */
  GHashTable *visited; /* "dev:ino", owned */
  GPtrArray *others;   /* char*, or NULL */
} Scan;

void
fm_maildir_tree_folder_free (FmMaildirFolder *folder)
{
  if (folder == NULL)
    return;
  g_free (folder->name);
  g_free (folder->path);
  g_free (folder);
}

static gboolean
is_dir (const char *path)
{
  struct stat st;
  return stat (path, &st) == 0 && S_ISDIR (st.st_mode);
}

static gboolean
is_maildir (const char *path)
{
  g_autofree char *cur = g_build_filename (path, "cur", NULL);
  return is_dir (cur);
}

/* One modified base64 run (RFC 3501 section 5.1.3) as UTF-8 appended to OUT; FALSE if it is not strictly one. */
static gboolean
decode_run (const char *run, gsize size, GString *out)
{
  if (size == 0)
    {
      g_string_append_c (out, '&');
      return TRUE;
    }
  g_autofree char *base64 = g_strndup (run, size);
  g_strdelimit (base64, ",", '/');
  for (gsize i = 0; i < size; i++)
    if (!g_ascii_isalnum (base64[i]) && base64[i] != '+' && base64[i] != '/')
      return FALSE;
  gsize padding = (4 - size % 4) % 4;
  g_autofree char *padded = g_strdup_printf ("%s%.*s", base64, (int) padding, "===");
  gsize n_bytes;
  g_autofree guchar *bytes = g_base64_decode (padded, &n_bytes);
  if (padding == 3 || bytes == NULL || n_bytes % 2 != 0 || n_bytes == 0)
    return FALSE;
  g_autofree char *text = g_convert ((const char *) bytes, (gssize) n_bytes, "UTF-8", "UTF-16BE", NULL, NULL, NULL);
  if (text == NULL)
    return FALSE;
  g_string_append (out, text);
  return TRUE;
}

/* Transfer: full; NULL if TEXT is not modified UTF-7. */
static char *
decode_utf7 (const char *text)
{
  g_autoptr (GString) out = g_string_new (NULL);
  while (*text != '\0')
    {
      if ((unsigned char) *text >= 0x7f || (unsigned char) *text < 0x20)
        return NULL;
      if (*text != '&')
        {
          g_string_append_c (out, *text++);
          continue;
        }
      const char *end = strchr (text, '-');
      if (end == NULL || !decode_run (text + 1, (gsize) (end - text - 1), out))
        return NULL;
      text = end + 1;
    }
  return g_string_free (g_steal_pointer (&out), FALSE);
}

/* The opposite, of printable text; '.' is encoded too, since it separates levels in Maildir++. */
static char *
encode_utf7 (const char *text)
{
  GString *out = g_string_new (NULL);
  while (*text != '\0')
    {
      if (*text == '&')
        {
          g_string_append (out, "&-");
          text++;
        }
      else if (*text >= 0x20 && *text < 0x7f && *text != '.')
        {
          g_string_append_c (out, *text++);
        }
      else
        {
          const char *end = text;
          while (*end != '\0' && !(*end >= 0x20 && *end < 0x7f && *end != '.'))
            end = g_utf8_next_char (end);
          gsize n_bytes = 0;
          g_autofree char *wide = g_convert (text, end - text, "UTF-16BE", "UTF-8", NULL, &n_bytes, NULL);
          g_autofree char *base64 = g_base64_encode ((const guchar *) wide, wide == NULL ? 0 : n_bytes);
          g_strdelimit (base64, "/", ',');
          base64[strcspn (base64, "=")] = '\0';
          g_string_append_printf (out, "&%s-", base64);
          text = end;
        }
    }
  return g_string_free (out, FALSE);
}

static char *
shown_component (const char *on_disk)
{
  g_autofree char *decoded = strchr (on_disk, '&') == NULL ? NULL : decode_utf7 (on_disk);
  char *clean = fm_text_sanitise_line (decoded == NULL ? on_disk : decoded, -1);
  g_strdelimit (clean, "/", '_');
  return clean;
}

/* "Lists.notmuch" of ".Lists.notmuch" as "Lists/notmuch", under PARENT ("" for the root). */
static char *
dotted_name (const char *parent, const char *entry)
{
  g_auto (GStrv) parts = g_strsplit (entry + 1, ".", -1);
  GString *name = g_string_new (parent);
  for (guint i = 0; parts[i] != NULL; i++)
    {
      if (parts[i][0] == '\0')
        continue;
      g_autofree char *part = shown_component (parts[i]);
      g_string_append_printf (name, "%s%s", name->len > 0 ? "/" : "", part);
    }
  return g_string_free (name, FALSE);
}

static void
add_folder (Scan *scan, const char *name, const char *path)
{
  FmMaildirFolder *folder = g_new0 (FmMaildirFolder, 1);
  folder->name = g_ascii_strcasecmp (name, "INBOX") == 0 ? g_strdup ("INBOX") : g_strdup (name);
  for (guint n = 2; g_hash_table_contains (scan->names, folder->name); n++)
    {
      g_free (folder->name);
      folder->name = g_strdup_printf ("%s (%u)", name, n);
    }
  folder->path = g_strdup (path);
  g_ptr_array_add (scan->folders, folder);
  g_hash_table_add (scan->names, folder->name);
}

static gboolean
first_visit (Scan *scan, const char *path)
{
  struct stat st;
  if (stat (path, &st) != 0 || !S_ISDIR (st.st_mode))
    return FALSE;
  return g_hash_table_add (scan->visited, g_strdup_printf ("%ju:%ju", (uintmax_t) st.st_dev, (uintmax_t) st.st_ino));
}

static gboolean
is_own_part (const char *entry)
{
  return g_str_equal (entry, "cur") || g_str_equal (entry, "new") || g_str_equal (entry, "tmp") || g_str_equal (entry, ".")
         || g_str_equal (entry, "..");
}

static void
scan_dir (Scan *scan, const char *path, const char *name, guint depth)
{
  DIR *dir = depth > MAX_DEPTH ? NULL : opendir (path);
  if (dir == NULL)
    return;
  const struct dirent *entry;
  while ((entry = readdir (dir)) != NULL && scan->folders->len < MAX_FOLDERS)
    {
      if (is_own_part (entry->d_name) || (entry->d_type != DT_DIR && entry->d_type != DT_LNK && entry->d_type != DT_UNKNOWN))
        continue;
      g_autofree char *child = g_build_filename (path, entry->d_name, NULL);
      gboolean dotted = entry->d_name[0] == '.';
      gboolean holds_mail = is_maildir (child);
      if (!holds_mail && scan->others != NULL && scan->others->len < MAX_FOLDERS && is_dir (child))
        g_ptr_array_add (scan->others, g_strdup (child));
      if ((dotted && !holds_mail) || !first_visit (scan, child))
        continue;
      g_autofree char *part = dotted ? NULL : shown_component (entry->d_name);
      g_autofree char *child_name
          = dotted ? dotted_name (name, entry->d_name) : (name[0] == '\0' ? g_strdup (part) : g_strdup_printf ("%s/%s", name, part));
      if (child_name[0] == '\0')
        continue;
      if (holds_mail)
        add_folder (scan, child_name, child);
      scan_dir (scan, child, child_name, depth + 1);
    }
  closedir (dir);
}

static int
compare_folders (gconstpointer a, gconstpointer b)
{
  const FmMaildirFolder *x = *(FmMaildirFolder *const *) a, *y = *(FmMaildirFolder *const *) b;
  int inbox = g_str_equal (y->name, "INBOX") - g_str_equal (x->name, "INBOX");
  return inbox != 0 ? inbox : strcmp (x->name, y->name);
}

GPtrArray *
fm_maildir_tree_scan (const char *root, GPtrArray *others, GError **error)
{
  if (access (root, R_OK | X_OK) != 0 || !is_dir (root))
    {
      fm_error_set_errno (error, FM_ERROR_STORAGE, errno != 0 ? errno : ENOTDIR, "the mail directory %s can't be read", root);
      return NULL;
    }
  Scan scan = { g_ptr_array_new_with_free_func ((GDestroyNotify) fm_maildir_tree_folder_free), g_hash_table_new (g_str_hash, g_str_equal),
                g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL), others };
  first_visit (&scan, root);
  if (is_maildir (root))
    add_folder (&scan, "INBOX", root);
  scan_dir (&scan, root, "", 0);
  g_hash_table_unref (scan.names);
  g_hash_table_unref (scan.visited);
  g_ptr_array_sort (scan.folders, compare_folders);
  return scan.folders;
}

char *
fm_maildir_tree_path (const char *root, const char *name, GError **error)
{
  g_autofree char *clean = fm_text_sanitise_line (name, -1);
  g_auto (GStrv) parts = g_strsplit (name, "/", -1);
  gboolean bad = !g_str_equal (clean, name) || strlen (name) > 1000 || g_strv_length (parts) > MAX_DEPTH;
  for (guint i = 0; parts[i] != NULL; i++)
    bad |= parts[i][0] == '\0' || parts[i][0] == '.' || strlen (parts[i]) > 200 || is_own_part (parts[i]);
  if (bad || parts[0] == NULL)
    {
      g_set_error (error, FM_ERROR, FM_ERROR_INVALID, "\"%s\" can't be the name of a folder", clean);
      return NULL;
    }
  if (!is_maildir (root))
    return g_build_filename (root, name, NULL);
  GString *entry = g_string_new (NULL);
  for (guint i = 0; parts[i] != NULL; i++)
    {
      g_autofree char *encoded = encode_utf7 (parts[i]);
      g_string_append_printf (entry, ".%s", encoded);
    }
  char *path = g_build_filename (root, entry->str, NULL);
  g_string_free (entry, TRUE);
  return path;
}

gboolean
fm_maildir_tree_make (const char *path, GError **error)
{
  static const char *const parts[] = { "tmp", "new", "cur" };
  for (guint i = 0; i < G_N_ELEMENTS (parts); i++)
    {
      g_autofree char *dir = g_build_filename (path, parts[i], NULL);
      if (g_mkdir_with_parents (dir, 0700) != 0)
        {
          fm_error_set_errno (error, FM_ERROR_STORAGE, errno, "can't make the folder %s", dir);
          return FALSE;
        }
    }
  return TRUE;
}
