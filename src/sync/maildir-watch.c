/* inotify over cur/ and new/ of each folder. A rename is two events with one cookie; the first half is held back until the second half or another event
 * shows whether the file stayed in its folder. */
#include "sync/maildir-watch.h"

#include <errno.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#define FILE_EVENTS (IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ONLYDIR)
#define TREE_EVENTS (IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ONLYDIR)

typedef struct {
  gint64 folder_id; /* 0: the tree */
  char *dir;
  const char *subdir; /* static */
} Place;

struct FmMaildirWatch {
  int fd;
  GHashTable *places; /* watch descriptor -> Place */
};

static void
place_free (gpointer data)
{
  Place *place = data;
  g_free (place->dir);
  g_free (place);
}

FmMaildirWatch *
fm_maildir_watch_new (void)
{
  int fd = inotify_init1 (IN_NONBLOCK | IN_CLOEXEC);
  if (fd < 0)
    return NULL;
  FmMaildirWatch *watch = g_new0 (FmMaildirWatch, 1);
  watch->fd = fd;
  watch->places = g_hash_table_new_full (NULL, NULL, NULL, place_free);
  return watch;
}

void
fm_maildir_watch_free (FmMaildirWatch *watch)
{
  if (watch == NULL)
    return;
  close (watch->fd);
  g_hash_table_unref (watch->places);
  g_free (watch);
}

int
fm_maildir_watch_fd (const FmMaildirWatch *watch)
{
  return watch == NULL ? -1 : watch->fd;
}

static gboolean
add_place (FmMaildirWatch *watch, gint64 folder_id, char *dir, const char *subdir, guint32 events)
{
  int wd = inotify_add_watch (watch->fd, dir, events);
  if (wd < 0)
    {
      g_free (dir);
      return errno == ENOENT || errno == ENOTDIR;
    }
  Place *place = g_new0 (Place, 1);
  place->folder_id = folder_id;
  place->dir = dir;
  place->subdir = subdir;
  g_hash_table_replace (watch->places, GINT_TO_POINTER (wd), place);
  return TRUE;
}

gboolean
fm_maildir_watch_add (FmMaildirWatch *watch, gint64 folder_id, const char *path)
{
  return add_place (watch, folder_id, g_build_filename (path, "new", NULL), "new", FILE_EVENTS)
         && add_place (watch, folder_id, g_build_filename (path, "cur", NULL), "cur", FILE_EVENTS);
}

gboolean
fm_maildir_watch_add_tree (FmMaildirWatch *watch, const char *path)
{
  return add_place (watch, 0, g_strdup (path), NULL, TREE_EVENTS);
}

static gboolean
forget (gpointer wd, gpointer place, gpointer data)
{
  inotify_rm_watch (((FmMaildirWatch *) data)->fd, GPOINTER_TO_INT (wd));
  return TRUE;
}

void
fm_maildir_watch_remove_all (FmMaildirWatch *watch)
{
  g_hash_table_foreach_remove (watch->places, forget, watch);
}

/* The first half of a rename. */
typedef struct {
  guint32 cookie;
  gint64 folder_id;
  const char *subdir;
  char *name, *path;
} Half;

static void
tell_half (Half *half, FmMaildirWatchTell tell, gpointer data)
{
  if (half->name != NULL)
    tell (FM_MAILDIR_WATCH_GONE, half->folder_id, half->subdir, half->name, half->path, data);
  g_clear_pointer (&half->name, g_free);
  g_clear_pointer (&half->path, g_free);
}

static void
take_event (const struct inotify_event *event, const Place *place, Half *half, FmMaildirWatchTell tell, gpointer data)
{
  if (place->folder_id == 0)
    {
      if ((event->mask & IN_ISDIR) != 0)
        tell (FM_MAILDIR_WATCH_TREE, 0, NULL, NULL, place->dir, data);
      return;
    }
  if (event->len == 0 || (event->mask & IN_ISDIR) != 0)
    return;
  gboolean same_folder = half->name != NULL && half->cookie == event->cookie && half->folder_id == place->folder_id;
  if ((event->mask & IN_MOVED_TO) != 0 && same_folder)
    {
      g_clear_pointer (&half->name, g_free);
      g_clear_pointer (&half->path, g_free);
    }
  tell_half (half, tell, data);
  char *path = g_build_filename (place->dir, event->name, NULL);
  if ((event->mask & (IN_CREATE | IN_MOVED_TO)) != 0)
    {
      tell (FM_MAILDIR_WATCH_APPEARED, place->folder_id, place->subdir, event->name, path, data);
      g_free (path);
    }
  else
    {
      *half = (Half){ event->cookie, place->folder_id, place->subdir, g_strdup (event->name), path };
    }
}

void
fm_maildir_watch_read (FmMaildirWatch *watch, FmMaildirWatchTell tell, gpointer data)
{
  union {
    char bytes[32768];
    struct inotify_event align;
  } buffer;
  Half half = { 0 };
  ssize_t n;
  while ((n = read (watch->fd, buffer.bytes, sizeof buffer.bytes)) > 0)
    {
      for (const char *at = buffer.bytes; at < buffer.bytes + n;)
        {
          const struct inotify_event *event = (const struct inotify_event *) (gconstpointer) at;
          at += sizeof *event + event->len;
          const Place *place = g_hash_table_lookup (watch->places, GINT_TO_POINTER (event->wd));
          if ((event->mask & IN_Q_OVERFLOW) != 0)
            tell (FM_MAILDIR_WATCH_LOST, 0, NULL, NULL, NULL, data);
          else if ((event->mask & IN_IGNORED) != 0)
            g_hash_table_remove (watch->places, GINT_TO_POINTER (event->wd));
          else if (place != NULL)
            take_event (event, place, &half, tell, data);
        }
    }
  tell_half (&half, tell, data);
}
