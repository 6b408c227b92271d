/* What came of the journal's operations, written: each outcome in one job of the pen's safe lane. */
#include "sync/imap-ops-private.h"
#include <fulmar/base/error.h>
#include <string.h>

#define SLICE 1000

typedef struct {
  const FmOpBatch *batch;
  FmOpBatch *marking;            /* the same, to be marked */
  const guint32 *new_uids;       /* by item; NULL: none told */
  const FmImapVerdict *verdicts; /* by item */
  const char *error_text;
  int delay_s;
  guint32 note;
  gint64 group_id;
  guint first, n; /* items */
} Outcome;

static GArray *
op_ids (const Outcome *outcome)
{
  GArray *ids = g_array_new (FALSE, FALSE, sizeof (gint64));

  for (guint i = outcome->first; i < outcome->first + outcome->n; i++)
    g_array_append_val (ids, outcome->batch->items[i].op_id);
  return ids;
}

static gboolean
sent_run (FmStoreWriter *writer, gpointer data, GError **error)
{
  Outcome *outcome = data;

  if (outcome->note && !fm_journal_note (writer, outcome->batch->items[outcome->first].op_id, outcome->note, error))
    return FALSE;
  return fm_journal_mark_sent (writer, outcome->marking, outcome->first, outcome->n, error);
}

static gboolean
confirm_run (FmStoreWriter *writer, gpointer data, GError **error)
{
  Outcome *outcome = data;

  for (guint i = outcome->first; i < outcome->first + outcome->n; i++)
    if (!fm_journal_confirm (writer, outcome->batch->items[i].op_id, outcome->new_uids ? outcome->new_uids[i] : 0, error))
      return FALSE;
  return TRUE;
}

static gboolean
refuse_run (FmStoreWriter *writer, gpointer data, GError **error)
{
  Outcome *outcome = data;

  for (guint i = outcome->first; i < outcome->first + outcome->n; i++)
    if (!fm_journal_refuse (writer, outcome->batch->items[i].op_id, outcome->error_text, &outcome->group_id, error))
      return FALSE;
  return TRUE;
}

static gboolean
retry_run (FmStoreWriter *writer, gpointer data, GError **error)
{
  Outcome *outcome = data;
  g_autoptr (GArray) ids = op_ids (outcome);

  return fm_journal_retry (writer, (const gint64 *) (void *) ids->data, ids->len, outcome->delay_s, outcome->error_text, error);
}

static gboolean
write_outcome (FmImapConn *conn, FmPenRun run, Outcome *outcome, GError **error)
{
  gboolean good = fm_pen_call (conn->worker->env->pen, FM_PEN_SAFE, run, outcome, error);

  fm_sync_env_queue_changed (conn->worker->env);
  return good;
}

/* In slices, so that a user's change need not wait for the pen until thousands are written. */
static gboolean
write_sliced (FmImapConn *conn, FmPenRun run, const Outcome *whole, GError **error)
{
  for (guint first = whole->first; first < whole->first + whole->n; first += SLICE)
    {
      Outcome slice = *whole;
      slice.first = first;
      slice.n = MIN (SLICE, whole->first + whole->n - first);
      if (!write_outcome (conn, run, &slice, error))
        return FALSE;
    }
  return TRUE;
}

static Outcome
all_of (const FmOpBatch *batch)
{
  return (Outcome){ .batch = batch, .n = batch->n };
}

gboolean
fm_imap_outcome_sent (FmImapConn *conn, FmOpBatch *batch, guint32 note, GError **error)
{
  Outcome outcome = all_of (batch);

  outcome.note = note;
  outcome.marking = batch;
  if (!write_sliced (conn, sent_run, &outcome, error))
    return FALSE;
  fm_journal_batch_trim (batch);
  return TRUE;
}

gboolean
fm_imap_outcome_confirm_all (FmImapConn *conn, const FmOpBatch *batch, const guint32 *new_uids, GError **error)
{
  Outcome outcome = all_of (batch);

  outcome.new_uids = new_uids;
  return write_sliced (conn, confirm_run, &outcome, error);
}

gboolean
fm_imap_outcome_retry_all (FmImapConn *conn, const FmOpBatch *batch, GError **error)
{
  Outcome outcome = all_of (batch);

  return write_sliced (conn, retry_run, &outcome, error);
}

static gboolean
settle_one (FmStoreWriter *writer, const FmOpBatch *batch, guint item, FmImapVerdict verdict, GError **error)
{
  gint64 op_id = batch->items[item].op_id;

  switch (verdict.found)
    {
    case FM_IMAP_FOUND_NOTHING:
      return TRUE;
    case FM_IMAP_FOUND_DONE:
      return fm_journal_confirm (writer, op_id, verdict.new_uid, error);
    case FM_IMAP_FOUND_UNDONE:
      return fm_journal_retry (writer, &op_id, 1, 0, NULL, error);
    case FM_IMAP_FOUND_GONE:
      if (batch->kind == FM_OP_MOVE)
        return fm_journal_overtaken (writer, op_id, error);
      if (batch->kind == FM_OP_COPY)
        return fm_journal_refuse (writer, op_id, "the message is gone from the server", NULL, error);
      return fm_journal_confirm (writer, op_id, 0, error); /* nothing is left to be done */
    }
  return TRUE;
}

static gboolean
settled_run (FmStoreWriter *writer, gpointer data, GError **error)
{
  Outcome *outcome = data;

  for (guint i = outcome->first; i < outcome->first + outcome->n; i++)
    if (!settle_one (writer, outcome->batch, i, outcome->verdicts[i], error))
      return FALSE;
  return TRUE;
}

gboolean
fm_imap_outcome_settled (FmImapConn *conn, const FmOpBatch *batch, const FmImapVerdict *verdicts, GError **error)
{
  Outcome outcome = all_of (batch);

  outcome.verdicts = verdicts;
  return write_sliced (conn, settled_run, &outcome, error);
}

void
fm_imap_outcome_tell (FmImapConn *conn, const FmOpBatch *batch)
{
  if (batch->folder_id)
    fm_imap_tell_folder (conn->worker, batch->folder_id, 0);
  if (batch->target_id)
    fm_imap_tell_folder (conn->worker, batch->target_id, 0);
}

/* "move mail from INBOX to Lists". Transfer: full. */
static char *
deed_of (const FmOpBatch *batch)
{
  const char *folder = batch->folder ? batch->folder : "", *target = batch->target ? batch->target : "";

  switch (batch->kind)
    {
    case FM_OP_FLAGS:
      return g_strdup_printf ("change flags in %s", folder);
    case FM_OP_MOVE:
      return g_strdup_printf ("move mail from %s to %s", folder, target);
    case FM_OP_COPY:
      return g_strdup_printf ("copy mail from %s to %s", folder, target);
    case FM_OP_EXPUNGE:
      return g_strdup_printf ("delete mail in %s", folder);
    case FM_OP_APPEND:
      return g_strdup_printf ("file mail in %s", folder);
    case FM_OP_FOLDER_CREATE:
      return g_strdup_printf ("create %s", folder);
    case FM_OP_FOLDER_RENAME:
      return g_strdup_printf ("rename %s to %s", folder, target);
    case FM_OP_FOLDER_DELETE:
      return g_strdup_printf ("delete %s", folder);
    case FM_OP_FOLDER_SUBSCRIBE:
      return g_strdup_printf ("%ssubscribe %s", batch->add ? "" : "un", folder);
    }
  return g_strdup ("");
}

/* What the user can do about it; NULL: nothing that we know of. */
static const char *
remedy_for (const FmOpBatch *batch, const GError *why)
{
  gboolean full = g_error_matches (why, FM_ERROR, FM_ERROR_LIMIT);

  if (full && (batch->kind == FM_OP_COPY || batch->kind == FM_OP_MOVE || batch->kind == FM_OP_APPEND))
    return "make room: delete large or old mail for good, in Trash too";
  switch (batch->kind)
    {
    case FM_OP_FOLDER_CREATE:
    case FM_OP_FOLDER_RENAME:
      return "try another name or place";
    case FM_OP_FOLDER_DELETE:
      return "what is below it may have to go first";
    case FM_OP_MOVE:
    case FM_OP_COPY:
    case FM_OP_APPEND:
      return "choose another folder, or ask its owner";
    case FM_OP_FLAGS:
    case FM_OP_EXPUNGE:
    case FM_OP_FOLDER_SUBSCRIBE:
      break;
    }
  return NULL;
}

/* Short, since it is to be read in one line: what, the server's own words, and what to do. Transfer: full. */
static char *
refusal_text (const FmOpBatch *batch, const GError *why)
{
  static const char prefix[] = "the server said: ";
  const char *remedy = remedy_for (batch, why), *words = why->message;
  g_autofree char *deed = deed_of (batch);

  if (g_str_has_prefix (words, prefix))
    words += strlen (prefix);
  return g_strdup_printf ("the server won't %s: %s%s%s", deed, words, remedy ? "; " : "", remedy ? remedy : "");
}

/* The server said no: the local state returns to the truth, and the user reads the server's own words. */
gboolean
fm_imap_outcome_refuse_all (FmImapConn *conn, const FmOpBatch *batch, const GError *why, GError **error)
{
  Outcome outcome = all_of (batch);
  FmEvent *event;

  outcome.error_text = why->message;
  if (!write_outcome (conn, refuse_run, &outcome, error))
    return FALSE;
  event = fm_event_new (FM_EVENT_OP_REFUSED, 0);
  event->account = g_strdup (conn->worker->spec->name);
  event->group_id = outcome.group_id;
  event->text = refusal_text (batch, why);
  event->error = g_error_copy (why);
  fm_sync_env_emit (conn->worker->env, event);
  fm_imap_outcome_tell (conn, batch);
  if (batch->kind >= FM_OP_FOLDER_CREATE)
    fm_imap_tell_tree (conn->worker);
  return TRUE;
}
