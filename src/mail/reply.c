/* Answers. Who gets one follows what the writer asked for (Reply-To, Mail-Followup-To), then custom: own addresses are left out unless nobody
 * else is left, and a list that claims Reply-To for itself does not turn a private answer into a public one. */
#include "fulmar/mail/reply.h"
#include "fulmar/mail/html.h"
#include "fulmar/mail/threads.h"
#include "mail/charset.h"
#include "mail/words.h"
#include <string.h>

enum { MAX_QUOTE_BYTES = 512 * 1024, MAX_REFERENCES = 50, MAX_SUBJECT_BYTES = 64 * 1024 };

char *
fm_reply_subject (const char *subject, gboolean forward)
{
  return g_strconcat (forward ? "Fwd: " : "Re: ", fm_threads_subject_unmarked (subject), NULL);
}

char *
fm_reply_original_subject (FmMessage *message)
{
  g_autofree char *raw = fm_message_header_raw (message, "Subject");
  g_autoptr (GString) unfolded = g_string_new (raw);

  g_string_replace (unfolded, "\r", "", 0);
  g_string_replace (unfolded, "\n", "", 0);
  g_autofree char *decoded = fm_words_decode (unfolded->str, MIN (unfolded->len, MAX_SUBJECT_BYTES), NULL);
  return fm_charset_line_to_send (decoded, -1);
}

/* The text up to its signature, trailing blank lines gone. */
static gsize
quotable_size (const char *text)
{
  const char *signature = g_str_has_prefix (text, "-- \n") ? text : NULL;

  for (const char *p = strstr (text, "\n-- \n"); p != NULL; p = strstr (p + 1, "\n-- \n"))
    signature = p + 1;
  gsize size = signature != NULL ? (gsize) (signature - text) : strlen (text);
  while (size > 0 && g_ascii_isspace (text[size - 1]))
    size--;
  return size;
}

char *
fm_reply_quote (const char *text)
{
  const char *end = text + quotable_size (text);
  GString *out = g_string_sized_new (end - text + 256);

  for (const char *at = text; at < end;)
    {
      const char *line_end = memchr (at, '\n', end - at);
      gsize size = (line_end != NULL ? line_end : end) - at;
      /* A blank after the mark only where there is something to set apart; RFC 3676 section 4.5 stacks marks without blanks. */
      g_string_append (out, size == 0 || *at == '>' ? ">" : "> ");
      g_string_append_len (out, at, size);
      g_string_append_c (out, '\n');
      at += size + 1;
    }
  return g_string_free (out, FALSE);
}

char *
fm_reply_readable_text (FmMessage *message)
{
  g_autoptr (GArray) parts = fm_message_body_parts (message, FM_MESSAGE_PREFER_PLAIN);
  GString *out = g_string_new (NULL);

  for (guint i = 0; i < parts->len && out->len < MAX_QUOTE_BYTES; i++)
    {
      const FmMessagePart *part = fm_message_part (message, g_array_index (parts, guint, i));
      g_autofree char *text = part->is_leaf ? fm_message_part_text (message, part->index, MAX_QUOTE_BYTES - out->len, NULL, NULL) : NULL;
      if (text == NULL)
        continue;
      if (strcmp (part->type, "text/html") == 0)
        {
          char *plain = fm_html_to_plain (text, strlen (text), MAX_QUOTE_BYTES);
          g_free (text);
          text = plain;
        }
      if (out->len > 0 && text[0] != '\0')
        g_string_append_c (out, '\n');
      g_string_append (out, text);
    }
  return g_string_free (out, FALSE);
}

/* "Fri, 20 Nov 2026 at 10:00", in the writer's own time and in English whatever the locale: it is read by others. */
static char *
date_text (const FmEnvelope *envelope)
{
  static const char *const days[] = { "", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun" };
  static const char *const months[] = { "", "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
  gint64 shifted = fm_envelope_date_utc (envelope) + fm_envelope_date_offset_min (envelope) * (gint64) 60;
  g_autoptr (GDateTime) at = fm_envelope_date_utc (envelope) != 0 ? g_date_time_new_from_unix_utc (shifted) : NULL;

  if (at == NULL)
    return g_strdup ("an unknown date");
  return g_strdup_printf ("%s, %d %s %d at %02d:%02d", days[g_date_time_get_day_of_week (at)], g_date_time_get_day_of_month (at),
                          months[g_date_time_get_month (at)], g_date_time_get_year (at), g_date_time_get_hour (at),
                          g_date_time_get_minute (at));
}

static char *
attribution (const FmEnvelope *envelope, const char *format)
{
  static const FmAddress nobody = { "someone", "" };
  const FmAddressList *from = fm_envelope_from (envelope);
  const FmAddress *writer = fm_address_list_length (from) > 0 ? fm_address_list_get (from, 0) : &nobody;
  g_autofree char *date = date_text (envelope);
  GString *out = g_string_new (NULL);

  for (const char *p = format != NULL ? format : "On %d, %n wrote:"; *p != '\0'; p++)
    {
      if (*p != '%' || p[1] == '\0')
        {
          g_string_append_c (out, *p);
          continue;
        }
      p++;
      if (*p == 'd')
        g_string_append (out, date);
      else if (*p == 'n')
        g_string_append (out, fm_address_short (writer));
      else if (*p == 'a')
        g_string_append (out, writer->address);
      else if (*p == 's')
        g_string_append (out, fm_envelope_subject (envelope));
      else
        g_string_append_c (out, *p);
    }
  return g_string_free (out, FALSE);
}

static gboolean
is_own (const FmReplyOptions *options, const FmAddressList *list)
{
  guint n = fm_address_list_length (list);

  for (guint i = 0; i < n; i++)
    if (!fm_address_list_contains (options->own, fm_address_list_get (list, i)->address))
      return FALSE;
  return n > 0;
}

/* Whom a private answer goes to. Borrowed from the envelope. */
static const FmAddressList *
answer_to (const FmEnvelope *envelope, const FmReplyOptions *options)
{
  const FmAddressList *from = fm_envelope_from (envelope), *reply_to = fm_envelope_reply_to (envelope);
  const char *list_post = fm_envelope_list_post (envelope);
  gboolean list_claims_it = list_post[0] != '\0' && fm_address_list_contains (reply_to, list_post);

  if (is_own (options, from) && fm_address_list_length (fm_envelope_to (envelope)) > 0)
    return fm_envelope_to (envelope);
  if (fm_address_list_length (reply_to) > 0 && !list_claims_it)
    return reply_to;
  return fm_address_list_length (from) > 0 ? from : fm_envelope_sender (envelope);
}

/* Own addresses leave, unless nobody would be left. Transfer: full. */
static FmAddressList *
without_own (const FmAddressList *list, const FmReplyOptions *options)
{
  g_autoptr (FmAddressList) others = fm_address_list_merge (list, NULL, options->own);

  return fm_address_list_length (others) > 0 ? g_steal_pointer (&others) : fm_address_list_merge (list, NULL, NULL);
}

static void
address_all (FmDraft *draft, const FmEnvelope *envelope, const FmReplyOptions *options)
{
  const FmAddressList *followup = fm_envelope_followup_to (envelope);
  g_autoptr (FmAddressList) to = without_own (fm_address_list_length (followup) > 0 ? followup : answer_to (envelope, options), options);

  fm_draft_set_list (draft, FM_DRAFT_TO, to);
  if (fm_address_list_length (followup) > 0)
    return;
  g_autoptr (FmAddressList) known = fm_address_list_merge (to, options->own, NULL);
  g_autoptr (FmAddressList) rest = fm_address_list_merge (fm_envelope_to (envelope), fm_envelope_cc (envelope), known);
  fm_draft_set_list (draft, FM_DRAFT_CC, rest);
}

static void
address_draft (FmDraft *draft, const FmEnvelope *envelope, FmReplyKind kind, const FmReplyOptions *options)
{
  const FmAddress post = { "", fm_envelope_list_post (envelope) };

  if (kind == FM_REPLY_LIST && fm_address_list_length (fm_envelope_followup_to (envelope)) == 0 && post.address[0] != '\0')
    {
      g_autoptr (FmAddressList) list = fm_address_list_new (&post, 1);
      fm_draft_set_list (draft, FM_DRAFT_TO, list);
    }
  else if (kind == FM_REPLY_SENDER)
    {
      g_autoptr (FmAddressList) to = without_own (answer_to (envelope, options), options);
      fm_draft_set_list (draft, FM_DRAFT_TO, to);
    }
  else
    address_all (draft, envelope, options);
}

/* From is the address that the mail came to, else the first of the user's. */
static void
choose_from (FmDraft *draft, const FmEnvelope *envelope, const FmReplyOptions *options)
{
  const FmAddressList *places[] = { fm_envelope_to (envelope), fm_envelope_cc (envelope), fm_envelope_from (envelope) };
  guint n_own = fm_address_list_length (options->own);
  const FmAddress *chosen = n_own > 0 ? fm_address_list_get (options->own, 0) : NULL;
  gboolean found = FALSE;

  for (gsize p = 0; p < G_N_ELEMENTS (places) && !found; p++)
    for (guint i = 0; i < n_own && !found; i++)
      if (fm_address_list_contains (places[p], fm_address_list_get (options->own, i)->address))
        {
          chosen = fm_address_list_get (options->own, i);
          found = TRUE;
        }
  if (chosen != NULL)
    {
      g_autoptr (FmAddressList) from = fm_address_list_new (chosen, 1);
      fm_draft_set_list (draft, FM_DRAFT_FROM, from);
    }
}

/* RFC 5322 section 3.6.4: the parent's References, or its In-Reply-To, and the parent; the middle of a long chain is left out. */
static void
link_draft (FmDraft *draft, const FmEnvelope *envelope)
{
  gsize n = 0;
  const char *const *references = fm_envelope_references (envelope, &n);
  const char *id = fm_envelope_message_id (envelope);
  g_autoptr (GPtrArray) chain = g_ptr_array_new ();

  for (gsize i = 0; i < n; i++)
    if (i == 0 || i + MAX_REFERENCES > n)
      g_ptr_array_add (chain, (gpointer) references[i]);
  if (n == 0 && fm_envelope_in_reply_to (envelope)[0] != '\0')
    g_ptr_array_add (chain, (gpointer) fm_envelope_in_reply_to (envelope));
  if (id[0] != '\0')
    g_ptr_array_add (chain, (gpointer) id);
  g_ptr_array_add (chain, NULL);
  fm_draft_set_references (draft, (const char *const *) chain->pdata);
  fm_draft_set_in_reply_to (draft, id);
}

FmDraft *
fm_reply_new (FmMessage *message, FmReplyKind kind, const FmReplyOptions *options)
{
  static const FmReplyOptions defaults = { 0 };
  const FmEnvelope *envelope = fm_message_envelope (message);
  FmDraft *draft = fm_draft_new ();
  g_autofree char *original = fm_reply_original_subject (message), *subject = fm_reply_subject (original, FALSE);

  if (options == NULL)
    options = &defaults;
  choose_from (draft, envelope, options);
  address_draft (draft, envelope, kind, options);
  fm_draft_set_subject (draft, subject);
  link_draft (draft, envelope);
  if (!options->no_quote)
    {
      g_autofree char *text = fm_reply_readable_text (message);
      g_autofree char *quoted = fm_reply_quote (text);
      g_autofree char *line = attribution (envelope, options->attribution);
      g_autofree char *body = g_strdup_printf ("%s\n%s\n", line, quoted);
      fm_draft_set_body (draft, body);
    }
  return draft;
}

static void
append_attachments (GString *out, FmMessage *message)
{
  g_autoptr (GArray) attachments = fm_message_attachments (message);

  for (guint i = 0; i < attachments->len; i++)
    {
      const FmMessagePart *part = fm_message_part (message, g_array_index (attachments, guint, i));
      g_string_append_printf (out, "[attachment: %s, %s]\n", part->file_name[0] != '\0' ? part->file_name : "unnamed", part->type);
    }
}

FmDraft *
fm_reply_forward (FmMessage *message, const FmReplyOptions *options)
{
  static const FmReplyOptions defaults = { 0 };
  const FmEnvelope *envelope = fm_message_envelope (message);
  FmDraft *draft = fm_draft_new ();
  g_autofree char *original = fm_reply_original_subject (message), *subject = fm_reply_subject (original, TRUE);
  g_autofree char *from = fm_address_list_display (fm_envelope_from (envelope));
  g_autofree char *to = fm_address_list_display (fm_envelope_to (envelope));
  g_autofree char *cc = fm_address_list_display (fm_envelope_cc (envelope));
  g_autofree char *date = date_text (envelope);
  g_autofree char *text = fm_reply_readable_text (message);
  g_autoptr (GString) body = g_string_new ("\n---------- Forwarded message ----------\n");

  choose_from (draft, envelope, options != NULL ? options : &defaults);
  fm_draft_set_subject (draft, subject);
  g_string_append_printf (body, "From: %s\nDate: %s\nSubject: %s\nTo: %s\n", from, date, original, to);
  if (cc[0] != '\0')
    g_string_append_printf (body, "Cc: %s\n", cc);
  g_string_append_printf (body, "\n%s", text);
  if (text[0] != '\0' && text[strlen (text) - 1] != '\n')
    g_string_append_c (body, '\n');
  if (options == NULL || !options->files_follow)
    append_attachments (body, message);
  fm_draft_set_body (draft, body->str);
  return draft;
}
