/* fulmar move, copy, flag, tag, delete: one action for all messages named, on disk when the command ends. */
#include "cli/cli-private.h"
#include <fulmar/mail/flags.h>
#include <stdio.h>
#include <string.h>

static void
heard (const FmEvent *event, gpointer data)
{
  guint64 *request = data;

  if (event->kind == FM_EVENT_DONE && event->reply_to == *request && event->text)
    printf ("%s\n", event->text);
}

static int
act (FmCliSession *session, FmAction *action)
{
  guint64 request = fm_engine_act (fm_app_engine (fm_cli_session_app (session)), action);

  return fm_cli_session_wait (session, request, heard, &request) ? 0 : 1;
}

/* JSON's words and IMAP's; a word that is neither is a tag. */
static guint
flag_of (const char *word)
{
  for (guint bit = 1; bit <= FM_FLAG_SERVER_MASK; bit <<= 1)
    if (g_strcmp0 (fm_flags_json_name (bit), word) == 0)
      return bit;
  return fm_flags_from_imap_name (word);
}

static gboolean
tag_is_sane (const char *tag)
{
  if (!*tag || strlen (tag) > 100)
    return FALSE;
  for (const char *p = tag; *p; p++)
    if ((guchar) *p <= 0x20 || (guchar) *p >= 0x7f || strchr ("(){%*\"\\]", *p))
      return FALSE;
  return TRUE;
}

typedef struct {
  guint add, remove;
  GPtrArray *add_words, *remove_words;
} Change;

/* Leading words that are no message are flags. Returns the first message's index; 0: said. */
static int
parse_change (int argc, char **argv, Change *change)
{
  gboolean tags_only = strcmp (argv[0], "tag") == 0;
  int i;

  for (i = 1; i < argc && !g_str_has_prefix (argv[i], "id:") && !(argv[i][0] == 'm' && g_ascii_isdigit (argv[i][1])); i++)
    {
      gboolean on = argv[i][0] != '-';
      const char *word = argv[i] + (argv[i][0] == '+' || argv[i][0] == '-');
      guint flag = tags_only ? 0 : flag_of (word);
      if (strcmp (word, "read") == 0 && !tags_only)
        flag = FM_FLAG_SEEN;
      if (flag)
        *(on ? &change->add : &change->remove) |= flag;
      else if (strcmp (word, "unread") == 0)
        *(on ? &change->remove : &change->add) |= FM_FLAG_SEEN;
      else if (tag_is_sane (word))
        g_ptr_array_add (on ? change->add_words : change->remove_words, (gpointer) word);
      else
        {
          fm_cli_session_complain ("`%s` can't be a tag", word);
          return 0;
        }
    }
  g_ptr_array_add (change->add_words, NULL);
  g_ptr_array_add (change->remove_words, NULL);
  return i;
}

/* NULL where there are none: the action is then not about tags. */
static const char *const *
words (const GPtrArray *list)
{
  return list->len > 1 ? (const char *const *) list->pdata : NULL;
}

static FmAction *
make_action (FmCliSession *session, char **argv, const GArray *ids, const Change *change)
{
  const gint64 *rows = (const gint64 *) (const void *) ids->data;
  gint64 folder_id;

  if (strcmp (argv[0], "delete") == 0)
    return fm_action_new_simple (FM_ACTION_TRASH, rows, ids->len);
  if (change)
    return fm_action_new_flags (rows, ids->len, change->add, change->remove, words (change->add_words), words (change->remove_words));
  if (!(folder_id = fm_cli_session_folder (session, argv[1])))
    return NULL;
  return fm_action_new_transfer (strcmp (argv[0], "move") == 0 ? FM_ACTION_MOVE : FM_ACTION_COPY, rows, ids->len, folder_id);
}

static int
usage (const char *name)
{
  if (strcmp (name, "delete") == 0)
    fm_cli_session_complain ("usage: fulmar delete MESSAGE...");
  else if (strcmp (name, "flag") == 0 || strcmp (name, "tag") == 0)
    fm_cli_session_complain ("usage: fulmar %s [+|-]%s... MESSAGE...", name, strcmp (name, "flag") == 0 ? "FLAG" : "TAG");
  else
    fm_cli_session_complain ("usage: fulmar %s FOLDER MESSAGE...", name);
  return 2;
}

int
fm_cli_act_run (const FmCliGlobals *globals, int argc, char **argv)
{
  g_autoptr (GPtrArray) add = g_ptr_array_new (), removed = g_ptr_array_new ();
  g_autoptr (GArray) ids = g_array_new (FALSE, FALSE, sizeof (gint64));
  Change change = { 0, 0, add, removed };
  gboolean is_change = strcmp (argv[0], "flag") == 0 || strcmp (argv[0], "tag") == 0;
  int first = is_change ? parse_change (argc, argv, &change) : strcmp (argv[0], "delete") == 0 ? 1 : 2, status = 1;
  FmCliSession *session;
  FmAction *action;

  if (first == 0)
    return 2;
  if (first >= argc || (is_change && first == 1))
    return usage (argv[0]);
  if (!(session = fm_cli_session_open (globals, FM_CLI_ACT)))
    return 1;
  for (int i = first; i < argc; i++)
    if (!fm_cli_session_messages (session, argv[i], ids))
      {
        fm_cli_session_free (session);
        return 1;
      }
  if ((action = make_action (session, argv, ids, is_change ? &change : NULL)))
    status = act (session, action);
  fm_cli_session_free (session);
  return status;
}
