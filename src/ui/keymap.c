/* A flat array of bindings, each with the contexts it holds in: about two hundred, so a key costs one short scan. Binding the same keys again
 * takes the contexts away from the older binding; a prefix conflict is refused when it is made, so that feeding never has to guess. */
#include "ui/keymap.h"
#include <fulmar/app/command.h>
#include <fulmar/base/error.h>
#include <fulmar/base/text.h>
#include <string.h>
#include "ui/key-name.h"
#include "ui/keymap-alpine.h"

#define COUNT_MAX 100000000

typedef struct {
  FmKey keys[FM_KEY_NAME_MAX];
  guint n_keys;
  guint contexts;
  char *command;
} Binding;

struct FmKeymap {
  GArray *bindings; /* Binding */
  FmKey pending[FM_KEY_NAME_MAX];
  guint n_pending;
  int count;
};

static const struct {
  const char *name;
  guint bits;
} contexts_by_name[] = {
  { "global", FM_CONTEXT_ALL },      { "list", FM_CONTEXT_LIST },       { "pager", FM_CONTEXT_PAGER },
  { "folders", FM_CONTEXT_FOLDERS }, { "compose", FM_CONTEXT_COMPOSE }, { "attachments", FM_CONTEXT_ATTACHMENTS },
};

static void
clear_binding (gpointer binding)
{
  g_free (((Binding *) binding)->command);
}

FmKeymap *
fm_keymap_new (void)
{
  FmKeymap *keymap = g_new0 (FmKeymap, 1);
  keymap->bindings = g_array_new (FALSE, TRUE, sizeof (Binding));
  g_array_set_clear_func (keymap->bindings, clear_binding);
  return keymap;
}

void
fm_keymap_free (FmKeymap *keymap)
{
  if (!keymap)
    return;
  g_array_unref (keymap->bindings);
  g_free (keymap);
}

guint
fm_keymap_context (const char *name)
{
  for (guint i = 0; i < G_N_ELEMENTS (contexts_by_name); i++)
    if (strcmp (contexts_by_name[i].name, name) == 0)
      return contexts_by_name[i].bits;
  return 0;
}

static gboolean
begins_with (const FmKey *keys, guint n_keys, const FmKey *prefix, guint n_prefix)
{
  if (n_prefix > n_keys)
    return FALSE;
  for (guint i = 0; i < n_prefix; i++)
    if (!fm_key_equal (keys[i], prefix[i]))
      return FALSE;
  return TRUE;
}

static gboolean
check_prefixes (const FmKeymap *keymap, const Binding *fresh, GError **error)
{
  for (guint i = 0; i < keymap->bindings->len; i++)
    {
      const Binding *old = &g_array_index (keymap->bindings, Binding, i);
      if (!(old->contexts & fresh->contexts) || old->n_keys == fresh->n_keys)
        continue;
      gboolean hides = begins_with (old->keys, old->n_keys, fresh->keys, fresh->n_keys);
      if (!hides && !begins_with (fresh->keys, fresh->n_keys, old->keys, old->n_keys))
        continue;
      g_autofree char *mine = fm_key_name_format (fresh->keys, fresh->n_keys);
      g_autofree char *theirs = fm_key_name_format (old->keys, old->n_keys);
      g_set_error (error, FM_ERROR, FM_ERROR_INVALID,
                   hides ? "%s would hide the sequence %s (%s): bind that to `none` first"
                         : "%s begins with %s, which runs %s: bind that to `none` first",
                   mine, theirs, old->command);
      return FALSE;
    }
  return TRUE;
}

gboolean
fm_keymap_bind (FmKeymap *keymap, guint contexts, const char *keys, const char *command, GError **error)
{
  Binding fresh = { .contexts = contexts };
  gboolean frees = strcmp (command, "none") == 0;
  fresh.n_keys = fm_key_name_parse (keys, fresh.keys, error);
  if (fresh.n_keys == 0 || (!frees && !check_prefixes (keymap, &fresh, error)))
    return FALSE;
  for (guint i = keymap->bindings->len; i-- > 0;)
    {
      Binding *old = &g_array_index (keymap->bindings, Binding, i);
      if (old->n_keys == fresh.n_keys && begins_with (old->keys, old->n_keys, fresh.keys, fresh.n_keys))
        old->contexts &= ~contexts;
      if (old->contexts == 0)
        g_array_remove_index (keymap->bindings, i);
    }
  if (frees)
    return TRUE;
  fresh.command = g_strdup (command);
  g_array_append_val (keymap->bindings, fresh);
  return TRUE;
}

static guint
count_bits (guint bits)
{
  guint n = 0;
  for (; bits; bits &= bits - 1)
    n++;
  return n;
}

static void
bind_words (FmKeymap *keymap, guint contexts, const char *words, const char *command)
{
  g_auto (GStrv) keys = g_strsplit (words, " ", -1);
  for (guint i = 0; keys[i]; i++)
    {
      g_autoptr (GError) error = NULL;
      if (*keys[i] && !fm_keymap_bind (keymap, contexts, keys[i], command, &error))
        g_critical ("default key of %s: %s", command, error->message);
    }
}

/* The commands' own keys: those of many contexts first, so that a context's own command wins. */
static void
load_mutt (FmKeymap *keymap)
{
  const FmCommand *const *all = fm_command_all ();
  for (guint bits = 8; bits > 0; bits--)
    for (guint i = 0; all[i]; i++)
      if (all[i]->default_keys && count_bits (all[i]->contexts & FM_CONTEXT_ALL) == bits)
        bind_words (keymap, all[i]->contexts, all[i]->default_keys, all[i]->name);
}

gboolean
fm_keymap_load_set (FmKeymap *keymap, const char *name)
{
  gboolean mutt = strcmp (name, "mutt") == 0;
  if (!mutt && strcmp (name, "alpine") != 0)
    return FALSE;
  g_array_set_size (keymap->bindings, 0);
  fm_keymap_reset (keymap);
  if (mutt)
    load_mutt (keymap);
  else
    for (const FmKeymapAlpineRow *row = fm_keymap_alpine_rows (); row->keys; row++)
      bind_words (keymap, row->contexts, row->keys, row->command);
  return TRUE;
}

/* The first word of a command line must be a command; macros are looked at up to their first part, the rest when they run. */
static gboolean
check_command (const char *line, GError **error)
{
  g_autofree char *name = g_strndup (line, strcspn (line, " "));
  const FmCommand *const *all = fm_command_all ();
  if (strcmp (line, "none") == 0 || fm_command_find (name))
    return TRUE;
  g_autoptr (GPtrArray) names = g_ptr_array_new ();
  for (guint i = 0; all[i]; i++)
    g_ptr_array_add (names, (gpointer) all[i]->name);
  g_ptr_array_add (names, NULL);
  const char *nearest = fm_text_nearest (name, (const char *const *) names->pdata);
  g_autofree char *shown = fm_text_sanitise_line (name, -1);
  g_set_error (error, FM_ERROR, FM_ERROR_INVALID, "no command is called `%s`%s%s", shown, nearest ? ": did you mean " : "",
               nearest ? nearest : "");
  return FALSE;
}

static gboolean
bind_from_config (FmKeymap *keymap, const FmKeyBinding *binding, GError **error)
{
  guint contexts = fm_keymap_context (binding->context);
  if (contexts == 0)
    {
      g_set_error (error, FM_ERROR, FM_ERROR_INVALID, "no keys are called `%s`: write list, pager, folders, compose, attachments or global",
                   binding->context);
      return FALSE;
    }
  return check_command (binding->command, error) && fm_keymap_bind (keymap, contexts, binding->keys, binding->command, error);
}

void
fm_keymap_load_config (FmKeymap *keymap, FmConfig *config, GPtrArray *problems)
{
  GPtrArray *bindings = fm_config_keys (config);
  /* Keys are freed before any is bound, so that the order of lines does not matter. */
  for (int pass = 0; pass < 2; pass++)
    for (guint i = 0; i < bindings->len; i++)
      {
        const FmKeyBinding *binding = g_ptr_array_index (bindings, i);
        g_autoptr (GError) error = NULL;
        if ((strcmp (binding->command, "none") == 0) != (pass == 0) || bind_from_config (keymap, binding, &error))
          continue;
        g_ptr_array_add (problems, g_strdup_printf ("%s:%u: %s", fm_config_path (config), binding->line, error->message));
      }
}

void
fm_keymap_reset (FmKeymap *keymap)
{
  keymap->n_pending = 0;
  keymap->count = 0;
}

/* The binding that is exactly what is pending, and whether longer ones begin with it. */
static const Binding *
look_up (const FmKeymap *keymap, guint context, gboolean *ret_more)
{
  const Binding *exact = NULL;
  *ret_more = FALSE;
  for (guint i = 0; i < keymap->bindings->len; i++)
    {
      const Binding *binding = &g_array_index (keymap->bindings, Binding, i);
      if (!(binding->contexts & context) || !begins_with (binding->keys, binding->n_keys, keymap->pending, keymap->n_pending))
        continue;
      if (binding->n_keys == keymap->n_pending)
        exact = binding;
      else
        *ret_more = TRUE;
    }
  return exact;
}

static gboolean
take_digit (FmKeymap *keymap, guint context, FmKey key)
{
  guint32 least = keymap->count > 0 ? '0' : '1';
  if (key.mods || key.code < least || key.code > '9' || keymap->n_pending > 1)
    return FALSE;
  if (context & (FM_CONTEXT_COMPOSE | FM_CONTEXT_ATTACHMENTS))
    return FALSE;
  keymap->count = MIN (keymap->count * 10 + (int) (key.code - '0'), COUNT_MAX);
  return TRUE;
}

FmKeymapResult
fm_keymap_feed (FmKeymap *keymap, guint context, FmKey key, const char **ret_command, int *ret_count)
{
  gboolean more;
  if (keymap->n_pending == 0 && keymap->count > 0 && key.code == FM_KEY_ENTER && !key.mods)
    {
      *ret_count = keymap->count;
      fm_keymap_reset (keymap);
      return FM_KEYMAP_JUMP;
    }
  keymap->pending[keymap->n_pending++] = key;
  const Binding *exact = look_up (keymap, context, &more);
  if (exact)
    {
      *ret_command = exact->command;
      *ret_count = keymap->count;
      fm_keymap_reset (keymap);
      return FM_KEYMAP_RUN;
    }
  if (more && keymap->n_pending < FM_KEY_NAME_MAX)
    return FM_KEYMAP_MORE;
  if (take_digit (keymap, context, key))
    {
      keymap->n_pending = 0;
      return FM_KEYMAP_MORE;
    }
  fm_keymap_reset (keymap);
  return FM_KEYMAP_UNKNOWN;
}

char *
fm_keymap_pending (const FmKeymap *keymap)
{
  if (keymap->n_pending == 0 && keymap->count == 0)
    return NULL;
  g_autofree char *keys = fm_key_name_format (keymap->pending, keymap->n_pending);
  return keymap->count > 0 ? g_strdup_printf ("%d%s", keymap->count, keys) : g_strdup (keys);
}

/* Does BINDING go on from what is pending (after a lone Esc: is its first key Esc and a letter)? */
static gboolean
goes_on (const FmKeymap *keymap, const Binding *binding, gboolean after_esc)
{
  if (keymap->n_pending == 0)
    return after_esc && binding->keys[0].mods & FM_MOD_ALT;
  return binding->n_keys > keymap->n_pending && begins_with (binding->keys, binding->n_keys, keymap->pending, keymap->n_pending);
}

char *
fm_keymap_continuations (const FmKeymap *keymap, guint context, gboolean after_esc)
{
  GString *all = g_string_new (NULL);
  if (keymap->n_pending == 0 && keymap->count > 0 && !after_esc)
    g_string_append_printf (all, "Enter:go to message %d  a key:repeat it", keymap->count);
  for (guint i = 0; i < keymap->bindings->len; i++)
    {
      const Binding *binding = &g_array_index (keymap->bindings, Binding, i);
      if (!(binding->contexts & context) || !goes_on (keymap, binding, after_esc))
        continue;
      FmKey rest[FM_KEY_NAME_MAX];
      guint n = binding->n_keys - keymap->n_pending;
      memcpy (rest, binding->keys + keymap->n_pending, n * sizeof *rest);
      if (keymap->n_pending == 0)
        rest[0].mods &= ~(guint32) FM_MOD_ALT;
      g_autofree char *keys = fm_key_name_format (rest, n);
      g_string_append_printf (all, "%s%s:%s", all->len > 0 ? "  " : "", keys, binding->command);
    }
  return g_string_free (all, FALSE);
}

char *
fm_keymap_key_for (const FmKeymap *keymap, guint context, const char *command)
{
  for (guint i = 0; i < keymap->bindings->len; i++)
    {
      const Binding *binding = &g_array_index (keymap->bindings, Binding, i);
      if (binding->contexts & context && strcmp (binding->command, command) == 0)
        return fm_key_name_format (binding->keys, binding->n_keys);
    }
  return NULL;
}

char *
fm_keymap_keys_for (const FmKeymap *keymap, guint context, const char *command)
{
  GString *all = g_string_new (NULL);
  for (guint i = 0; i < keymap->bindings->len; i++)
    {
      const Binding *binding = &g_array_index (keymap->bindings, Binding, i);
      if (!(binding->contexts & context) || strcmp (binding->command, command) != 0)
        continue;
      g_autofree char *name = fm_key_name_format (binding->keys, binding->n_keys);
      g_string_append_printf (all, "%s%s", all->len > 0 ? ", " : "", name);
    }
  return g_string_free (all, FALSE);
}
