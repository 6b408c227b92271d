/* Outgoing mail. A change of state names the state it comes from, so that two processes, or a user who takes a mail back at the last
 * moment, can't both win. */
#include "store/sql.h"
#include <fulmar/base/clock.h>
#include <fulmar/base/error.h>
#include <fulmar/store/outbox-store.h>

#define KEPT_S (30 * 86400)
#define OUT_SELECT                                                                                                                         \
  "SELECT id, account_id, blob_id, sender, state, hold_until, created, tries, error, msgid, replied_id, forwarded_id, draft_id, group_id " \
  "FROM outbox "

static void
recipient_free (gpointer item)
{
  FmOutboxRecipient *recipient = item;
  g_free (recipient->address);
  g_free (recipient->error);
  g_free (recipient);
}

void
fm_outbox_store_free (FmOutgoing *outgoing)
{
  if (outgoing == NULL)
    return;
  g_free (outgoing->sender);
  g_free (outgoing->error);
  g_free (outgoing->message_id);
  g_clear_pointer (&outgoing->recipients, g_ptr_array_unref);
  g_free (outgoing);
}

static gboolean
read_recipients (FmStoreReader *reader, FmOutgoing *out, GError **error)
{
  g_auto (FmSql) q = { 0 };

  out->recipients = g_ptr_array_new_with_free_func (recipient_free);
  if (!fm_sql_query (&q, reader, error, "SELECT address, state, error FROM outbox_rcpt WHERE outbox_id=? ORDER BY n", "i", out->id))
    return FALSE;
  while (fm_sql_step (&q))
    {
      FmOutboxRecipient *recipient = g_new0 (FmOutboxRecipient, 1);
      recipient->address = g_strdup (fm_sql_text (&q, 0));
      recipient->state = (FmRecipientState) fm_sql_int (&q, 1);
      recipient->error = g_strdup (fm_sql_text (&q, 2));
      g_ptr_array_add (out->recipients, recipient);
    }
  return fm_sql_end (&q, error);
}

static FmOutgoing *
read_outgoing (FmStoreReader *reader, const FmSql *q, GError **error)
{
  g_autoptr (FmOutgoing) out = g_new0 (FmOutgoing, 1);

  out->id = fm_sql_int (q, 0);
  out->account_id = fm_sql_int (q, 1);
  out->blob_id = fm_sql_int (q, 2);
  out->sender = g_strdup (fm_sql_text (q, 3));
  out->state = (FmOutboxState) fm_sql_int (q, 4);
  out->hold_until_utc = fm_sql_int (q, 5);
  out->created_utc = fm_sql_int (q, 6);
  out->tries = (guint) fm_sql_int (q, 7);
  out->error = g_strdup (fm_sql_text (q, 8));
  out->message_id = g_strdup (fm_sql_text (q, 9));
  out->replied_id = fm_sql_int (q, 10);
  out->forwarded_id = fm_sql_int (q, 11);
  out->draft_id = fm_sql_int (q, 12);
  out->group_id = fm_sql_int (q, 13);
  return read_recipients (reader, out, error) ? g_steal_pointer (&out) : NULL;
}

gint64
fm_outbox_store_put (FmStoreWriter *writer, const FmOutgoing *outgoing, GError **error)
{
  FmStoreReader *r = &writer->reader;

  if (outgoing->recipients == NULL || outgoing->recipients->len == 0)
    {
      g_set_error (error, FM_ERROR, FM_ERROR_INVALID, "the message has no recipient");
      return 0;
    }
  if (!fm_sql_exec (
          r, error,
          "INSERT INTO outbox(account_id, blob_id, sender, state, hold_until, created, msgid, replied_id, forwarded_id, draft_id, group_id)"
          " VALUES(?,?,?,?,?,?,?,?,?,?,?)",
          "iisdiisiiii", outgoing->account_id, outgoing->blob_id, outgoing->sender == NULL ? "" : outgoing->sender, (int) outgoing->state,
          outgoing->hold_until_utc, outgoing->created_utc != 0 ? outgoing->created_utc : fm_clock_now_utc (),
          outgoing->message_id == NULL ? "" : outgoing->message_id, outgoing->replied_id, outgoing->forwarded_id, outgoing->draft_id,
          outgoing->group_id))
    return 0;
  gint64 id = fm_sql_value (r, 0, "SELECT seq FROM sqlite_sequence WHERE name='outbox'", "");
  for (guint i = 0; i < outgoing->recipients->len; i++)
    {
      const FmOutboxRecipient *recipient = g_ptr_array_index (outgoing->recipients, i);
      if (!fm_sql_exec (r, error, "INSERT INTO outbox_rcpt(outbox_id, n, address) VALUES(?,?,?)", "ius", id, (guint32) i,
                        recipient->address))
        return 0;
    }
  return id;
}

FmOutgoing *
fm_outbox_store_get (FmStoreReader *reader, gint64 id, GError **error)
{
  g_auto (FmSql) q = { 0 };

  if (!fm_sql_query (&q, reader, error, OUT_SELECT "WHERE id=?", "i", id))
    return NULL;
  if (fm_sql_step (&q))
    return read_outgoing (reader, &q, error);
  if (fm_sql_end (&q, error))
    g_set_error (error, FM_ERROR, FM_ERROR_NOT_FOUND, "that outgoing mail is no longer in the queue");
  return NULL;
}

GPtrArray *
fm_outbox_store_list (FmStoreReader *reader, gint64 account_id, GError **error)
{
  g_auto (FmSql) q = { 0 };
  g_autoptr (GPtrArray) list = g_ptr_array_new_with_free_func ((GDestroyNotify) fm_outbox_store_free);

  if (!fm_sql_query (&q, reader, error, OUT_SELECT "WHERE state NOT IN (3,6) AND (?1=0 OR account_id=?1) ORDER BY id", "i", account_id))
    return NULL;
  while (fm_sql_step (&q))
    {
      FmOutgoing *out = read_outgoing (reader, &q, error);
      if (out == NULL)
        return NULL;
      g_ptr_array_add (list, out);
    }
  return fm_sql_end (&q, error) ? g_steal_pointer (&list) : NULL;
}

FmOutgoing *
fm_outbox_store_next (FmStoreReader *reader, gint64 account_id, gint64 now_utc, gint64 *ret_next_utc, GError **error)
{
  g_auto (FmSql) q = { 0 };

  if (!fm_sql_query (&q, reader, error, OUT_SELECT "WHERE state=0 AND (?1=0 OR account_id=?1) AND hold_until<=?2 ORDER BY id LIMIT 1", "ii",
                     account_id, now_utc))
    return NULL;
  if (fm_sql_step (&q))
    return read_outgoing (reader, &q, error);
  if (fm_sql_end (&q, error) && ret_next_utc != NULL)
    *ret_next_utc
        = fm_sql_value (reader, 0, "SELECT min(hold_until) FROM outbox WHERE state=0 AND (?1=0 OR account_id=?1)", "i", account_id);
  return NULL;
}

gboolean
fm_outbox_store_move (FmStoreWriter *writer, gint64 id, FmOutboxState from, FmOutboxState to, gint64 hold_until_utc, const char *error_text,
                      GError **error)
{
  FmStoreReader *r = &writer->reader;

  if (!fm_sql_exec (r, error,
                    "UPDATE outbox SET state=?1, tries = tries + (?1=1), hold_until = CASE ?1 WHEN 0 THEN ?2 ELSE hold_until END, "
                    "error=coalesce(?3, '')"
                    " WHERE id=?4 AND state=?5",
                    "disid", (int) to, hold_until_utc, error_text, id, (int) from))
    return FALSE;
  /* Triggers do not count in changes() */
  if (fm_sql_changes (r) == 1)
    return TRUE;
  g_set_error (error, FM_ERROR, FM_ERROR_INVALID, "the mail is no longer in that state: it was sent or taken back meanwhile");
  return FALSE;
}

gboolean
fm_outbox_store_recipient (FmStoreWriter *writer, gint64 id, const char *address, FmRecipientState state, const char *error_text,
                           GError **error)
{
  return fm_sql_exec (&writer->reader, error, "UPDATE outbox_rcpt SET state=?, error=coalesce(?, '') WHERE outbox_id=? AND address=?",
                      "dsis", (int) state, error_text, id, address);
}

gboolean
fm_outbox_store_renew (FmStoreWriter *writer, gint64 id, FmOutboxState from, GError **error)
{
  return fm_outbox_store_move (writer, id, from, FM_OUTBOX_HELD, 0, NULL, error)
         && fm_sql_exec (&writer->reader, error, "UPDATE outbox SET created=? WHERE id=?", "ii", fm_clock_now_utc (), id)
         && fm_sql_exec (&writer->reader, error, "UPDATE outbox_rcpt SET state=0, error='' WHERE outbox_id=? AND state=2", "i", id);
}

gboolean
fm_outbox_store_give_up (FmStoreWriter *writer, gint64 id, const char *error_text, GError **error)
{
  return fm_sql_exec (&writer->reader, error, "UPDATE outbox_rcpt SET state=2, error=? WHERE outbox_id=? AND state=0", "si", error_text,
                      id);
}

gboolean
fm_outbox_store_recover (FmStoreWriter *writer, guint *ret_n, GError **error)
{
  if (!fm_sql_exec (&writer->reader, error,
                    "UPDATE outbox SET state=5, error='the program ended while the mail was being sent' WHERE state=1", ""))
    return FALSE;
  if (ret_n != NULL)
    *ret_n = (guint) fm_sql_changes (&writer->reader);
  gint64 before = fm_clock_now_utc () - KEPT_S;
  return fm_sql_exec (&writer->reader, error,
                      "DELETE FROM outbox_rcpt WHERE outbox_id IN (SELECT id FROM outbox WHERE state IN (3,6) AND created<?)", "i", before)
         && fm_sql_exec (&writer->reader, error, "DELETE FROM outbox WHERE state IN (3,6) AND created<?", "i", before);
}

guint64
fm_outbox_store_pending (FmStoreReader *reader)
{
  return (guint64) fm_sql_value (reader, 0, "SELECT count(*) FROM outbox WHERE state NOT IN (3,6)", "");
}

guint64
fm_outbox_store_stuck (FmStoreReader *reader)
{
  return (guint64) fm_sql_value (reader, 0, "SELECT count(*) FROM outbox WHERE state IN (4,5)", "");
}
