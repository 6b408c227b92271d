/* Beginning a message: new, reply, forward, from a mailto: link, going on with a draft. The message replied to is fetched if it is not here, and
 * parsed on a pool thread; the editor starts when its quote is ready. */
#include "app/body-wait.h"
#include "app/commands.h"
#include "app/composer-private.h"
#include "app/draft-files.h"
#include "app/reading-private.h"
#include <fulmar/base/paths.h>
#include <fulmar/mail/mailto.h>
#include <fulmar/mail/reply.h>
#include <fulmar/store/folder-store.h>
#include <fulmar/store/message-store.h>
#include <string.h>

typedef enum { KIND_SENDER = FM_REPLY_SENDER, KIND_ALL = FM_REPLY_ALL, KIND_LIST = FM_REPLY_LIST, KIND_FORWARD, KIND_RESUME } Kind;

/* One composer at a time is in front; a second begins only when the first is sent, postponed or discarded. */
static gboolean
is_free (FmApp *app)
{
  if (app->composer)
    {
      app->shell->act (app->shell_data, FM_SHELL_COMPOSER, 0);
      fm_app_complain (app, "finish this message first: y sends, P postpones, q asks");
      return FALSE;
    }
  return !app->read_only;
}

static FmAddressList *
own_addresses (const FmAccountSpec *spec)
{
  g_autoptr (GArray) pairs = g_array_new (FALSE, TRUE, sizeof (FmAddress));
  FmAddress own = { spec->address_name ? spec->address_name : "", spec->address ? spec->address : "" };

  g_array_append_val (pairs, own);
  for (guint i = 0; spec->alternates && spec->alternates[i]; i++)
    {
      FmAddress other = { own.name, spec->alternates[i] };
      g_array_append_val (pairs, other);
    }
  return fm_address_list_new ((const FmAddress *) (void *) pairs->data, pairs->len);
}

static char *
signature_text (FmApp *app)
{
  g_autofree char *path = fm_paths_expand (fm_config_get (app->config, "signature"));
  g_autofree char *text = NULL;

  if (!*path || !g_file_get_contents (path, &text, NULL, NULL) || !g_utf8_validate (text, -1, NULL))
    return NULL;
  return g_strconcat ("\n-- \n", text, NULL);
}

static void
add_signature (FmApp *app, FmDraft *draft)
{
  g_autofree char *signature = signature_text (app);
  g_autofree char *body = signature ? g_strconcat (fm_draft_body (draft), signature, NULL) : NULL;

  if (body)
    fm_draft_set_body (draft, body);
}

static FmComposer *
begin (FmApp *app, const FmAccountSpec *spec, FmDraft *draft)
{
  app->composer = fm_composer_new (app, spec, draft);
  return app->composer;
}

static void
begin_new (FmApp *app, FmDraft *draft)
{
  FmAccountSpec *spec = fm_app_account_named (app, fm_app_default_account (app));
  g_autoptr (FmAddressList) own = NULL;

  if (!spec || !spec->address)
    {
      fm_app_complain (app, "there is no account with an address to write from");
      fm_draft_free (draft);
      return;
    }
  own = own_addresses (spec);
  if (fm_address_list_length (fm_draft_list (draft, FM_DRAFT_FROM)) == 0)
    {
      g_autoptr (FmAddressList) from = fm_address_list_new (fm_address_list_get (own, 0), 1);
      fm_draft_set_list (draft, FM_DRAFT_FROM, from);
    }
  add_signature (app, draft);
  fm_composer_edit (begin (app, spec, draft), TRUE);
}

static void
compose_to (FmApp *app, const char *recipients, const char *subject)
{
  FmDraft *draft = fm_draft_new ();
  g_autoptr (FmAddressList) to = fm_address_list_parse (recipients, -1);

  fm_draft_set_list (draft, FM_DRAFT_TO, to);
  fm_draft_set_subject (draft, subject);
  begin_new (app, draft);
}

typedef struct {
  FmApp *app;
  char *to;
} Addressed;

static void
subject_answered (const char *answer, gpointer data)
{
  Addressed *addressed = data;

  if (answer && is_free (addressed->app))
    compose_to (addressed->app, addressed->to, answer);
  g_free (addressed->to);
  g_free (addressed);
}

static void
to_answered (const char *answer, gpointer data)
{
  FmApp *app = data;
  Addressed *addressed;

  if (!answer)
    return;
  addressed = g_new0 (Addressed, 1);
  addressed->app = app;
  addressed->to = g_strdup (answer);
  app->shell->prompt (app->shell_data, FM_PROMPT_TEXT, "Subject: ", "", subject_answered, addressed);
}

/* To and Subject first: so fingers know it, and an editor started at once would take an address for its own commands. */
static void
run_compose (const FmCommandCall *call)
{
  if (!is_free (call->app))
    return;
  if (*call->argument)
    compose_to (call->app, call->argument, "");
  else
    call->app->shell->prompt (call->app->shell_data, FM_PROMPT_ADDRESS, "To: ", "", to_answered, call->app);
}

void
fm_cmd_compose_mailto (FmApp *app, const char *url)
{
  g_autoptr (GError) error = NULL;
  FmDraft *draft = fm_mailto_parse (url, &error);

  if (!draft)
    fm_app_complain (app, "%s", error->message);
  else if (is_free (app))
    begin_new (app, draft);
  else
    fm_draft_free (draft);
}

/* --- answering --- */

typedef struct {
  FmApp *app;
  Kind kind;
  gint64 id;
  FmAccountSpec *spec;
  FmAddressList *own;
  char *attribution, *drafts_dir;
} Answer;

static void
answer_free (gpointer data)
{
  Answer *answer = data;

  fm_account_spec_unref (answer->spec);
  fm_address_list_unref (answer->own);
  g_free (answer->attribution);
  g_free (answer->drafts_dir);
  g_free (answer);
}

/* What the pool thread has made; freed by the UI thread. */
typedef struct {
  FmDraft *draft;
  char *files_dir;   /* or NULL */
  gint64 replied_id; /* what the draft answers, if that is here */
} Begun;

static void
begun_free (Begun *begun)
{
  fm_draft_free (begun->draft);
  g_free (begun->files_dir);
  g_free (begun);
}

static FmDraft *
resume_draft (FmMessage *message)
{
  const FmEnvelope *envelope = fm_message_envelope (message);
  g_autofree char *subject = fm_reply_original_subject (message), *text = fm_reply_readable_text (message);
  FmDraft *draft = fm_draft_new ();

  fm_draft_set_list (draft, FM_DRAFT_FROM, fm_envelope_from (envelope));
  fm_draft_set_list (draft, FM_DRAFT_REPLY_TO, fm_envelope_reply_to (envelope));
  fm_draft_set_list (draft, FM_DRAFT_TO, fm_envelope_to (envelope));
  fm_draft_set_list (draft, FM_DRAFT_CC, fm_envelope_cc (envelope));
  fm_draft_set_list (draft, FM_DRAFT_BCC, fm_envelope_bcc (envelope));
  fm_draft_set_subject (draft, subject);
  fm_draft_set_in_reply_to (draft, fm_envelope_in_reply_to (envelope));
  fm_draft_set_references (draft, fm_envelope_references (envelope, NULL));
  fm_draft_set_body (draft, text);
  return draft;
}

/* The row that a draft answers, in the draft's own account; 0: not here. */
static gint64
find_replied (FmStoreReader *reader, FmDraft *draft, const char *account)
{
  const char *id = fm_draft_in_reply_to (draft);
  g_autoptr (GArray) ids = *id ? fm_message_store_find_message_id (reader, id, NULL) : NULL;

  for (guint i = 0; ids && i < ids->len; i++)
    {
      g_autoptr (FmMessageInfo) info = fm_message_store_get (reader, g_array_index (ids, gint64, i), NULL);
      g_autoptr (FmFolderInfo) folder = info ? fm_folder_store_get (reader, info->folder_id, NULL) : NULL;
      if (folder && g_strcmp0 (folder->account, account) == 0)
        return info->id;
    }
  return 0;
}

static gpointer
answer_run (FmStoreReader *reader, FmCancel *cancel, gpointer data, GError **error)
{
  const Answer *answer = data;
  g_autoptr (FmMessage) message = fm_reading_open_stored (reader, answer->id, NULL, error);
  FmReplyOptions options = { .own = answer->own, .attribution = answer->attribution, .files_follow = TRUE };
  Begun *begun;

  if (!message)
    return NULL;
  begun = g_new0 (Begun, 1);
  if (answer->kind == KIND_RESUME)
    {
      begun->draft = resume_draft (message);
      begun->replied_id = find_replied (reader, begun->draft, answer->spec->name);
    }
  else
    begun->draft = answer->kind == KIND_FORWARD ? fm_reply_forward (message, &options)
                                                : fm_reply_new (message, (FmReplyKind) answer->kind, &options);
  if (answer->kind >= KIND_FORWARD && !fm_draft_files_take (message, answer->drafts_dir, begun->draft, &begun->files_dir, error))
    {
      begun_free (begun);
      return NULL;
    }
  return begun;
}

static void
many_answered (const char *answer, gpointer data)
{
  FmApp *app = data;

  if (!app->composer)
    return;
  if (answer && *answer == 'y')
    fm_composer_edit (app->composer, TRUE);
  else
    fm_composer_discard (app->composer);
}

static void
answer_done (gpointer result, const GError *error, gpointer data)
{
  const Answer *answer = data;
  FmApp *app = answer->app;
  Begun *begun = result;
  FmDraft *draft;
  guint people, most = fm_config_get_int (app->config, "reply_all_ask");

  if (!begun)
    {
      fm_app_complain (app, "%s", error->message);
      return;
    }
  if (!is_free (app))
    {
      fm_draft_files_remove (begun->files_dir);
      begun_free (begun);
      return;
    }
  draft = g_steal_pointer (&begun->draft);
  if (answer->kind != KIND_RESUME)
    add_signature (app, draft);
  people = fm_address_list_length (fm_draft_list (draft, FM_DRAFT_TO)) + fm_address_list_length (fm_draft_list (draft, FM_DRAFT_CC));
  fm_composer_set_origin (begin (app, answer->spec, draft), answer->kind <= KIND_LIST ? answer->id : begun->replied_id,
                          answer->kind == KIND_FORWARD ? answer->id : 0, answer->kind == KIND_RESUME ? answer->id : 0);
  fm_composer_set_files_dir (app->composer, g_steal_pointer (&begun->files_dir));
  begun_free (begun);
  if (answer->kind == KIND_ALL && most > 0 && people > most)
    {
      g_autofree char *question = g_strdup_printf ("reply to all %u people?", people);
      app->shell->ask (app->shell_data, question, "yn", many_answered, app);
    }
  else
    fm_composer_edit (app->composer, TRUE);
}

static void
answer_message (FmApp *app, gint64 id, Kind kind)
{
  static const char *const words[] = {
    [KIND_SENDER] = "reply", [KIND_ALL] = "reply-all", [KIND_LIST] = "reply-list", [KIND_FORWARD] = "forward", [KIND_RESUME] = "draft"
  };
  FmAccountSpec *spec = id ? fm_app_account_of_message (app, id) : NULL;
  Answer *data;

  if (!id)
    return;
  if (!spec)
    {
      fm_app_complain (app, "there is no account to write from");
      return;
    }
  data = g_new0 (Answer, 1);
  data->app = app;
  data->kind = kind;
  data->id = id;
  data->spec = fm_account_spec_ref (spec);
  data->own = own_addresses (spec);
  data->attribution = g_strdup (fm_config_get (app->config, "attribution"));
  data->drafts_dir = g_build_filename (app->data_dir, "drafts", NULL);
  fm_body_wait_run (
      app, &(FmBodyWaitJob){
               .what = words[kind], .ids = &id, .n = 1, .run = answer_run, .done = answer_done, .data = data, .free_data = answer_free });
}

static void
answer (const FmCommandCall *call, Kind kind)
{
  answer_message (call->app, is_free (call->app) ? fm_target_id (call) : 0, kind);
}

void
fm_cmd_compose_resume (FmApp *app, gint64 msg_id)
{
  if (is_free (app))
    answer_message (app, msg_id, KIND_RESUME);
}

static void
run_reply (const FmCommandCall *call)
{
  answer (call, KIND_SENDER);
}

static void
run_reply_all (const FmCommandCall *call)
{
  answer (call, KIND_ALL);
}

static void
run_reply_list (const FmCommandCall *call)
{
  answer (call, KIND_LIST);
}

static void
run_forward (const FmCommandCall *call)
{
  answer (call, KIND_FORWARD);
}

void
fm_cmd_compose_count_leftovers (FmApp *app)
{
  g_autoptr (GPtrArray) left = fm_composer_recover_list (app);
  guint before = app->unfinished;

  app->unfinished = 0;
  for (guint i = 0; i < left->len; i++)
    app->unfinished += !app->composer || strcmp (fm_composer_path (app->composer), g_ptr_array_index (left, i)) != 0;
  if (app->unfinished != before)
    fm_app_changed (app, FM_CHANGE_STATUS);
}

/* What a crash left comes first; then the draft under the cursor; then the Drafts folder. */
static void
run_recall (const FmCommandCall *call)
{
  FmApp *app = call->app;
  g_autoptr (GPtrArray) left = fm_composer_recover_list (app);
  gint64 drafts = fm_app_special_folder (app, fm_app_default_account (app), "drafts");

  if (!is_free (app))
    return;
  if (left->len > 0)
    {
      app->composer = fm_composer_recover (app, g_ptr_array_index (left, 0));
      fm_cmd_compose_count_leftovers (app);
      if (app->composer)
        app->shell->act (app->shell_data, FM_SHELL_COMPOSER, 0);
    }
  else if (drafts && fm_list_folder (app->list) == drafts)
    answer (call, KIND_RESUME);
  else if (drafts)
    fm_app_open_folder (app, drafts);
  else
    fm_app_complain (app, "there is no draft");
}

#define BOTH (FM_CONTEXT_LIST | FM_CONTEXT_PAGER)
#define SEND_EFFECTS                                                                                                                \
  .effect_imap = "sent by SMTP; a copy in Sent; the original marked answered", .effect_gmail = "sent; Gmail files its copy itself", \
  .effect_pop = "sent by SMTP; a copy in the local Sent", .effect_local = "sent; a copy in Sent"

const FmCommand fm_cmd_compose_commands[] = {
  { .name = "compose",
    .help = "write a new message",
    .hint = "compose",
    .arguments = "[ADDRESS]",
    .default_keys = "m",
    .contexts = BOTH | FM_CONTEXT_FOLDERS,
    .run = run_compose,
    SEND_EFFECTS },
  { .name = "reply",
    .help = "reply to the sender",
    .hint = "reply",
    .default_keys = "r",
    .contexts = BOTH,
    .run = run_reply,
    SEND_EFFECTS },
  { .name = "reply-all", .help = "reply to everyone", .default_keys = "g", .contexts = BOTH, .run = run_reply_all, SEND_EFFECTS },
  { .name = "reply-list", .help = "reply to the mailing list", .default_keys = "L", .contexts = BOTH, .run = run_reply_list, SEND_EFFECTS },
  { .name = "forward", .help = "forward the message", .default_keys = "f", .contexts = BOTH, .run = run_forward, SEND_EFFECTS },
  { .name = "recall",
    .help = "go on with an unfinished message or a draft",
    .default_keys = "R",
    .contexts = BOTH | FM_CONTEXT_FOLDERS,
    .run = run_recall },
  { NULL },
};
