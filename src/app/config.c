/* fulmar.conf, read line by line so that one bad line costs one line. GKeyFile gives up the whole file at the first mistake, knows no line
 * numbers, and refuses key names such as `=` and `[`, which people want to bind. Every line is a section `[kind name]`, a comment beginning
 * with `#`, blank, or `name = value` split at the first blank-equals-blank. Nothing after a value is a comment. */
#include "app/config-account.h"
#include "app/settings.h"
#include <fulmar/app/config.h>
#include <fulmar/base/error.h>
#include <fulmar/base/paths.h>
#include <fulmar/base/text.h>
#include <string.h>

#define MAX_FILE_BYTES (4 << 20)
#define MAX_PROBLEMS 200

typedef enum { SECTION_NONE, SECTION_ACCOUNT, SECTION_SEARCH, SECTION_UI, SECTION_KEYS, SECTION_SKIPPED } Section;

struct FmConfig {
  char *path;
  char *store;
  GPtrArray *problems, *accounts, *searches, *keys;
  GHashTable *values; /* setting name -> value */
};

/* Where the reader stands. */
typedef struct {
  FmConfig *config;
  const char *file;
  guint line;
  Section section;
  char *context; /* SECTION_KEYS */
  guint section_line;
  GHashTable *leave_lines; /* FmAccountSpec* -> the line of its `leave` */
} Reader;

static const char *const key_contexts[] = { "global", "list", "pager", "folders", "compose", "attachments", NULL };

static void
problem_free (gpointer data)
{
  FmConfigProblem *problem = data;

  g_free (problem->file);
  g_free (problem->message);
  g_free (problem);
}

static void
search_free (gpointer data)
{
  FmSavedSearch *search = data;

  g_free (search->name);
  g_free (search->query);
  g_free (search);
}

static void
binding_free (gpointer data)
{
  FmKeyBinding *binding = data;

  g_free (binding->context);
  g_free (binding->keys);
  g_free (binding->command);
  g_free (binding);
}

static void
account_free (gpointer data)
{
  fm_account_spec_unref (data);
}

static FmConfig *
config_new (const char *path)
{
  FmConfig *config = g_new0 (FmConfig, 1);

  config->path = g_strdup (path);
  config->problems = g_ptr_array_new_with_free_func (problem_free);
  config->accounts = g_ptr_array_new_with_free_func (account_free);
  config->searches = g_ptr_array_new_with_free_func (search_free);
  config->keys = g_ptr_array_new_with_free_func (binding_free);
  config->values = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, g_free);
  return config;
}

void
fm_config_free (FmConfig *config)
{
  if (!config)
    return;
  g_ptr_array_unref (config->problems);
  g_ptr_array_unref (config->accounts);
  g_ptr_array_unref (config->searches);
  g_ptr_array_unref (config->keys);
  g_hash_table_unref (config->values);
  g_free (config->store);
  g_free (config->path);
  g_free (config);
}

static void complain (Reader *reader, guint line, guint column, const char *format, ...) G_GNUC_PRINTF (4, 5);

static void
complain (Reader *reader, guint line, guint column, const char *format, ...)
{
  FmConfigProblem *problem;
  g_autofree char *text = NULL;
  va_list args;

  if (reader->config->problems->len >= MAX_PROBLEMS)
    return;
  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  problem = g_new0 (FmConfigProblem, 1);
  problem->file = g_strdup (reader->file);
  problem->line = line;
  problem->column = column;
  problem->message = fm_text_sanitise_line (text, -1);
  g_ptr_array_add (reader->config->problems, problem);
}

/* --- sections --- */

static void
finish_section (Reader *reader)
{
  FmConfig *config = reader->config;

  if (reader->section == SECTION_ACCOUNT)
    {
      FmAccountSpec *spec = g_ptr_array_index (config->accounts, config->accounts->len - 1);
      const char *missing = fm_config_account_missing (spec);
      if (missing)
        {
          complain (reader, reader->section_line, 0, "account `%s` %s", spec->name, missing);
          g_ptr_array_remove_index (config->accounts, config->accounts->len - 1);
        }
      else if (spec->incoming.host && !spec->incoming.user)
        spec->incoming.user = g_strdup (spec->address);
    }
  else if (reader->section == SECTION_SEARCH)
    {
      FmSavedSearch *search = g_ptr_array_index (config->searches, config->searches->len - 1);
      if (!search->query)
        {
          complain (reader, reader->section_line, 0, "search `%s` has no `query = ...`", search->name);
          g_ptr_array_remove_index (config->searches, config->searches->len - 1);
        }
    }
  g_clear_pointer (&reader->context, g_free);
  reader->section = SECTION_NONE;
}

static gboolean
has_account (FmConfig *config, const char *name)
{
  for (guint i = 0; i < config->accounts->len; i++)
    if (strcmp (((FmAccountSpec *) g_ptr_array_index (config->accounts, i))->name, name) == 0)
      return TRUE;
  return FALSE;
}

static void
begin_account (Reader *reader, const char *name)
{
  if (!*name)
    complain (reader, reader->line, 0, "an account needs a name: write [account work]");
  else if (strpbrk (name, "/ \t"))
    complain (reader, reader->line, 0, "an account's name has no blanks and no `/`");
  else if (has_account (reader->config, name))
    complain (reader, reader->line, 0, "there are two accounts named `%s`: the first one is used", name);
  else
    {
      g_ptr_array_add (reader->config->accounts, fm_account_spec_new (name, FM_ACCOUNT_IMAP));
      reader->section = SECTION_ACCOUNT;
    }
}

static void
begin_search (Reader *reader, const char *name)
{
  FmSavedSearch *search;

  if (!*name)
    {
      complain (reader, reader->line, 0, "a search needs a name: write [search Unread]");
      return;
    }
  search = g_new0 (FmSavedSearch, 1);
  search->name = g_strdup (name);
  g_ptr_array_add (reader->config->searches, search);
  reader->section = SECTION_SEARCH;
}

static void
begin_keys (Reader *reader, const char *name)
{
  const char *context = *name ? name : "global";

  if (!g_strv_contains (key_contexts, context))
    {
      const char *near = fm_text_nearest (context, key_contexts);
      complain (reader, reader->line, 7, "there are no keys for `%s`%s%s%s: list, pager, folders, compose, attachments or global", context,
                near ? ", did you mean `" : "", near ? near : "", near ? "`" : "");
      return;
    }
  reader->context = g_strdup (context);
  reader->section = SECTION_KEYS;
}

static void
begin_section (Reader *reader, char *line)
{
  static const char *const kinds[] = { "account", "search", "ui", "keys", NULL };
  char *end = strrchr (line, ']');
  char *kind, *name;

  finish_section (reader);
  reader->section = SECTION_SKIPPED;
  reader->section_line = reader->line;
  if (!end || end[1] != '\0')
    {
      complain (reader, reader->line, strlen (line), "a section ends with `]` and nothing after it; its lines are skipped");
      return;
    }
  *end = '\0';
  kind = g_strstrip (line + 1);
  name = kind + strcspn (kind, " \t");
  if (*name)
    *name++ = '\0';
  name = g_strstrip (name);
  if (strcmp (kind, "account") == 0)
    begin_account (reader, name);
  else if (strcmp (kind, "search") == 0)
    begin_search (reader, name);
  else if (strcmp (kind, "ui") == 0)
    reader->section = SECTION_UI;
  else if (strcmp (kind, "keys") == 0)
    begin_keys (reader, name);
  else
    {
      const char *near = fm_text_nearest (kind, kinds);
      complain (reader, reader->line, 2, "there is no section [%s]%s%s%s; its lines are skipped", kind, near ? ": did you mean [" : "",
                near ? near : "", near ? "]?" : "");
    }
}

/* --- lines --- */

/* Splits at the first blank-equals-blank; in sections whose names are words a bare `=` will do. */
static gboolean
split_line (Reader *reader, char *line, char **ret_name, char **ret_value)
{
  char *equals = NULL;

  for (char *p = line + 1; (p = strchr (p, '=')) != NULL; p++)
    if ((p[-1] == ' ' || p[-1] == '\t') && (p[1] == ' ' || p[1] == '\t' || p[1] == '\0'))
      {
        equals = p;
        break;
      }
  if (!equals && reader->section != SECTION_KEYS)
    equals = strchr (line, '=');
  if (!equals || equals == line)
    return FALSE;
  *equals = '\0';
  *ret_name = g_strstrip (line);
  /* Not moved to the front: where it stands is where a complaint points. */
  *ret_value = g_strchomp (equals + 1 + strspn (equals + 1, " \t"));
  return **ret_name != '\0';
}

static void
read_search_line (Reader *reader, const char *name, const char *value, guint column)
{
  FmSavedSearch *search = g_ptr_array_index (reader->config->searches, reader->config->searches->len - 1);

  if (strcmp (name, "query") != 0)
    complain (reader, reader->line, column, "a search has no `%s`: write `query = ...`", name);
  else
    {
      g_free (search->query);
      search->query = g_strdup (value);
    }
}

static void
read_key_line (Reader *reader, const char *name, const char *value)
{
  FmKeyBinding *binding = g_new0 (FmKeyBinding, 1);

  binding->context = g_strdup (reader->context);
  binding->keys = g_strdup (name);
  binding->command = g_strdup (value);
  binding->line = reader->line;
  g_ptr_array_add (reader->config->keys, binding);
}

static void
read_top_line (Reader *reader, const char *name, const char *value, guint column)
{
  if (strcmp (name, "store") == 0)
    {
      g_free (reader->config->store);
      reader->config->store = fm_paths_expand (value);
    }
  else
    complain (reader, reader->line, column,
              "`%s` stands before any section: begin one with [account NAME], [search NAME], [ui] or [keys CONTEXT]", name);
}

static void
read_assignment (Reader *reader, const char *name, const char *value, guint column, guint value_column)
{
  FmConfig *config = reader->config;
  g_autoptr (GError) error = NULL;
  gsize offset = 0;

  switch (reader->section)
    {
    case SECTION_NONE:
      read_top_line (reader, name, value, column);
      break;
    case SECTION_ACCOUNT:
      if (strcmp (name, "leave") == 0)
        g_hash_table_insert (reader->leave_lines, config->accounts->pdata[config->accounts->len - 1], GUINT_TO_POINTER (reader->line));
      if (!fm_config_account_set (g_ptr_array_index (config->accounts, config->accounts->len - 1), name, value, &offset, &error))
        complain (reader, reader->line, g_strv_contains (fm_config_account_keys (), name) ? value_column + (guint) offset : column, "%s",
                  error->message);
      break;
    case SECTION_SEARCH:
      read_search_line (reader, name, value, column);
      break;
    case SECTION_UI:
      if (!fm_config_set (config, name, value, &error))
        complain (reader, reader->line, fm_settings_find (name) ? value_column : column, "%s", error->message);
      break;
    case SECTION_KEYS:
      read_key_line (reader, name, value);
      break;
    case SECTION_SKIPPED:
      break;
    }
}

static gboolean
has_control (const char *line, guint *ret_column)
{
  for (const char *p = line; *p; p++)
    if (((guchar) *p < 0x20 && *p != '\t') || *p == 0x7f)
      {
        *ret_column = p - line + 1;
        return TRUE;
      }
  return FALSE;
}

static void
read_line (Reader *reader, char *line)
{
  guint column = 1, indent;
  char *copy, *name, *value;
  g_autofree char *owned = NULL;

  if (!g_utf8_validate (line, -1, NULL))
    {
      complain (reader, reader->line, 0, "this line is not UTF-8; it is skipped");
      return;
    }
  if (has_control (line, &column))
    {
      complain (reader, reader->line, column, "there is a control character here; the line is skipped");
      return;
    }
  indent = strspn (line, " \t");
  copy = line + indent;
  g_strchomp (copy);
  if (*copy == '\0' || *copy == '#')
    return;
  if (*copy == '[' && !(reader->section == SECTION_KEYS && strstr (copy, " = ")))
    {
      begin_section (reader, copy);
      return;
    }
  owned = g_strdup (copy);
  if (!split_line (reader, owned, &name, &value))
    {
      if (reader->section != SECTION_SKIPPED)
        complain (reader, reader->line, indent + 1, "this is no `name = value` (with a blank on both sides of `=`)");
      return;
    }
  read_assignment (reader, name, value, indent + 1, indent + (value - owned) + 1);
}

/* What POP deletes on the server is gone for IMAP too, and so from every other device. */
static void
keep_shared_mailboxes (Reader *reader)
{
  for (guint i = 0; i < reader->config->accounts->len; i++)
    {
      FmAccountSpec *spec = g_ptr_array_index (reader->config->accounts, i);
      const FmAccountSpec *other = fm_config_policy_conflict (reader->config, spec);
      if (!other || spec->leave == FM_LEAVE_FOREVER)
        continue;
      complain (reader, GPOINTER_TO_UINT (g_hash_table_lookup (reader->leave_lines, spec)), 0,
                "accounts `%s` (POP) and `%s` (IMAP) read the same mailbox, and what POP deletes on the server is gone for IMAP too: "
                "`leave = forever` is taken; write that, or remove one of the two accounts",
                spec->name, other->name);
      spec->leave = FM_LEAVE_FOREVER;
    }
}

FmConfig *
fm_config_parse (const char *text, gssize size_bytes, const char *file_name)
{
  FmConfig *config = config_new (file_name);
  g_autoptr (GHashTable) leave_lines = g_hash_table_new (NULL, NULL);
  Reader reader = { .config = config, .file = file_name, .leave_lines = leave_lines };
  const char *p = text, *end = text + (size_bytes < 0 ? (gssize) strlen (text) : size_bytes);

  if (end - p >= 3 && memcmp (p, "\xef\xbb\xbf", 3) == 0)
    p += 3;
  while (p < end)
    {
      const char *stop = memchr (p, '\n', end - p);
      gsize length = (stop ? stop : end) - p;
      g_autofree char *line = NULL;
      reader.line++;
      if (length > 0 && p[length - 1] == '\r')
        length--;
      if (memchr (p, '\0', length))
        complain (&reader, reader.line, 0, "there is a NUL byte in this line; it is skipped");
      else
        {
          line = g_strndup (p, length);
          read_line (&reader, line);
        }
      p = stop ? stop + 1 : end;
    }
  finish_section (&reader);
  keep_shared_mailboxes (&reader);
  return config;
}

FmConfig *
fm_config_load (const char *path)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;
  gsize size = 0;
  FmConfig *config;
  Reader reader = { .file = path };

  if (!g_file_get_contents (path, &text, &size, &error))
    {
      config = config_new (path);
      reader.config = config;
      if (!g_error_matches (error, G_FILE_ERROR, G_FILE_ERROR_NOENT))
        complain (&reader, 0, 0, "can't be read: %s", error->message);
      return config;
    }
  if (size > MAX_FILE_BYTES)
    {
      config = config_new (path);
      reader.config = config;
      complain (&reader, 0, 0, "is %" G_GSIZE_FORMAT " bytes long: a config is at most %d", size, MAX_FILE_BYTES);
      return config;
    }
  return fm_config_parse (text, size, path);
}

/* --- what was read --- */

const char *
fm_config_path (const FmConfig *config)
{
  return config->path;
}

const char *
fm_config_store (const FmConfig *config)
{
  return config->store;
}

GPtrArray *
fm_config_problems (const FmConfig *config)
{
  return config->problems;
}

GPtrArray *
fm_config_accounts (const FmConfig *config)
{
  return config->accounts;
}

GPtrArray *
fm_config_searches (const FmConfig *config)
{
  return config->searches;
}

GPtrArray *
fm_config_keys (const FmConfig *config)
{
  return config->keys;
}

void
fm_config_add_account (FmConfig *config, FmAccountSpec *spec)
{
  g_ptr_array_add (config->accounts, spec);
}

void
fm_config_add_search (FmConfig *config, const char *name, const char *query)
{
  FmSavedSearch *search = g_new0 (FmSavedSearch, 1);

  search->name = g_strdup (name);
  search->query = g_strdup (query);
  g_ptr_array_add (config->searches, search);
}

const char *
fm_config_get (const FmConfig *config, const char *name)
{
  const char *value = g_hash_table_lookup (config->values, name);
  const FmSetting *setting;

  if (value)
    return value;
  setting = fm_settings_find (name);
  return setting ? setting->initial : "";
}

gboolean
fm_config_get_bool (const FmConfig *config, const char *name)
{
  return strcmp (fm_config_get (config, name), "true") == 0;
}

int
fm_config_get_int (const FmConfig *config, const char *name)
{
  return (int) g_ascii_strtoll (fm_config_get (config, name), NULL, 10);
}

gboolean
fm_config_set (FmConfig *config, const char *name, const char *value, GError **error)
{
  const FmSetting *setting = fm_settings_find (name);
  char *good;

  if (!setting)
    {
      const char *near = fm_text_nearest (name, fm_settings_names ());
      g_set_error (error, FM_ERROR, FM_ERROR_INVALID, "there is no setting `%s`%s%s%s", name, near ? ": did you mean `" : "",
                   near ? near : "", near ? "`?" : "");
      return FALSE;
    }
  if (!(good = fm_settings_check (setting, value, error)))
    return FALSE;
  g_hash_table_insert (config->values, (gpointer) setting->name, good);
  return TRUE;
}

static void
exchange (gpointer *a, gpointer *b)
{
  gpointer kept = *a;

  *a = *b;
  *b = kept;
}

void
fm_config_take_ui (FmConfig *config, FmConfig *fresh)
{
  exchange ((gpointer *) &config->values, (gpointer *) &fresh->values);
  exchange ((gpointer *) &config->keys, (gpointer *) &fresh->keys);
  exchange ((gpointer *) &config->searches, (gpointer *) &fresh->searches);
}

const char *const *
fm_config_setting_names (void)
{
  return fm_settings_names ();
}

const char *
fm_config_setting_help (const char *name)
{
  const FmSetting *setting = fm_settings_find (name);

  return setting ? setting->help : NULL;
}
