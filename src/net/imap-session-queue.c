/* The commands that are queued rather than waited for: each is one line of text, built from checked arguments. */
#include "imap-build.h"
#include "imap-engine.h"
#include <fulmar/base/error.h>

#define HEADER_FIELDS                                                                                                            \
  "BODY.PEEK[HEADER.FIELDS (DATE FROM SENDER REPLY-TO TO CC BCC SUBJECT MESSAGE-ID IN-REPLY-TO REFERENCES CONTENT-TYPE LIST-ID " \
  "LIST-POST)]"

static const char *
status_items (const FmImapSession *session)
{
  return session->state->caps & FM_IMAP_CAP_CONDSTORE ? "(MESSAGES UNSEEN UIDNEXT UIDVALIDITY HIGHESTMODSEQ)"
                                                      : "(MESSAGES UNSEEN UIDNEXT UIDVALIDITY)";
}

void
fm_imap_session_queue_status (FmImapSession *session, const char *mailbox, FmImapDone done, gpointer data)
{
  GError *error = NULL;
  g_autofree char *name = fm_imap_state_quote_mailbox (session->state, mailbox, &error);

  if (name == NULL)
    fm_imap_engine_reject (done, data, error);
  else
    fm_imap_engine_queue (session, g_strdup_printf ("STATUS %s %s", name, status_items (session)), done, data);
}

void
fm_imap_session_queue_rights (FmImapSession *session, const char *mailbox, FmImapDone done, gpointer data)
{
  GError *error = NULL;
  g_autofree char *name = fm_imap_state_quote_mailbox (session->state, mailbox, &error);

  if (name == NULL)
    fm_imap_engine_reject (done, data, error);
  else
    fm_imap_engine_queue (session, g_strdup_printf ("MYRIGHTS %s", name), done, data);
}

typedef struct {
  FmImapSession *session;
  const FmImapCommand *command; /* the LIST; alive until it is done */
  gboolean by_server;           /* LIST-STATUS: what it lists it tells the counts of, unless a plainer LIST had to be sent instead */
  FmImapDone done;
  gpointer data;
} Listing;

static void
drop_refusal (gpointer data, const GError *error)
{
  /* A mailbox that was listed and won't tell its counts (deleted meanwhile, no rights) is no failure of the list; a lost connection is, and is
   * reported by the session itself. */
  fm_imap_engine_group_done (data, error != NULL && error->code == FM_ERROR_OFFLINE ? error : NULL);
}

static void
list_done (gpointer data, const GError *error)
{
  Listing *listing = data;
  FmImapSession *session = listing->session;
  g_autoptr (GPtrArray) names = g_steal_pointer (&session->state->listed);

  gboolean has_counts = listing->by_server && listing->command->retry_text != NULL;

  if (error != NULL || has_counts || names == NULL || names->len == 0)
    {
      if (listing->done != NULL)
        listing->done (listing->data, error);
    }
  else
    {
      FmImapGroup *group = fm_imap_engine_group_new (names->len, listing->done, listing->data);
      for (guint i = 0; i < names->len; i++)
        fm_imap_session_queue_status (session, g_ptr_array_index (names, i), drop_refusal, group);
    }
  g_free (listing);
}

/* The LIST that tells most of what the server offers to tell. Transfer: full. */
static char *
list_text (const FmImapSession *session, const char *quoted_name, gboolean with_status)
{
  guint caps = session->state->caps;
  g_autoptr (GString) text = g_string_new (NULL);

  g_string_printf (text, "LIST \"\" %s", quoted_name);
  if (caps & (FM_IMAP_CAP_LIST_EXTENDED | FM_IMAP_CAP_LIST_STATUS))
    {
      g_string_append (text, " RETURN (SUBSCRIBED");
      if (caps & FM_IMAP_CAP_SPECIAL_USE)
        g_string_append (text, " SPECIAL-USE");
      if (with_status)
        g_string_append_printf (text, " STATUS %s", status_items (session));
      g_string_append_c (text, ')');
    }
  return g_string_free (g_steal_pointer (&text), FALSE);
}

void
fm_imap_session_queue_list (FmImapSession *session, const char *pattern, gboolean with_status, FmImapDone done, gpointer data)
{
  FmImapState *state = session->state;
  gboolean by_server = with_status && (state->caps & FM_IMAP_CAP_LIST_STATUS);
  GError *error = NULL;
  g_autofree char *name = fm_imap_state_quote_mailbox (state, pattern, &error);

  if (name == NULL)
    {
      fm_imap_engine_reject (done, data, error);
      return;
    }
  FmImapCommand *command = fm_imap_engine_queue (session, list_text (session, name, by_server), done, data);
  if (!g_str_has_suffix (command->text, name)) /* some servers offer options that they then refuse */
    command->retry_text = g_strdup_printf ("LIST \"\" %s", name);
  else if (g_hash_table_contains (state->cap_names, "XLIST") && !(state->caps & FM_IMAP_CAP_SPECIAL_USE))
    {
      command->retry_text = command->text;
      command->text = g_strdup_printf ("XLIST \"\" %s", name);
    }
  if (with_status)
    {
      Listing *listing = g_new0 (Listing, 1);
      *listing = (Listing){ session, command, by_server, done, data };
      if (state->listed == NULL)
        state->listed = g_ptr_array_new_with_free_func (g_free);
      command->done = list_done;
      command->data = listing;
    }
}

void
fm_imap_session_queue_select (FmImapSession *session, const char *mailbox, const FmImapSelectOptions *options, FmImapDone done,
                              gpointer data)
{
  static const FmImapSelectOptions none;
  GError *error = NULL;
  guint caps = session->state->caps;
  g_autofree char *name = fm_imap_state_quote_mailbox (session->state, mailbox, &error);

  if (name == NULL)
    {
      fm_imap_engine_reject (done, data, error);
      return;
    }
  if (options == NULL)
    options = &none;
  const char *verb = options->read_only ? "EXAMINE" : "SELECT";
  g_autofree char *plain = g_strdup_printf ("%s %s%s", verb, name, caps & FM_IMAP_CAP_CONDSTORE ? " (CONDSTORE)" : "");
  gboolean by_qresync
      = (caps & FM_IMAP_CAP_QRESYNC) && options->known_uidvalidity != 0 && options->known_modseq != 0 && options->known_uid_last != 0;
  FmImapCommand *command;
  if (by_qresync)
    {
      command = fm_imap_engine_queue (session,
                                      g_strdup_printf ("%s %s (QRESYNC (%u %" G_GUINT64_FORMAT " 1:%u))", verb, name,
                                                       options->known_uidvalidity, options->known_modseq, options->known_uid_last),
                                      done, data);
      command->retry_text = g_steal_pointer (&plain);
    }
  else
    {
      command = fm_imap_engine_queue (session, g_steal_pointer (&plain), done, data);
      if (caps & FM_IMAP_CAP_CONDSTORE)
        command->retry_text = g_strdup_printf ("%s %s", verb, name);
    }
  command->select_name = g_strdup (mailbox);
  command->select_read_only = options->read_only;
}

void
fm_imap_session_queue_search (FmImapSession *session, const char *criteria, FmImapDone done, gpointer data)
{
  for (const char *p = criteria; *p != '\0'; p++)
    if (*p < ' ' || *p == 0x7f || *p == '{')
      {
        fm_imap_engine_reject (done, data, g_error_new (FM_ERROR, FM_ERROR_INVALID, "this search can't be sent to a server"));
        return;
      }
  fm_imap_engine_queue (session,
                        g_strdup_printf ("UID SEARCH %s%s", session->state->caps & FM_IMAP_CAP_ESEARCH ? "RETURN (ALL) " : "", criteria),
                        done, data);
}

void
fm_imap_session_queue_noop (FmImapSession *session, FmImapDone done, gpointer data)
{
  fm_imap_engine_queue (session, g_strdup ("NOOP"), done, data);
}

static char *
header_items (const FmImapSession *session, gboolean with_size)
{
  return g_strdup_printf ("(UID FLAGS INTERNALDATE%s%s%s " HEADER_FIELDS ")", with_size ? " RFC822.SIZE" : "",
                          session->state->caps & FM_IMAP_CAP_CONDSTORE ? " MODSEQ" : "",
                          session->state->caps & FM_IMAP_CAP_GMAIL ? " X-GM-MSGID X-GM-THRID X-GM-LABELS" : "");
}

void
fm_imap_session_queue_fetch_headers (FmImapSession *session, const FmImapRange *uids, gsize n_ranges, FmImapDone done, gpointer data)
{
  g_autofree char *items = header_items (session, TRUE);
  fm_imap_engine_queue_fetch (session, uids, n_ranges, items, done, data);
}

void
fm_imap_session_queue_fetch_headers_by_seq (FmImapSession *session, const FmImapRange *seqs, gboolean with_size, FmImapDone done,
                                            gpointer data)
{
  g_autofree char *items = header_items (session, with_size);

  if (seqs->first == 0 || seqs->last < seqs->first)
    fm_imap_engine_reject (done, data, g_error_new (FM_ERROR, FM_ERROR_INVALID, "an impossible set of messages"));
  else
    fm_imap_engine_queue (session, g_strdup_printf ("FETCH %u:%u %s", seqs->first, seqs->last, items), done, data);
}

void
fm_imap_session_queue_fetch_sizes (FmImapSession *session, const FmImapRange *uids, gsize n_ranges, FmImapDone done, gpointer data)
{
  fm_imap_engine_queue_fetch (session, uids, n_ranges, "(UID RFC822.SIZE)", done, data);
}

void
fm_imap_session_queue_fetch_ids (FmImapSession *session, const FmImapRange *uids, gsize n_ranges, FmImapDone done, gpointer data)
{
  gboolean has_modseq = (session->state->caps & FM_IMAP_CAP_CONDSTORE) != 0;

  fm_imap_engine_queue_fetch (session, uids, n_ranges, has_modseq ? "(UID FLAGS MODSEQ X-GM-MSGID)" : "(UID FLAGS X-GM-MSGID)", done, data);
}

void
fm_imap_session_queue_fetch_flags (FmImapSession *session, const FmImapRange *uids, gsize n_ranges, guint64 changed_since, FmImapDone done,
                                   gpointer data)
{
  gboolean has_modseq = (session->state->caps & FM_IMAP_CAP_CONDSTORE) != 0;
  gboolean has_vanished = (session->state->enabled & FM_IMAP_CAP_QRESYNC) != 0;
  g_autoptr (GString) items = g_string_new (has_modseq ? "(UID FLAGS MODSEQ)" : "(UID FLAGS)");

  if (changed_since != 0 && has_modseq && (session->state->caps & FM_IMAP_CAP_GMAIL))
    g_string_insert (items, items->len - 1, " X-GM-LABELS");
  if (changed_since != 0 && has_modseq)
    g_string_append_printf (items, " (CHANGEDSINCE %" G_GUINT64_FORMAT "%s)", changed_since, has_vanished ? " VANISHED" : "");
  fm_imap_engine_queue_fetch (session, uids, n_ranges, items->str, done, data);
}
