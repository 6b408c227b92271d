/* The rest of messages of which only the header is here. A stub keeps its row and gets its file; what was filed, marked or read of it stays. The ledger
 * row loses its mark in the transaction that attaches the file, so a crash before it leaves a stub that is still asked for. */
#include "sync/pop-pass-private.h"
#include "sync/pop-digest.h"
#include <fulmar/base/clock.h>
#include <fulmar/base/error.h>
#include <fulmar/base/log.h>
#include <fulmar/mail/envelope.h>
#include <fulmar/store/body-store.h>
#include <fulmar/store/message-store.h>
#include <string.h>

#define MAX_REST_BYTES G_MAXUINT32
#define PROGRESS_STEP_BYTES (256 * 1024)

/* One message on its way. */
typedef struct {
  FmPopMatch *match;
  FmPopItem *item;
  char *digest;
  guint64 size_bytes;
  gboolean is_gone;    /* deleted here meanwhile */
  gboolean is_another; /* the server has another message under that name now */
  GError *refused;
} Rest;

/* Counts what passes, for who waits. */
typedef struct {
  FmSink base;
  FmSink *next;
  FmPopMatch *match;
  guint64 done, told, total;
} CountSink;

static gboolean
count_write (FmSink *sink, const void *bytes, gsize size, GError **error)
{
  CountSink *self = (CountSink *) sink;
  FmPopContext *context = self->match->context;
  if (!fm_sink_write (self->next, bytes, size, error))
    return FALSE;
  self->done += size;
  if (context->asked_by == 0 || self->done < self->told + PROGRESS_STEP_BYTES || self->done >= self->total)
    return TRUE;
  self->told = self->done;
  FmEvent *event = fm_event_new (FM_EVENT_PROGRESS, context->asked_by);
  event->account = g_strdup (context->spec->name);
  event->text = g_strdup ("fetching the message");
  event->count = (gint64) self->done;
  event->total = (gint64) self->total;
  fm_sync_env_emit (context->env, event);
  return TRUE;
}

static gboolean
count_commit (FmSink *sink, GError **error)
{
  return fm_sink_commit (((CountSink *) sink)->next, error);
}

static void
count_abort (FmSink *sink)
{
  fm_sink_abort (((CountSink *) sink)->next);
}

static void
count_free (FmSink *sink)
{
  fm_sink_free (((CountSink *) sink)->next);
  g_free (sink);
}

static const FmSinkClass count_class = { .write = count_write, .commit = count_commit, .abort = count_abort, .free = count_free };

static FmSink *
begin_rest (gpointer data, guint32 number, GError **error)
{
  Rest *rest = data;
  CountSink *sink = g_new0 (CountSink, 1);
  sink->base.klass = &count_class;
  sink->next = fm_pop_digest_sink_new (fm_body_store_sink_new (rest->match->context->env->store, MAX_REST_BYTES, FALSE));
  sink->match = rest->match;
  sink->total = rest->item->told->size_bytes;
  return &sink->base;
}

/* A server may have given the name of a message that is gone to another one. Where RETR and TOP differ in the header, the Message-ID decides. */
static gboolean
is_same_message (const Rest *rest, FmSink *digest_sink)
{
  const FmPopSeen *seen = rest->item->known->seen;
  g_autoptr (GBytes) header = fm_pop_digest_sink_header (digest_sink);
  gsize size;
  const void *bytes = g_bytes_get_data (header, &size);
  g_autofree char *digest = fm_pop_digest_header (bytes, size);
  if (*seen->header_digest == '\0' || strcmp (seen->header_digest, digest) == 0)
    return TRUE;
  g_autoptr (FmMessageInfo) row = fm_message_store_get (rest->match->context->reader, seen->msg_id, NULL);
  g_autoptr (FmEnvelope) envelope = fm_envelope_parse (bytes, size);
  const char *id = fm_envelope_message_id (envelope);
  return row != NULL && *row->message_id != '\0' && g_strcmp0 (id, row->message_id) == 0;
}

static gboolean
write_rest (FmStoreWriter *writer, gpointer data, GError **error)
{
  Rest *rest = data;
  gint64 account_id = rest->match->context->account_id;
  const FmPopSeen *seen = rest->item->known->seen;
  FmStoreReader *reader = fm_db_writer_reader (writer);
  g_autoptr (FmPopSeen) now = fm_pop_store_find (reader, account_id, seen->uidl, NULL);
  g_autoptr (FmMessageInfo) row = now == NULL ? NULL : fm_message_store_get (reader, now->msg_id, NULL);
  rest->is_gone = row == NULL;
  if (rest->is_gone)
    return TRUE;
  g_free (now->digest);
  now->digest = g_strdup (rest->digest);
  now->stub = now->wanted = FALSE;
  return fm_body_store_attach (writer, now->msg_id, rest->digest, rest->size_bytes, error) != 0
         && fm_pop_store_put (writer, account_id, now, error);
}

static gboolean
end_rest (gpointer data, guint32 number, FmSink *taken, const GError *refused, GError **error)
{
  Rest *rest = data;
  g_autoptr (FmSink) sink = taken;
  if (sink == NULL)
    {
      rest->refused = g_error_copy (refused);
      return TRUE;
    }
  FmSink *digest_sink = ((CountSink *) sink)->next;
  rest->is_another = !is_same_message (rest, digest_sink);
  if (rest->is_another)
    return TRUE;
  if (!fm_sink_commit (sink, error))
    return FALSE;
  fm_pop_pass_step (FM_POP_STEP_WRITTEN);
  rest->digest = g_strdup (fm_body_store_sink_digest (fm_pop_digest_sink_next (digest_sink), &rest->size_bytes));
  return TRUE;
}

static void
tell_whole (FmPopContext *context, gint64 msg_id)
{
  g_autoptr (FmMessageInfo) row = fm_message_store_get (context->reader, msg_id, NULL);
  FmEvent *event = fm_event_new (FM_EVENT_MESSAGE_CHANGED, 0);
  event->account = g_strdup (context->spec->name);
  event->folder_id = row == NULL ? context->inbox_id : row->folder_id;
  event->msg_id = msg_id;
  fm_sync_env_emit (context->env, event);
  fm_sync_env_index (context->env, 0);
}

/* The file is there: the row gets it, and this session knows. */
static gboolean
keep_rest (Rest *rest, GError **error)
{
  FmPopContext *context = rest->match->context;
  FmPopSeen *seen = rest->item->known->seen;
  if (!fm_pen_call (context->env->pen, FM_PEN_SAFE, write_rest, rest, error))
    return FALSE;
  if (rest->is_gone)
    return TRUE;
  fm_pop_pass_step (FM_POP_STEP_COMMITTED);
  g_free (seen->digest);
  seen->digest = g_steal_pointer (&rest->digest);
  seen->stub = seen->wanted = FALSE;
  rest->match->outcome->completed++;
  tell_whole (context, seen->msg_id);
  return TRUE;
}

static gboolean
write_no_name (FmStoreWriter *writer, gpointer data, GError **error)
{
  Rest *rest = data;
  return fm_pop_store_rename (writer, rest->match->context->account_id, rest->item->known->seen->uidl, "", error);
}

/* The stub's own message has left the server; what is there under its name is new. */
static gboolean
part_with (Rest *rest, GError **error)
{
  if (!fm_pen_call (rest->match->context->env->pen, FM_PEN_SAFE, write_no_name, rest, error))
    return FALSE;
  g_free (rest->item->known->seen->uidl);
  rest->item->known->seen->uidl = g_strdup ("");
  rest->item->known = NULL;
  return TRUE;
}

static gboolean
fetch_rest (FmPopMatch *match, FmPopItem *item, GError **error)
{
  static const FmPopTaker taker = { begin_rest, end_rest };
  Rest rest = { .match = match, .item = item };
  gboolean ok = fm_pop_session_fetch (match->session, &item->told->number, 1, FALSE, &taker, &rest, error);
  if (ok && rest.refused != NULL)
    fm_log_debug ("%s: the rest of message %u is not given: %s", match->context->spec->name, item->told->number, rest.refused->message);
  else if (ok && rest.is_another)
    ok = part_with (&rest, error);
  else if (ok)
    ok = keep_rest (&rest, error);
  g_clear_error (&rest.refused);
  g_free (rest.digest);
  return ok;
}

gboolean
fm_pop_stub_run (FmPopMatch *match, FmPopStubs which, gint64 msg_id, GError **error)
{
  g_autoptr (GArray) ids = fm_pop_store_stubs (match->context->reader, match->context->account_id, error);
  if (ids == NULL)
    return FALSE;
  if (ids->len == 0)
    return TRUE;
  g_autoptr (GHashTable) open = g_hash_table_new (g_int64_hash, g_int64_equal);
  for (guint i = 0; i < ids->len; i++)
    g_hash_table_add (open, &g_array_index (ids, gint64, i));
  /* The newest first. */
  for (guint i = match->items->len; i-- > 0;)
    {
      FmPopItem *item = &g_array_index (match->items, FmPopItem, i);
      const FmPopSeen *seen = item->known == NULL ? NULL : item->known->seen;
      if (seen == NULL || !seen->stub || !g_hash_table_contains (open, &seen->id) || item->told->size_bytes >= MAX_REST_BYTES)
        continue;
      gboolean is_meant = which == FM_POP_STUBS_ONE      ? seen->msg_id == msg_id
                          : which == FM_POP_STUBS_WANTED ? seen->wanted
                                                         : !fm_pop_fetch_wants_stub (match, item->told);
      if (is_meant && !fetch_rest (match, item, error))
        return FALSE;
    }
  return TRUE;
}
