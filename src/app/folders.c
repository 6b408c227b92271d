/* The tree is a flat array of nodes in display order: each account, its folders (inbox first, then the special ones, then by name) with their
 * parents made where the server lists only the children, and the saved searches. Closing a node hides what is deeper until the next node of
 * its own depth; the visible lines are an array of indexes, made anew when something opens, closes or arrives. */
#include "app/app-private.h"
#include "app/folders-private.h"
#include "app/search-counts.h"
#include <fulmar/store/folder-access.h>
#include <string.h>

typedef struct {
  FmFolderLineKind kind;
  guint depth;
  char *label, *full_name, *account;
  char *sort_key;
  gint64 folder_id;
  guint64 unread, total;
  FmSpecialUse special;
  gboolean closed, has_children;
  char *server; /* accounts: what lies on the server, "45M"; NULL: not known */
  gboolean is_read_only;
} Node;

struct FmFolders {
  FmApp *app;
  GPtrArray *nodes;   /* Node* */
  GArray *lines;      /* guint: indexes of the visible nodes */
  GHashTable *closed; /* full names the user closed */
  GHashTable *by_id;  /* gint64* -> Node* */
  guint cursor;
  gint64 current_id;
  char *current_search;
};

static void
node_free (gpointer data)
{
  Node *node = data;

  g_free (node->label);
  g_free (node->full_name);
  g_free (node->account);
  g_free (node->sort_key);
  g_free (node->server);
  g_free (node);
}

FmFolders *
fm_folders_new (FmApp *app)
{
  FmFolders *folders = g_new0 (FmFolders, 1);

  folders->app = app;
  folders->nodes = g_ptr_array_new_with_free_func (node_free);
  folders->lines = g_array_new (FALSE, FALSE, sizeof (guint));
  folders->closed = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  folders->by_id = g_hash_table_new (g_int64_hash, g_int64_equal);
  return folders;
}

void
fm_folders_free (FmFolders *folders)
{
  if (!folders)
    return;
  g_hash_table_unref (folders->by_id);
  g_ptr_array_unref (folders->nodes);
  g_array_unref (folders->lines);
  g_hash_table_unref (folders->closed);
  g_free (folders->current_search);
  g_free (folders);
}

/* --- building --- */

/* As the server said, until something of the folder is here; one that was emptied is empty. */
static void
count (Node *node, const FmFolderInfo *info)
{
  gboolean known = info->total > 0 || info->lowest_uid > 0;

  node->total = known ? info->total : info->server_total;
  node->unread = known ? info->unread : info->server_unread;
}

static Node *
add_node (FmFolders *folders, FmFolderLineKind kind, guint depth, const char *label, const char *full_name)
{
  Node *node = g_new0 (Node, 1);

  node->kind = kind;
  node->depth = depth;
  node->label = fm_text_sanitise_line (label, -1);
  node->full_name = g_strdup (full_name);
  g_ptr_array_add (folders->nodes, node);
  return node;
}

/* Inbox first, special uses next, then names; children right after their parent, so each level of the path gets its own rank. */
static char *
sort_key (const FmFolderInfo *info, char **parts)
{
  GString *key = g_string_new (NULL);

  for (guint i = 0; parts[i]; i++)
    {
      g_autofree char *folded = fm_text_fold (parts[i]);
      char rank = '5';
      if (i == 0 && g_ascii_strcasecmp (parts[0], "INBOX") == 0)
        rank = '0';
      else if (!parts[i + 1] && info->special != FM_SPECIAL_NONE)
        rank = '1';
      g_string_append_c (key, rank);
      if (rank == '1')
        g_string_append_printf (key, "%02d", info->special);
      g_string_append (key, folded);
      g_string_append_c (key, '\1');
    }
  return g_string_free (key, FALSE);
}

typedef struct {
  FmFolderInfo *info;
  char **parts;
  char *key;
} Sorted;

static void
sorted_clear (gpointer data)
{
  Sorted *sorted = data;

  g_strfreev (sorted->parts);
  g_free (sorted->key);
}

static int
compare_sorted (gconstpointer a, gconstpointer b)
{
  return strcmp (((const Sorted *) a)->key, ((const Sorted *) b)->key);
}

static char **
split_path (const FmFolderInfo *info)
{
  char delimiter[2] = { info->delimiter, '\0' };

  if (!info->delimiter)
    {
      char **one = g_new0 (char *, 2);
      one[0] = g_strdup (info->name);
      return one;
    }
  return g_strsplit (info->name, delimiter, 20);
}

static void
add_folder (FmFolders *folders, const char *account, const Sorted *sorted, char ***last)
{
  guint shared = 0, depth = g_strv_length (sorted->parts);
  GString *path = g_string_new (account);
  Node *node = NULL;

  while (*last && shared + 1 < depth && (*last)[shared] && strcmp ((*last)[shared], sorted->parts[shared]) == 0)
    shared++;
  for (guint i = 0; i < depth; i++)
    {
      g_string_append_printf (path, "%c%s", i == 0 ? '/' : sorted->info->delimiter, sorted->parts[i]);
      if (i < shared)
        continue;
      node = add_node (folders, FM_FOLDER_LINE_FOLDER, i + 1, sorted->parts[i], path->str);
      node->account = g_strdup (account);
    }
  if (node)
    {
      g_free (node->full_name);
      node->full_name = g_strconcat (account, "/", sorted->info->name, NULL);
      node->folder_id = sorted->info->selectable ? sorted->info->id : 0;
      node->special = sorted->info->special;
      node->is_read_only = fm_folder_access_is_read_only (sorted->info);
      count (node, sorted->info);
      g_hash_table_insert (folders->by_id, &node->folder_id, node);
    }
  *last = sorted->parts;
  g_string_free (path, TRUE);
}

/* "45.2 MB" of POP's mail, "87% full" where there is a quota; NULL: not told. */
static char *
server_text (const FmAccountInfo *account)
{
  if (account->server_seen_utc == 0)
    return NULL;
  if (account->server_limit == 0)
    return fm_text_size (account->server_bytes);
  return g_strdup_printf ("%u%% full", (guint) MIN (100.0 * (double) account->server_bytes / (double) account->server_limit, 999));
}

static void
add_account (FmFolders *folders, const FmAccountInfo *account, GPtrArray *infos)
{
  g_autoptr (GArray) sorted = g_array_new (FALSE, FALSE, sizeof (Sorted));
  char **last = NULL;
  Node *node = add_node (folders, FM_FOLDER_LINE_ACCOUNT, 0, account->name, account->name);

  node->account = g_strdup (account->name);
  node->server = server_text (account);
  g_array_set_clear_func (sorted, sorted_clear);
  for (guint i = 0; i < infos->len; i++)
    {
      FmFolderInfo *info = g_ptr_array_index (infos, i);
      Sorted one = { info, NULL, NULL };
      if (info->account_id != account->id || info->special == FM_SPECIAL_OUTBOX)
        continue;
      one.parts = split_path (info);
      one.key = sort_key (info, one.parts);
      g_array_append_val (sorted, one);
    }
  g_array_sort (sorted, compare_sorted);
  for (guint i = 0; i < sorted->len; i++)
    add_folder (folders, account->name, &g_array_index (sorted, Sorted, i), &last);
}

static void
add_searches (FmFolders *folders)
{
  GPtrArray *searches = fm_config_searches (folders->app->config);

  if (searches->len == 0)
    return;
  add_node (folders, FM_FOLDER_LINE_HEADING, 0, "Searches", "Searches");
  for (guint i = 0; i < searches->len; i++)
    {
      const FmSavedSearch *search = g_ptr_array_index (searches, i);
      add_node (folders, FM_FOLDER_LINE_SEARCH, 1, search->name, search->name);
    }
}

static void
mark_children (FmFolders *folders)
{
  for (guint i = 0; i < folders->nodes->len; i++)
    {
      Node *node = g_ptr_array_index (folders->nodes, i);
      Node *next = i + 1 < folders->nodes->len ? g_ptr_array_index (folders->nodes, i + 1) : NULL;
      node->has_children = next && next->depth > node->depth;
      node->closed = node->has_children && g_hash_table_contains (folders->closed, node->full_name);
    }
}

static void
make_lines (FmFolders *folders)
{
  guint hidden_below = G_MAXUINT;

  g_array_set_size (folders->lines, 0);
  for (guint i = 0; i < folders->nodes->len; i++)
    {
      Node *node = g_ptr_array_index (folders->nodes, i);
      if (node->depth > hidden_below)
        continue;
      hidden_below = node->closed ? node->depth : G_MAXUINT;
      g_array_append_val (folders->lines, i);
    }
  if (folders->cursor >= folders->lines->len)
    folders->cursor = folders->lines->len ? folders->lines->len - 1 : 0;
}

static Node *
node_at (const FmFolders *folders, guint line)
{
  return line < folders->lines->len ? g_ptr_array_index (folders->nodes, g_array_index (folders->lines, guint, line)) : NULL;
}

static void
find_cursor (FmFolders *folders, const char *full_name)
{
  for (guint i = 0; full_name && i < folders->lines->len; i++)
    if (strcmp (node_at (folders, i)->full_name, full_name) == 0)
      folders->cursor = i;
}

/* Accounts that left the config keep their mail in the store, but not their place in the tree. */
static gboolean
is_configured (FmApp *app, const char *account)
{
  return fm_app_account_named (app, account) != NULL;
}

void
fm_folders_reload (FmFolders *folders)
{
  FmStoreReader *reader = fm_app_reader (folders->app);
  Node *at = node_at (folders, folders->cursor);
  g_autofree char *cursor_name = at ? g_strdup (at->full_name) : NULL;
  g_autoptr (GPtrArray) accounts = fm_folder_store_accounts (reader, NULL);
  g_autoptr (GPtrArray) infos = fm_folder_store_list (reader, 0, NULL);
  GPtrArray *specs = fm_config_accounts (folders->app->config);

  g_hash_table_remove_all (folders->by_id);
  g_ptr_array_set_size (folders->nodes, 0);
  for (guint s = 0; accounts && infos && s < specs->len; s++)
    for (guint i = 0; i < accounts->len; i++)
      {
        const FmAccountInfo *account = g_ptr_array_index (accounts, i);
        if (strcmp (account->name, ((FmAccountSpec *) g_ptr_array_index (specs, s))->name) == 0
            && is_configured (folders->app, account->name))
          add_account (folders, account, infos);
      }
  add_searches (folders);
  mark_children (folders);
  make_lines (folders);
  find_cursor (folders, cursor_name);
  fm_app_changed (folders->app, FM_CHANGE_FOLDERS);
}

void
fm_folders_refresh (FmFolders *folders, gint64 folder_id)
{
  Node *node = g_hash_table_lookup (folders->by_id, &folder_id);
  g_autoptr (FmFolderInfo) info = node ? fm_folder_store_get (fm_app_reader (folders->app), folder_id, NULL) : NULL;

  if (!info)
    {
      fm_folders_reload (folders);
      return;
    }
  count (node, info);
  fm_app_changed (folders->app, FM_CHANGE_FOLDERS);
}

void
fm_folders_set_current (FmFolders *folders, gint64 folder_id, const char *search)
{
  Node *node = g_hash_table_lookup (folders->by_id, &folder_id);

  folders->current_id = folder_id;
  g_free (folders->current_search);
  folders->current_search = g_strdup (search);
  find_cursor (folders, node ? node->full_name : search);
  fm_app_changed (folders->app, FM_CHANGE_FOLDERS);
}

gint64
fm_folders_find (const FmFolders *folders, const char *full_name)
{
  Node *inexact = NULL;

  for (guint i = 0; i < folders->nodes->len; i++)
    {
      Node *node = g_ptr_array_index (folders->nodes, i);
      if (!node->folder_id)
        continue;
      if (strcmp (node->full_name, full_name) == 0)
        return node->folder_id;
      if (g_ascii_strcasecmp (node->full_name, full_name) == 0)
        inexact = node;
    }
  return inexact ? inexact->folder_id : 0;
}

const char *
fm_folders_name (const FmFolders *folders, gint64 folder_id)
{
  Node *node = g_hash_table_lookup (folders->by_id, &folder_id);

  return node ? node->full_name : NULL;
}

const char *
fm_folders_account (const FmFolders *folders, gint64 folder_id)
{
  Node *node = g_hash_table_lookup (folders->by_id, &folder_id);

  return node ? node->account : NULL;
}

gint64
fm_folders_special (const FmFolders *folders, const char *account, const char *use)
{
  for (guint i = 0; i < folders->nodes->len; i++)
    {
      Node *node = g_ptr_array_index (folders->nodes, i);
      if (node->folder_id && g_strcmp0 (node->account, account) == 0 && strcmp (fm_folder_store_special_name (node->special), use) == 0)
        return node->folder_id;
    }
  return 0;
}

const char *
fm_folders_use (const FmFolders *folders, gint64 folder_id)
{
  Node *node = g_hash_table_lookup (folders->by_id, &folder_id);

  return node ? fm_folder_store_special_name (node->special) : "";
}

/* --- what the view sees --- */

guint64
fm_folders_total (const FmFolders *folders, gint64 folder_id)
{
  const Node *node = g_hash_table_lookup (folders->by_id, &folder_id);

  return node ? node->total : 0;
}

guint
fm_folders_count (const FmFolders *folders)
{
  return folders->lines->len;
}

gboolean
fm_folders_line (const FmFolders *folders, guint index, FmFolderLine *ret_line)
{
  Node *node = node_at (folders, index);

  if (!node)
    return FALSE;
  *ret_line = (FmFolderLine){
    .kind = node->kind,
    .depth = node->depth,
    .label = node->label,
    .full_name = node->full_name,
    .folder_id = node->folder_id,
    .unread = node->kind == FM_FOLDER_LINE_SEARCH ? fm_search_counts_get (folders->app->search_counts, node->full_name) : node->unread,
    .total = node->total,
    .has_children = node->has_children,
    .open = !node->closed,
    .is_current = node->kind == FM_FOLDER_LINE_SEARCH ? g_strcmp0 (node->full_name, folders->current_search) == 0
                                                      : node->folder_id && node->folder_id == folders->current_id,
    .server = node->server,
    .state = node->kind == FM_FOLDER_LINE_ACCOUNT ? fm_app_account_state (folders->app, node->account) : NULL,
  };
  return TRUE;
}

guint
fm_folders_cursor (const FmFolders *folders)
{
  return folders->cursor;
}

gboolean
fm_folders_is_read_only (const FmFolders *folders, gint64 folder_id)
{
  const Node *node = g_hash_table_lookup (folders->by_id, &folder_id);

  return node && node->is_read_only;
}

static guint
count_below (const FmFolders *folders, guint index)
{
  const Node *node = g_ptr_array_index (folders->nodes, index);
  guint n = 0;

  for (guint i = index + 1; i < folders->nodes->len; i++, n++)
    if (((Node *) g_ptr_array_index (folders->nodes, i))->depth <= node->depth)
      break;
  return n;
}

/* A name as it may be typed: `/` for whatever the server puts between its parts, and without the INBOX above everything. */
static gboolean
is_meant (const char *full_name, const char *typed)
{
  const char *name = strchr (full_name, '/'), *wanted = strchr (typed, '/');

  if (strcmp (full_name, typed) == 0)
    return TRUE;
  if (!name || !wanted || name - full_name != wanted - typed || strncmp (full_name, typed, name - full_name) != 0)
    return FALSE;
  name++, wanted++;
  if (g_ascii_strncasecmp (name, "INBOX", 5) == 0 && name[5] && g_ascii_strncasecmp (wanted, "INBOX", 5) != 0)
    name += 6;
  while (*name && (*name == *wanted || (*wanted == '/' && strchr (".\\^:", *name))))
    name++, wanted++;
  return !*name && !*wanted;
}

char *
fm_folders_contents (const FmFolders *folders, const char *full_name)
{
  for (guint i = 0; i < folders->nodes->len; i++)
    {
      const Node *node = g_ptr_array_index (folders->nodes, i);
      if (node->kind != FM_FOLDER_LINE_FOLDER || !is_meant (node->full_name, full_name))
        continue;
      g_autoptr (GString) text = g_string_new (NULL);
      guint below = count_below (folders, i);
      if (node->total > 0)
        g_string_append_printf (text, "%" G_GUINT64_FORMAT " message%s, %" G_GUINT64_FORMAT " unread", node->total,
                                node->total == 1 ? "" : "s", node->unread);
      if (below > 0)
        g_string_append_printf (text, "%s%u folder%s below it", text->len > 0 ? ", and " : "", below, below == 1 ? "" : "s");
      return text->len > 0 ? g_string_free (g_steal_pointer (&text), FALSE) : g_strdup ("nothing");
    }
  return NULL;
}

void
fm_folders_set_cursor (FmFolders *folders, guint index)
{
  if (index < folders->lines->len)
    folders->cursor = index;
}

void
fm_folders_toggle (FmFolders *folders, guint index)
{
  Node *node = node_at (folders, index);

  if (!node || !node->has_children)
    return;
  if (node->closed)
    g_hash_table_remove (folders->closed, node->full_name);
  else
    g_hash_table_add (folders->closed, g_strdup (node->full_name));
  node->closed = !node->closed;
  make_lines (folders);
  fm_app_changed (folders->app, FM_CHANGE_FOLDERS);
}
