/* Message files. A sink writes tmp/XXXXXX while it hashes; commit fsyncs, renames into mail/<aa>/ and fsyncs that directory (or notes it for
 * one fsync of a whole group). The name is the content, so a rename onto an existing file changes nothing and a crash between rename and
 * commit leaves garbage that the next arrival of the same message adopts. */
#include "store/gmail-private.h"
#include "store/sql.h"
#include <errno.h>
#include <fcntl.h>
#include <fulmar/base/clock.h>
#include <fulmar/base/error.h>
#include <fulmar/store/body-store.h>
#include <fulmar/store/message-store.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
  FmSink sink; /* first */
  FmStore *store;
  GChecksum *checksum;
  char *tmp_path;
  char *digest;
  int fd;
  guint64 size, limit;
  gboolean grouped;
} BodySink;

/* A file younger than this was perhaps renamed into place a moment ago, onto garbage of the same content: it is not taken away. */
#define UNLINK_MIN_AGE_S 60
static GMutex place_lock; /* rename against unlink */

static char *
digest_path (FmStore *store, const char *digest)
{
  return g_strdup_printf ("%s/mail/%.2s/%s.eml", store->dir, digest, digest);
}

static gboolean
open_tmp (BodySink *s, GError **error)
{
  s->tmp_path = g_build_filename (s->store->dir, "tmp", "body-XXXXXX", NULL);
  s->fd = g_mkstemp_full (s->tmp_path, O_WRONLY | O_CLOEXEC, 0600);
  if (s->fd >= 0)
    return TRUE;
  fm_error_set_errno (error, FM_ERROR_STORAGE, errno, "%s/tmp can't be written", s->store->dir);
  g_clear_pointer (&s->tmp_path, g_free);
  return FALSE;
}

static gboolean
body_write (FmSink *sink, const void *bytes, gsize size_bytes, GError **error)
{
  BodySink *s = (BodySink *) sink;
  const guint8 *p = bytes;

  if (size_bytes > s->limit - s->size)
    {
      g_set_error (error, FM_ERROR, FM_ERROR_LIMIT, "the message is larger than %" G_GUINT64_FORMAT " bytes", s->limit);
      return FALSE;
    }
  if (s->fd < 0 && !open_tmp (s, error))
    return FALSE;
  g_checksum_update (s->checksum, bytes, (gssize) size_bytes);
  s->size += size_bytes;
  while (size_bytes > 0)
    {
      ssize_t n = write (s->fd, p, size_bytes);
      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0)
        {
          fm_error_set_errno (error, FM_ERROR_STORAGE, errno, "%s: a message could not be written (free some space, and it goes on)",
                              s->store->dir);
          return FALSE;
        }
      p += n;
      size_bytes -= (gsize) n;
    }
  return TRUE;
}

static gboolean
sync_directory (const char *path)
{
  int fd = open (path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  gboolean ok = fd >= 0 && fsync (fd) == 0;
  if (fd >= 0)
    close (fd);
  return ok;
}

static gboolean
place (BodySink *s, GError **error)
{
  g_autofree char *path = digest_path (s->store, s->digest);
  g_autofree char *shard = g_path_get_dirname (path);

  if (g_mkdir (shard, 0700) == 0)
    {
      g_autofree char *mail = g_path_get_dirname (shard);
      (void) sync_directory (mail);
    }
  g_mutex_lock (&place_lock);
  int failed = g_rename (s->tmp_path, path) != 0 ? errno : 0;
  g_mutex_unlock (&place_lock);
  if (failed != 0)
    {
      errno = failed;
      fm_error_set_errno (error, FM_ERROR_STORAGE, errno, "%s", path);
      return FALSE;
    }
  g_clear_pointer (&s->tmp_path, g_free);
  if (s->grouped)
    {
      g_mutex_lock (&s->store->lock);
      g_hash_table_add (s->store->dirty_dirs, g_steal_pointer (&shard));
      g_mutex_unlock (&s->store->lock);
    }
  else if (!sync_directory (shard))
    {
      fm_error_set_errno (error, FM_ERROR_STORAGE, errno, "%s", shard);
      return FALSE;
    }
  return TRUE;
}

static gboolean
body_commit (FmSink *sink, GError **error)
{
  BodySink *s = (BodySink *) sink;

  if (s->fd < 0 && !open_tmp (s, error))
    return FALSE;
  int failed = fsync (s->fd) != 0 ? errno : 0;
  if (close (s->fd) != 0 && failed == 0)
    failed = errno;
  s->fd = -1;
  if (failed != 0)
    {
      fm_error_set_errno (error, FM_ERROR_STORAGE, failed, "%s: a message could not be written (free some space, and it goes on)",
                          s->store->dir);
      return FALSE;
    }
  s->digest = g_strdup (g_checksum_get_string (s->checksum));
  return place (s, error);
}

static void
body_abort (FmSink *sink)
{
  BodySink *s = (BodySink *) sink;

  if (s->fd >= 0)
    close (s->fd);
  s->fd = -1;
  if (s->tmp_path != NULL)
    g_unlink (s->tmp_path);
  g_clear_pointer (&s->tmp_path, g_free);
}

static void
body_free (FmSink *sink)
{
  BodySink *s = (BodySink *) sink;

  body_abort (sink);
  g_checksum_free (s->checksum);
  g_free (s->digest);
  fm_db_unref (s->store);
  g_free (s);
}

static const FmSinkClass body_sink_class = { body_write, body_commit, body_abort, body_free };

FmSink *
fm_body_store_sink_new (FmStore *store, guint64 limit_bytes, gboolean grouped)
{
  BodySink *s = g_new0 (BodySink, 1);

  s->sink.klass = &body_sink_class;
  s->store = fm_db_ref (store);
  s->checksum = g_checksum_new (G_CHECKSUM_SHA256);
  s->fd = -1;
  s->limit = limit_bytes;
  s->grouped = grouped;
  return &s->sink;
}

const char *
fm_body_store_sink_digest (FmSink *sink, guint64 *ret_size_bytes)
{
  BodySink *s = (BodySink *) sink;

  g_return_val_if_fail (sink->klass == &body_sink_class, NULL);
  if (ret_size_bytes != NULL)
    *ret_size_bytes = s->size;
  return s->digest;
}

gboolean
fm_body_store_sync_dirs (FmStore *store, GError **error)
{
  g_autoptr (GPtrArray) dirs = g_ptr_array_new_with_free_func (g_free);
  GHashTableIter iter;
  gpointer dir;

  g_mutex_lock (&store->lock);
  g_hash_table_iter_init (&iter, store->dirty_dirs);
  while (g_hash_table_iter_next (&iter, &dir, NULL))
    {
      g_hash_table_iter_steal (&iter);
      g_ptr_array_add (dirs, dir);
    }
  g_mutex_unlock (&store->lock);
  for (guint i = 0; i < dirs->len; i++)
    if (!sync_directory (g_ptr_array_index (dirs, i)))
      {
        fm_error_set_errno (error, FM_ERROR_STORAGE, errno, "%s", (char *) g_ptr_array_index (dirs, i));
        return FALSE;
      }
  return TRUE;
}

static gboolean
is_digest (const char *text)
{
  return strlen (text) == FM_BODY_STORE_DIGEST_CHARS && strspn (text, "0123456789abcdef") == FM_BODY_STORE_DIGEST_CHARS;
}

gint64
fm_body_store_put (FmStoreWriter *writer, const char *digest, guint64 size_bytes, GError **error)
{
  if (!is_digest (digest))
    {
      g_set_error (error, FM_ERROR, FM_ERROR_INVALID, "not a message's digest");
      return 0;
    }
  g_autofree char *path = digest_path (writer->reader.store, digest);
  if (access (path, R_OK) != 0)
    {
      fm_error_set_errno (error, FM_ERROR_STORAGE, errno, "%s", path);
      return 0;
    }
  if (!fm_sql_exec (
          &writer->reader, error,
          "INSERT INTO blob(sha, size, unused_since) VALUES(?,?,?) ON CONFLICT(sha) DO UPDATE SET unused_since=excluded.unused_since",
          "sii", digest, (gint64) size_bytes, fm_clock_now_utc ()))
    return 0;
  return fm_body_store_find (&writer->reader, digest);
}

gint64
fm_body_store_attach (FmStoreWriter *writer, gint64 msg_id, const char *digest, guint64 size_bytes, GError **error)
{
  gint64 blob = fm_body_store_put (writer, digest, size_bytes, error);
  return blob != 0 && fm_message_store_set_blob (writer, msg_id, blob, error) && fm_gmail_store_share_blob (writer, msg_id, blob, error)
             ? blob
             : 0;
}

gboolean
fm_body_store_put_local (FmStoreWriter *writer, const gint64 *msg_ids, gsize n, GError **error)
{
  for (gsize i = 0; i < n; i++)
    if (!fm_sql_exec (&writer->reader, error,
                      "INSERT INTO blob(sha, size) SELECT '" FM_MESSAGE_LOCAL_PREFIX "' || id, size FROM msg WHERE id=? AND blob_id IS NULL"
                      " AND path IS NOT NULL ON CONFLICT(sha) DO NOTHING",
                      "i", msg_ids[i])
        || !fm_sql_exec (&writer->reader, error,
                         "UPDATE msg SET blob_id = (SELECT id FROM blob WHERE sha = '" FM_MESSAGE_LOCAL_PREFIX "' || msg.id) WHERE id=?"
                         " AND blob_id IS NULL AND path IS NOT NULL",
                         "i", msg_ids[i]))
      return FALSE;
  return TRUE;
}

gint64
fm_body_store_find (FmStoreReader *reader, const char *digest)
{
  return fm_sql_value (reader, 0, "SELECT id FROM blob WHERE sha=?", "s", digest);
}

char *
fm_body_store_path (FmStoreReader *reader, gint64 msg_id, GError **error)
{
  g_auto (FmSql) q = { 0 };

  if (!fm_sql_query (&q, reader, error, "SELECT b.sha, m.path FROM msg m LEFT JOIN blob b ON b.id=m.blob_id WHERE m.id=?", "i", msg_id))
    return NULL;
  if (fm_sql_step (&q))
    {
      if (fm_sql_text_or_null (&q, 0) != NULL && !g_str_has_prefix (fm_sql_text (&q, 0), FM_MESSAGE_LOCAL_PREFIX))
        return digest_path (reader->store, fm_sql_text (&q, 0));
      if (fm_sql_text_or_null (&q, 1) != NULL)
        return g_strdup (fm_sql_text (&q, 1));
    }
  if (fm_sql_end (&q, error))
    g_set_error (error, FM_ERROR, FM_ERROR_NOT_FOUND, "the message's text is not here yet");
  return NULL;
}

char *
fm_body_store_digest (FmStoreReader *reader, gint64 msg_id)
{
  g_auto (FmSql) q = { 0 };

  if (!fm_sql_query (&q, reader, NULL, "SELECT b.sha FROM msg m JOIN blob b ON b.id=m.blob_id WHERE m.id=?", "i", msg_id)
      || !fm_sql_step (&q) || !is_digest (fm_sql_text (&q, 0)))
    return NULL;
  return g_strdup (fm_sql_text (&q, 0));
}

char *
fm_body_store_blob_path (FmStoreReader *reader, gint64 blob_id, GError **error)
{
  g_auto (FmSql) q = { 0 };

  if (!fm_sql_query (&q, reader, error,
                     "SELECT b.sha, (SELECT path FROM msg WHERE blob_id=b.id AND path IS NOT NULL LIMIT 1) FROM blob b WHERE b.id=?", "i",
                     blob_id))
    return NULL;
  if (fm_sql_step (&q))
    {
      if (!g_str_has_prefix (fm_sql_text (&q, 0), FM_MESSAGE_LOCAL_PREFIX))
        return digest_path (reader->store, fm_sql_text (&q, 0));
      if (fm_sql_text_or_null (&q, 1) != NULL)
        return g_strdup (fm_sql_text (&q, 1));
    }
  if (fm_sql_end (&q, error))
    g_set_error (error, FM_ERROR, FM_ERROR_NOT_FOUND, "that message file is no longer here");
  return NULL;
}

/* The name in DIRECTORY whose part before the flags (":2,") is the first LENGTH bytes of NAME. Transfer: full. */
static char *
find_unique (const char *directory, const char *name, gsize length)
{
  g_autoptr (GDir) entries = g_dir_open (directory, 0, NULL);
  const char *entry;

  while (entries != NULL && (entry = g_dir_read_name (entries)) != NULL)
    if (strncmp (entry, name, length) == 0 && (entry[length] == '\0' || entry[length] == ':'))
      return g_build_filename (directory, entry, NULL);
  return NULL;
}

char *
fm_body_store_find_again (const char *path)
{
  g_autofree char *directory = g_path_get_dirname (path), *folder = g_path_get_dirname (directory), *name = g_path_get_basename (path),
                  *last = g_path_get_basename (directory);
  gsize length = strcspn (name, ":");

  if (length == 0 || (!g_str_equal (last, "cur") && !g_str_equal (last, "new")))
    return NULL;
  g_autofree char *cur = g_build_filename (folder, "cur", NULL), *arrivals = g_build_filename (folder, "new", NULL);
  /* Out of new/ into cur/ is the way files go: looked for in this order, it is not missed between the two. */
  char *found = find_unique (arrivals, name, length);
  return found != NULL ? found : find_unique (cur, name, length);
}

int
fm_body_store_open (FmStoreReader *reader, gint64 msg_id, GError **error)
{
  g_autofree char *path = fm_body_store_path (reader, msg_id, error);
  int fd = path == NULL ? -1 : open (path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

  if (path != NULL && fd < 0)
    fm_error_set_errno (error, errno == ENOENT ? FM_ERROR_NOT_FOUND : FM_ERROR_STORAGE, errno, "%s", path);
  return fd;
}

GArray *
fm_body_store_indexable (FmStoreReader *reader, FmBlobIndex state, gint64 before_id, guint limit, GError **error)
{
  g_auto (FmSql) q = { 0 };
  g_autoptr (GArray) ids = g_array_new (FALSE, FALSE, sizeof (gint64));

  if (!fm_sql_query (&q, reader, error,
                     "SELECT id FROM blob WHERE idx=?1 AND idx<>1 AND id<?2 AND (refs>0 OR ?1<>0) ORDER BY id DESC LIMIT ?3", "diu",
                     (int) state, before_id, (guint32) limit))
    return NULL;
  while (fm_sql_step (&q))
    {
      gint64 id = fm_sql_int (&q, 0);
      g_array_append_val (ids, id);
    }
  return fm_sql_end (&q, error) ? g_steal_pointer (&ids) : NULL;
}

gboolean
fm_body_store_set_indexed (FmStoreWriter *writer, const gint64 *blob_ids, gsize n, FmBlobIndex state, GError **error)
{
  for (gsize i = 0; i < n; i++)
    if (!fm_sql_exec (&writer->reader, error, "UPDATE blob SET idx=? WHERE id=?", "di", (int) state, blob_ids[i]))
      return FALSE;
  return TRUE;
}

gboolean
fm_body_store_reset_index (FmStoreWriter *writer, gint64 from_id, guint limit, gint64 *ret_next_id, GError **error)
{
  gint64 next
      = fm_sql_value (&writer->reader, 0, "SELECT id FROM blob WHERE id>=? ORDER BY id LIMIT 1 OFFSET ?", "iu", from_id, (guint32) limit);

  if (!fm_sql_exec (&writer->reader, error, "UPDATE blob SET idx=0 WHERE id>=?1 AND (?2=0 OR id<?2) AND idx<>0", "ii", from_id, next))
    return FALSE;
  *ret_next_id = next;
  return TRUE;
}

GPtrArray *
fm_body_store_collect (FmStoreWriter *writer, int grace_s, guint limit, gboolean *ret_more, GError **error)
{
  FmStoreReader *r = &writer->reader;
  g_auto (FmSql) q = { 0 };
  gint64 before = fm_clock_now_utc () - grace_s;
  g_autoptr (GPtrArray) paths = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GArray) ids = g_array_new (FALSE, FALSE, sizeof (gint64));

  if (!fm_sql_exec (r, error, "UPDATE blob SET idx=2 WHERE id IN (SELECT id FROM blob WHERE refs=0 AND idx=1 AND unused_since<=? LIMIT ?)",
                    "iu", before, (guint32) limit))
    return NULL;
  guint64 marked = fm_sql_changes (r);
  if (!fm_sql_query (&q, r, error, "SELECT id, sha FROM blob WHERE refs=0 AND idx IN (0,3) AND unused_since<=? LIMIT ?", "iu", before,
                     (guint32) limit))
    return NULL;
  while (fm_sql_step (&q))
    {
      gint64 id = fm_sql_int (&q, 0);
      g_array_append_val (ids, id);
      if (!g_str_has_prefix (fm_sql_text (&q, 1), FM_MESSAGE_LOCAL_PREFIX))
        g_ptr_array_add (paths, digest_path (r->store, fm_sql_text (&q, 1)));
    }
  if (!fm_sql_end (&q, error))
    return NULL;
  for (guint i = 0; i < ids->len; i++)
    if (!fm_sql_exec (r, error, "DELETE FROM blob WHERE id=?", "i", g_array_index (ids, gint64, i)))
      return NULL;
  *ret_more = marked > 0 || ids->len >= limit || fm_sql_value (r, 0, "SELECT 1 FROM blob WHERE refs=0 AND idx=2 LIMIT 1", "") != 0;
  return g_steal_pointer (&paths);
}

gboolean
fm_body_store_index_gone (FmStoreWriter *writer, const gint64 *blob_ids, gsize n, GError **error)
{
  /* One that has found a new reference meanwhile is to be indexed again; the others are now plain garbage. Both are state 0. */
  return fm_body_store_set_indexed (writer, blob_ids, n, FM_BLOB_TODO, error);
}

void
fm_body_store_unlink (GPtrArray *paths)
{
  for (guint i = 0; i < paths->len; i++)
    {
      const char *path = g_ptr_array_index (paths, i);
      GStatBuf info;
      g_mutex_lock (&place_lock);
      if (g_stat (path, &info) == 0 && info.st_mtime + UNLINK_MIN_AGE_S < time (NULL))
        g_unlink (path);
      g_mutex_unlock (&place_lock);
    }
}

void
fm_body_store_clean_tmp (FmStore *store, int age_s)
{
  g_autofree char *dir = g_build_filename (store->dir, "tmp", NULL);
  g_autoptr (GDir) list = g_dir_open (dir, 0, NULL);
  const char *name;

  while (list != NULL && (name = g_dir_read_name (list)) != NULL)
    {
      g_autofree char *path = g_build_filename (dir, name, NULL);
      GStatBuf info;
      if (g_str_has_prefix (name, "body-") && g_stat (path, &info) == 0 && info.st_mtime + age_s <= time (NULL))
        g_unlink (path);
    }
}

static gboolean
visit_shard (const char *shard, FmBodyFile callback, gpointer data)
{
  g_autoptr (GDir) list = g_dir_open (shard, 0, NULL);
  const char *name;

  while (list != NULL && (name = g_dir_read_name (list)) != NULL)
    {
      g_autofree char *path = g_build_filename (shard, name, NULL);
      g_autofree char *digest = g_strndup (name, FM_BODY_STORE_DIGEST_CHARS);
      GStatBuf info;
      if (!is_digest (digest) || !g_str_equal (name + FM_BODY_STORE_DIGEST_CHARS, ".eml") || g_stat (path, &info) != 0)
        continue;
      if (!callback (path, digest, (guint64) info.st_size, data))
        return FALSE;
    }
  return TRUE;
}

gboolean
fm_body_store_reimport (FmStore *store, FmBodyFile callback, gpointer data, GError **error)
{
  g_autofree char *dir = g_build_filename (store->dir, "mail", NULL);
  g_autoptr (GError) cause = NULL;
  g_autoptr (GDir) list = g_dir_open (dir, 0, &cause);
  const char *name;

  if (list == NULL)
    {
      g_set_error (error, FM_ERROR, FM_ERROR_STORAGE, "%s: %s", dir, cause->message);
      return FALSE;
    }
  while ((name = g_dir_read_name (list)) != NULL)
    {
      g_autofree char *shard = g_build_filename (dir, name, NULL);
      if (strlen (name) == 2 && !visit_shard (shard, callback, data))
        break;
    }
  return TRUE;
}
