/* Commands that change something. Each is one line, checked before it leaves; what the server tells in response codes (COPYUID, APPENDUID,
 * MODIFIED) is read from the session's state right after the answer. */
#include <fulmar/net/imap-change.h>
#include "imap-build.h"
#include "imap-engine.h"
#include "mutf7.h"
#include <fulmar/base/error.h>
#include <string.h>

#define MAX_LITERAL_MINUS 4096

static gboolean
refuse_set (GError **error)
{
  g_set_error (error, FM_ERROR, FM_ERROR_INVALID, "an impossible set of messages");
  return FALSE;
}

static void
report_modified (FmImapSession *session, FmImapModified modified, gpointer data)
{
  const GArray *set = session->state->modified;

  if (set != NULL && modified != NULL)
    modified (data, (const FmImapRange *) (gpointer) set->data, set->len);
}

static char *
store_labels (const char *const *labels)
{
  g_autoptr (GString) list = g_string_new ("(");

  for (; *labels != NULL; labels++)
    {
      if (!g_utf8_validate (*labels, -1, NULL) || strpbrk (*labels, "\r\n") != NULL)
        return NULL;
      g_autofree char *wire = fm_mutf7_encode (*labels);
      if (list->len > 1)
        g_string_append_c (list, ' ');
      if (*wire == '\\' && fm_imap_build_is_atom (wire + 1)) /* a system label is a flag, not a string */
        g_string_append (list, wire);
      else
        {
          g_string_append_c (list, '"');
          for (const char *p = wire; *p != '\0'; p++)
            g_string_append_printf (list, *p == '"' || *p == '\\' ? "\\%c" : "%c", *p);
          g_string_append_c (list, '"');
        }
    }
  return g_string_free (g_string_append_c (g_steal_pointer (&list), ')'), FALSE);
}

gboolean
fm_imap_change_store (FmImapSession *session, const FmImapRange *uids, gsize n_ranges, const FmImapStore *store, FmImapModified modified,
                      gpointer data, GError **error)
{
  gboolean is_gmail = store->gm_labels != NULL;
  g_autofree char *list = is_gmail ? store_labels (store->gm_labels) : fm_imap_build_flags (store->flags, store->keywords);
  g_autofree char *condition = NULL;

  if (list == NULL || strcmp (list, "()") == 0)
    {
      g_set_error (error, FM_ERROR, FM_ERROR_INVALID,
                   "no flags to change, or a tag that IMAP can't store (blanks, brackets, quotes or non-ASCII)");
      return FALSE;
    }
  if (store->unchanged_since != 0 && (session->state->caps & FM_IMAP_CAP_CONDSTORE))
    condition = g_strdup_printf ("(UNCHANGEDSINCE %" G_GUINT64_FORMAT ") ", store->unchanged_since);
  for (gsize index = 0; index < n_ranges;)
    {
      g_autofree char *set = fm_imap_build_set (uids, n_ranges, &index);
      if (set == NULL)
        return refuse_set (error);
      fm_imap_state_reset_codes (session->state);
      if (!fm_imap_engine_command (session,
                                   g_strdup_printf ("UID STORE %s %s%s%s.SILENT %s", set, condition != NULL ? condition : "",
                                                    store->sign == FM_IMAP_CHANGE_ADD ? "+" : "-", is_gmail ? "X-GM-LABELS" : "FLAGS",
                                                    list),
                                   error))
        {
          report_modified (session, modified, data); /* some servers say NO [MODIFIED] */
          return FALSE;
        }
      report_modified (session, modified, data);
    }
  return TRUE;
}

void
fm_imap_change_copied_clear (FmImapCopied *copied)
{
  g_clear_pointer (&copied->from, g_free);
  g_clear_pointer (&copied->to, g_free);
  copied->n = 0;
}

static void
expand (const GArray *set, GArray *uids, guint64 max)
{
  for (guint i = 0; i < set->len; i++)
    {
      FmImapRange range = g_array_index (set, FmImapRange, i);
      for (guint64 uid = range.first; uid <= range.last && uids->len < max; uid++)
        g_array_append_val (uids, ((guint32){ uid }));
    }
}

/* CODE's UIDs appended to FROM and TO if both sides have as many, and no more than MAX. 0: they do not. */
static guint32
read_copyuid (const FmImapUidCode *code, GArray *from, GArray *to, guint64 max)
{
  guint had = from->len;
  expand (code->from, from, had + max + 1);
  expand (code->to, to, had + max + 1);
  if (from->len != to->len || from->len - had > max)
    {
      g_array_set_size (from, had);
      g_array_set_size (to, had);
      return 0;
    }
  return code->uidvalidity;
}

static gboolean
copy_or_move (FmImapSession *session, const char *verb, const FmImapRange *uids, gsize n_ranges, const char *target,
              FmImapCopied *ret_copied, GError **error)
{
  g_autofree char *name = fm_imap_state_quote_mailbox (session->state, target, error);
  g_autoptr (GArray) from = g_array_new (FALSE, FALSE, sizeof (guint32));
  g_autoptr (GArray) to = g_array_new (FALSE, FALSE, sizeof (guint32));
  guint32 validity = 0;
  guint64 asked = 0;

  if (name == NULL)
    return FALSE;
  for (gsize i = 0; i < n_ranges; i++)
    asked += (guint64) uids[i].last - uids[i].first + 1;
  for (gsize index = 0; index < n_ranges;)
    {
      g_autofree char *set = fm_imap_build_set (uids, n_ranges, &index);
      if (set == NULL)
        return refuse_set (error);
      fm_imap_state_reset_codes (session->state);
      if (!fm_imap_engine_command (session, g_strdup_printf ("UID %s %s %s", verb, set, name), error))
        return FALSE;
      if (session->state->copyuid.to != NULL)
        validity = read_copyuid (&session->state->copyuid, from, to, MIN (asked, 1000000));
    }
  if (ret_copied != NULL)
    {
      *ret_copied = (FmImapCopied){ .uidvalidity = validity, .n = from->len };
      ret_copied->from = (guint32 *) (gpointer) g_array_free (g_steal_pointer (&from), FALSE);
      ret_copied->to = (guint32 *) (gpointer) g_array_free (g_steal_pointer (&to), FALSE);
    }
  return TRUE;
}

gboolean
fm_imap_change_copy (FmImapSession *session, const FmImapRange *uids, gsize n_ranges, const char *target, FmImapCopied *ret_copied,
                     GError **error)
{
  return copy_or_move (session, "COPY", uids, n_ranges, target, ret_copied, error);
}

gboolean
fm_imap_change_move (FmImapSession *session, const FmImapRange *uids, gsize n_ranges, const char *target, FmImapCopied *ret_copied,
                     GError **error)
{
  if (!(session->state->caps & FM_IMAP_CAP_MOVE))
    {
      g_set_error (error, FM_ERROR, FM_ERROR_INVALID, "%s has no MOVE", session->server->host);
      return FALSE;
    }
  return copy_or_move (session, "MOVE", uids, n_ranges, target, ret_copied, error);
}

gboolean
fm_imap_change_expunge (FmImapSession *session, const FmImapRange *uids, gsize n_ranges, GError **error)
{
  if (!(session->state->caps & FM_IMAP_CAP_UIDPLUS))
    {
      g_set_error (error, FM_ERROR, FM_ERROR_INVALID, "%s has no UIDPLUS: it can't remove single messages without removing others too",
                   session->server->host);
      return FALSE;
    }
  for (gsize index = 0; index < n_ranges;)
    {
      g_autofree char *set = fm_imap_build_set (uids, n_ranges, &index);
      if (set == NULL)
        return refuse_set (error);
      if (!fm_imap_engine_command (session, g_strdup_printf ("UID EXPUNGE %s", set), error))
        return FALSE;
    }
  return TRUE;
}

static void
read_appenduid (const FmImapUidCode *code, guint32 *ret_uid, guint32 *ret_uidvalidity)
{
  if (ret_uid != NULL)
    *ret_uid = g_array_index (code->to, FmImapRange, 0).first;
  if (ret_uidvalidity != NULL)
    *ret_uidvalidity = code->uidvalidity;
}

static char *
format_internal_date (gint64 utc)
{
  static const char months[][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
  g_autoptr (GDateTime) date = utc != 0 ? g_date_time_new_from_unix_utc (utc) : NULL;

  if (date == NULL || g_date_time_get_year (date) > 9999)
    return g_strdup ("");
  return g_strdup_printf ("\"%2d-%s-%04d %02d:%02d:%02d +0000\" ", g_date_time_get_day_of_month (date),
                          months[g_date_time_get_month (date) - 1], g_date_time_get_year (date), g_date_time_get_hour (date),
                          g_date_time_get_minute (date), g_date_time_get_second (date));
}

gboolean
fm_imap_change_append (FmImapSession *session, const FmImapAppend *append, guint32 *ret_uid, guint32 *ret_uidvalidity, GError **error)
{
  gsize size;
  const char *bytes = g_bytes_get_data (append->message, &size);
  g_autofree char *name = fm_imap_state_quote_mailbox (session->state, append->mailbox, error);
  g_autofree char *flags = fm_imap_build_flags (append->flags, append->keywords);
  g_autofree char *date = format_internal_date (append->date_utc);
  guint caps = session->state->caps;
  GError *own = NULL;

  if (name == NULL)
    return FALSE;
  if (flags == NULL || size == 0 || memchr (bytes, '\0', size) != NULL)
    {
      g_set_error (error, FM_ERROR, FM_ERROR_INVALID,
                   "this message can't be stored on a server: it is empty, holds NUL bytes, or has an impossible tag");
      return FALSE;
    }
  gboolean is_sync = !((caps & FM_IMAP_CAP_LITERAL_PLUS) || ((caps & FM_IMAP_CAP_LITERAL_MINUS) && size <= MAX_LITERAL_MINUS));
  if (!fm_imap_engine_run (session, error))
    return FALSE;
  fm_imap_state_reset_codes (session->state);
  FmImapCommand *command = fm_imap_engine_queue (
      session, g_strdup_printf ("APPEND %s %s %s{%" G_GSIZE_FORMAT "%s}", name, flags, date, size, is_sync ? "" : "+"),
      fm_imap_engine_keep_error, &own);
  command->literal = g_bytes_ref (append->message);
  command->is_sync_literal = is_sync;
  fm_imap_engine_run (session, NULL);
  if (own != NULL)
    {
      g_propagate_error (error, own);
      return FALSE;
    }
  if (ret_uid != NULL)
    *ret_uid = 0;
  if (ret_uidvalidity != NULL)
    *ret_uidvalidity = 0;
  if (session->state->appenduid.to != NULL)
    read_appenduid (&session->state->appenduid, ret_uid, ret_uidvalidity);
  return TRUE;
}

static gboolean
mailbox_command (FmImapSession *session, const char *verb, const char *mailbox, GError **error)
{
  g_autofree char *name = fm_imap_state_quote_mailbox (session->state, mailbox, error);
  return name != NULL && fm_imap_engine_command (session, g_strdup_printf ("%s %s", verb, name), error);
}

gboolean
fm_imap_change_create (FmImapSession *session, const char *mailbox, GError **error)
{
  return mailbox_command (session, "CREATE", mailbox, error);
}

gboolean
fm_imap_change_rename (FmImapSession *session, const char *from, const char *to, GError **error)
{
  g_autofree char *old_name = fm_imap_state_quote_mailbox (session->state, from, error);
  g_autofree char *new_name = old_name != NULL ? fm_imap_state_quote_mailbox (session->state, to, error) : NULL;
  return new_name != NULL && fm_imap_engine_command (session, g_strdup_printf ("RENAME %s %s", old_name, new_name), error);
}

gboolean
fm_imap_change_delete (FmImapSession *session, const char *mailbox, GError **error)
{
  return mailbox_command (session, "DELETE", mailbox, error);
}

gboolean
fm_imap_change_subscribe (FmImapSession *session, const char *mailbox, gboolean subscribed, GError **error)
{
  return mailbox_command (session, subscribed ? "SUBSCRIBE" : "UNSUBSCRIBE", mailbox, error);
}
