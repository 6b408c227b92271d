/* Flags and keywords: star, read state, and any flag or keyword by name. */
#include "app/app-private.h"
#include "app/commands.h"
#include "app/list-private.h"
#include <fulmar/mail/flags.h>
#include <string.h>

static void
change (const FmCommandCall *call, GArray *ids, guint add, guint remove)
{
  FmOverlayEffect effect = { .add = add, .remove = remove };

  fm_act_on_targets (call, ids, fm_action_new_flags ((const gint64 *) (void *) ids->data, ids->len, add, remove, NULL, NULL), &effect);
}

/* Whether the message under the cursor (or being read) has FLAG: a toggle over several goes by the first. */
static gboolean
first_has (const FmCommandCall *call, GArray *ids, guint flag)
{
  guint flags = fm_app_flags_of (call->app, g_array_index (ids, gint64, 0));

  return (flags & flag) != 0;
}

static void
toggle (const FmCommandCall *call, guint flag)
{
  GArray *ids = fm_target_ids (call);

  if (ids->len == 0)
    g_array_unref (ids);
  else if (first_has (call, ids, flag))
    change (call, ids, 0, flag);
  else
    change (call, ids, flag, 0);
}

static void
run_star (const FmCommandCall *call)
{
  toggle (call, FM_FLAG_FLAGGED);
}

static void
run_unread (const FmCommandCall *call)
{
  toggle (call, FM_FLAG_SEEN);
}

static void
run_read_thread (const FmCommandCall *call)
{
  gint64 id = fm_target_id (call);

  if (id)
    change (call, fm_list_thread_ids (call->app->list, id), FM_FLAG_SEEN, 0);
}

/* A word of `flag`: read unread star unstar, a flag's name, or a keyword. FALSE: no fit name for a keyword. */
static gboolean
parse_flag (const char *word, guint *ret_flag, gboolean *ret_inverted)
{
  static const struct {
    const char *word;
    guint flag;
    gboolean inverted;
  } words[] = {
    { "read", FM_FLAG_SEEN },    { "seen", FM_FLAG_SEEN },           { "unread", FM_FLAG_SEEN, TRUE }, { "new", FM_FLAG_SEEN, TRUE },
    { "star", FM_FLAG_FLAGGED }, { "flagged", FM_FLAG_FLAGGED },     { "answered", FM_FLAG_ANSWERED }, { "replied", FM_FLAG_ANSWERED },
    { "draft", FM_FLAG_DRAFT },  { "forwarded", FM_FLAG_FORWARDED },
  };

  *ret_flag = 0;
  *ret_inverted = FALSE;
  for (guint i = 0; i < G_N_ELEMENTS (words); i++)
    if (g_ascii_strcasecmp (words[i].word, word) == 0)
      {
        *ret_flag = words[i].flag;
        *ret_inverted = words[i].inverted;
        return TRUE;
      }
  *ret_flag = fm_flags_from_imap_name (word);
  if (*ret_flag)
    return TRUE;
  if (!*word || strlen (word) > 100)
    return FALSE;
  for (const char *p = word; *p; p++)
    if ((guchar) *p <= 0x20 || (guchar) *p >= 0x7f || strchr ("(){%*\"\\]", *p))
      return FALSE;
  return TRUE;
}

/* +read -star todo: signs optional, MEANT is the sign of words without one. */
static void
change_by_words (const FmCommandCall *call, const char *text, gboolean meant)
{
  g_auto (GStrv) words = g_strsplit_set (text, " \t,", -1);
  g_autoptr (GPtrArray) add_words = g_ptr_array_new (), remove_words = g_ptr_array_new ();
  guint add = 0, remove = 0;
  GArray *ids;

  for (guint i = 0; words[i]; i++)
    {
      gboolean on = *words[i] == '+' || (*words[i] != '-' && meant), inverted;
      const char *word = words[i] + (*words[i] == '+' || *words[i] == '-');
      guint flag;
      if (!*words[i])
        continue;
      if (!parse_flag (word, &flag, &inverted))
        {
          fm_app_complain (call->app, "`%s` can't be a flag: letters, digits and - _ . $ only", word);
          return;
        }
      on ^= inverted;
      if (flag)
        *(on ? &add : &remove) |= flag;
      else
        g_ptr_array_add (on ? add_words : remove_words, (gpointer) word);
    }
  g_ptr_array_add (add_words, NULL);
  g_ptr_array_add (remove_words, NULL);
  ids = fm_target_ids (call);
  if (ids->len == 0)
    {
      g_array_unref (ids);
      return;
    }
  FmOverlayEffect effect = { .add = add, .remove = remove };
  fm_act_on_targets (call, ids,
                     fm_action_new_flags ((const gint64 *) (void *) ids->data, ids->len, add, remove,
                                          (const char *const *) add_words->pdata, (const char *const *) remove_words->pdata),
                     &effect);
}

typedef struct {
  FmCommandCall call;
  gboolean meant;
} Asked;

static void
asked (const char *answer, gpointer data)
{
  Asked *ask = data;

  if (answer && *answer)
    change_by_words (&ask->call, answer, ask->meant);
  g_free (ask);
}

static void
by_name (const FmCommandCall *call, gboolean meant, const char *label)
{
  Asked *ask;

  if (*call->argument)
    {
      change_by_words (call, call->argument, meant);
      return;
    }
  ask = g_new0 (Asked, 1);
  ask->call = *call;
  ask->call.argument = "";
  ask->meant = meant;
  call->app->shell->prompt (call->app->shell_data, FM_PROMPT_TEXT, label, "", asked, ask);
}

static void
run_set_flag (const FmCommandCall *call)
{
  by_name (call, TRUE, "set flag or tag: ");
}

static void
run_clear_flag (const FmCommandCall *call)
{
  by_name (call, FALSE, "clear flag or tag: ");
}

#define BOTH (FM_CONTEXT_LIST | FM_CONTEXT_PAGER)
#define FLAG_EFFECTS                                                                    \
  .effect_imap = "STORE on each message, seen on every device",                         \
  .effect_gmail = "likewise, in all its labels; the star is Gmail's, a tag is a label", \
  .effect_pop = "kept on this machine: POP has no flags", .effect_local = "in the file's name"

const FmCommand fm_cmd_flag_commands[] = {
  { .name = "star",
    .help = "star or unstar",
    .hint = "star",
    .default_keys = "F",
    .contexts = BOTH,
    .repeats_on_tagged = TRUE,
    .run = run_star,
    FLAG_EFFECTS },
  { .name = "toggle-read",
    .help = "mark unread or read",
    .default_keys = "N",
    .contexts = BOTH,
    .repeats_on_tagged = TRUE,
    .run = run_unread,
    FLAG_EFFECTS },
  { .name = "read-thread",
    .help = "mark the whole thread read",
    .default_keys = "<C-r>",
    .contexts = BOTH,
    .run = run_read_thread,
    FLAG_EFFECTS },
  { .name = "flag",
    .help = "change flags and tags: +read -star todo",
    .arguments = "[+|-]FLAG...",
    .default_keys = "w",
    .contexts = BOTH,
    .repeats_on_tagged = TRUE,
    .run = run_set_flag,
    FLAG_EFFECTS },
  { .name = "unflag",
    .help = "clear flags and tags",
    .arguments = "FLAG...",
    .default_keys = "W",
    .contexts = BOTH,
    .repeats_on_tagged = TRUE,
    .run = run_clear_flag,
    FLAG_EFFECTS },
  { NULL },
};
