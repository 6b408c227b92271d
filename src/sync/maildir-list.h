/* The names in the directories of a Maildir folder. */
#pragma once
#include <glib.h>

G_BEGIN_DECLS

typedef struct {
  char *name;
  gboolean is_new; /* in new/ rather than cur/ */
  gint64 order;    /* newer is larger */
} FmMaildirFile;

void fm_maildir_list_file_free (gpointer file);

/* All messages of the folder at PATH, by the unique part of their names: char* -> FmMaildirFile*. Errors: STORAGE. Transfer: full. */
GHashTable *fm_maildir_list_all (const char *path, GError **error);

/* The N newest whose unique parts are no keys of KNOWN, newest first: FmMaildirFile*, owned by the array. Keeps no more than a few times N however many
 * there are. Errors: STORAGE. Transfer: full. */
GPtrArray *fm_maildir_list_newest (const char *path, guint n, GHashTable *known, GError **error);

/* For g_ptr_array_sort: newest first. */
int fm_maildir_list_compare (gconstpointer a, gconstpointer b);

G_END_DECLS
