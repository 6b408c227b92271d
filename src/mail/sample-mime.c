/* A noted mail as the bytes that would have arrived: header, body in its charset and encoding, and whatever structure its kind asks for. */
#include "mail/gmime-init.h"
#include "mail/sample-private.h"
#include <string.h>

enum { WRAP_COLS = 72, MAX_HEADER_COLS = 76 };

char *
fm_sample_mime_date (gint64 date_utc, int zone_minutes)
{
  static const char *const days[] = { "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun" };
  static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
  g_autoptr (GDateTime) at = g_date_time_new_from_unix_utc (date_utc + zone_minutes * 60);

  return g_strdup_printf ("%s, %d %s %d %02d:%02d:%02d %c%02d%02d", days[g_date_time_get_day_of_week (at) - 1],
                          g_date_time_get_day_of_month (at), months[g_date_time_get_month (at) - 1], g_date_time_get_year (at),
                          g_date_time_get_hour (at), g_date_time_get_minute (at), g_date_time_get_second (at), zone_minutes < 0 ? '-' : '+',
                          ABS (zone_minutes) / 60, ABS (zone_minutes) % 60);
}

static int
zone_of (const FmSampleBook *book, const char *person)
{
  return GPOINTER_TO_INT (g_hash_table_lookup (book->zones, person));
}

static const char *
person_of (const FmSampleBook *book, const char *key)
{
  const char *person = g_hash_table_lookup (book->people, key);
  return person != NULL ? person : key;
}

static char *
name_of (const FmSampleBook *book, const char *key)
{
  const char *person = person_of (book, key), *angle = strstr (person, " <");
  return angle == NULL ? g_strdup (person) : g_strndup (person, (gsize) (angle - person));
}

char *
fm_sample_mime_people (const FmSampleBook *book, const char *keys)
{
  g_auto (GStrv) each = g_strsplit (keys, ",", -1);
  GString *out = g_string_new (NULL);

  for (guint i = 0; each[i] != NULL; i++)
    {
      const char *person = person_of (book, each[i]), *angle = strstr (person, " <");
      g_autofree char *name = name_of (book, each[i]);
      g_autofree char *phrase = g_mime_utils_header_encode_phrase (NULL, name, "utf-8");
      g_string_append_printf (out, "%s%s%s", i > 0 ? ", " : "", phrase, angle == NULL ? "" : angle);
    }
  return g_string_free (out, FALSE);
}

char *
fm_sample_mime_id (const FmSampleMail *mail)
{
  return g_strdup_printf ("<%" G_GINT64_FORMAT ".%u.%08x@example.org>", mail->date_utc, mail->number, g_str_hash (mail->subject));
}

/* Folds at blanks (RFC 5322 section 2.2.3). */
static void
append_header (GString *out, const char *name, const char *value)
{
  g_auto (GStrv) words = g_strsplit_set (value, " \n\t", -1);
  gsize column = strlen (name) + 1;

  g_string_append_printf (out, "%s:", name);
  for (guint i = 0; words[i] != NULL; i++)
    {
      if (words[i][0] == '\0')
        continue;
      gboolean folds = column + 1 + strlen (words[i]) > MAX_HEADER_COLS && column > strlen (name) + 1;
      g_string_append_printf (out, "%s%s", folds ? "\n " : " ", words[i]);
      column = (folds ? 0 : column) + 1 + strlen (words[i]);
    }
  g_string_append_c (out, '\n');
}

static void
append_threading (GString *out, const FmSampleMail *mail)
{
  g_autoptr (GString) references = g_string_new (NULL);
  g_autofree char *id = fm_sample_mime_id (mail);

  append_header (out, "Message-ID", id);
  for (const FmSampleMail *at = mail->parent; at != NULL; at = at->parent)
    {
      g_autofree char *above = fm_sample_mime_id (at);
      if (at == mail->parent)
        append_header (out, "In-Reply-To", above);
      g_string_prepend_c (references, ' ');
      g_string_prepend (references, above);
    }
  if (references->len > 0)
    append_header (out, "References", references->str);
}

static void
append_list_headers (GString *out, const FmSampleMail *mail)
{
  const char *list = strchr (mail->folder, '/');

  if (!g_str_has_prefix (mail->folder, "Lists/"))
    return;
  g_string_append_printf (out, "List-Id: <%s.lists.example.org>\nList-Post: <mailto:%s@lists.example.org>\n", list + 1, list + 1);
  g_string_append_printf (out, "List-Unsubscribe: <mailto:%s-leave@lists.example.org>\nPrecedence: list\n", list + 1);
}

static void
append_headers (const FmSampleBook *book, const FmSampleMail *mail, GString *out)
{
  static const char *const agents[] = { "Fulmar/0.1.0", "Harbour Mail 4.2", "Postkutsche 11", "Pigeon for phones 2.7" };
  g_autofree char *from = fm_sample_mime_people (book, mail->from), *to = fm_sample_mime_people (book, mail->to);
  g_autofree char *subject = g_mime_utils_header_encode_text (NULL, mail->subject, "utf-8");
  g_autofree char *date = fm_sample_mime_date (mail->date_utc, zone_of (book, mail->from));

  if (!g_str_equal (mail->folder, "Sent") && !g_str_equal (mail->folder, "Drafts"))
    g_string_append_printf (out, "Return-Path: <%s@example.org>\nDelivered-To: ada@example.org\n",
                            g_str_equal (mail->kind, "bounce") ? "" : mail->from);
  append_header (out, "From", from);
  append_header (out, "To", to);
  if (mail->cc != NULL)
    {
      g_autofree char *cc = fm_sample_mime_people (book, mail->cc);
      append_header (out, "Cc", cc);
    }
  append_header (out, "Subject", subject);
  append_header (out, "Date", date);
  append_threading (out, mail);
  append_list_headers (out, mail);
  if (!g_str_equal (mail->kind, "bounce") && !g_str_equal (mail->folder, "Junk"))
    append_header (out, "User-Agent", agents[g_str_hash (mail->from) % G_N_ELEMENTS (agents)]);
  g_string_append (out, "MIME-Version: 1.0\n");
}

/* Wraps one line; a soft break of format=flowed keeps its blank (RFC 3676 section 4.1). Text without blanks (Japanese, URLs) stays whole. */
static void
append_wrapped (GString *out, const char *line, const char *prefix, gboolean flowed)
{
  g_auto (GStrv) words = g_strsplit (line, " ", -1);
  glong column = 0;

  g_string_append (out, prefix);
  for (guint i = 0; words[i] != NULL; i++)
    {
      glong width = g_utf8_strlen (words[i], -1);
      if (i > 0 && column + 1 + width > WRAP_COLS && column > 0)
        {
          g_string_append_printf (out, "%s\n%s", flowed ? " " : "", prefix);
          column = 0;
        }
      else if (i > 0)
        {
          g_string_append_c (out, ' ');
          column++;
        }
      g_string_append (out, words[i]);
      column += width;
    }
  g_string_append_c (out, '\n');
}

/* The first paragraph of the mail answered that is neither a greeting nor a quotation. */
static void
append_quote (const FmSampleBook *book, const FmSampleMail *mail, GString *out, gboolean flowed)
{
  g_auto (GStrv) lines = g_strsplit (mail->parent->body, "\n", -1);
  g_autofree char *date = fm_sample_mime_date (mail->parent->date_utc, zone_of (book, mail->parent->from));
  g_autofree char *name = name_of (book, mail->parent->from);

  g_string_append_printf (out, "On %.*s, %s wrote:\n", (int) (strrchr (date, ':') - date), date, name);
  guint first = 0;
  for (guint i = 0; first == 0 && lines[i] != NULL; i++)
    if (strlen (lines[i]) > 30 && strchr ("<>", lines[i][0]) == NULL)
      first = i + 1;
  for (guint i = first == 0 ? 0 : first - 1; lines[i] != NULL && lines[i][0] != '\0'; i++)
    if (g_str_equal (mail->parent->kind, "patch"))
      g_string_append_printf (out, "> %s\n", lines[i]);
    else
      append_wrapped (out, lines[i], flowed ? ">" : "> ", flowed);
}

static gboolean
is_literal (const char *line)
{
  return strchr (" >|", line[0]) != NULL;
}

static char *
prose_of (const FmSampleBook *book, const FmSampleMail *mail, const char *body)
{
  g_auto (GStrv) lines = g_strsplit (body, "\n", -1);
  GString *out = g_string_new (NULL);
  gboolean flowed = g_str_equal (mail->kind, "flowed");

  for (guint i = 0; lines[i] != NULL && !(lines[i][0] == '\0' && lines[i + 1] == NULL); i++)
    if (g_str_equal (lines[i], "<<") && mail->parent != NULL)
      append_quote (book, mail, out, flowed);
    else if (is_literal (lines[i]))
      g_string_append_printf (out, "%s\n", lines[i]);
    else
      append_wrapped (out, lines[i], "", flowed);
  return g_string_free (out, FALSE);
}

static void
append_base64 (GString *out, const guint8 *bytes, gsize size)
{
  g_autofree char *text = g_base64_encode (bytes, size);

  for (gsize at = 0, length = strlen (text); at < length; at += 76)
    g_string_append_printf (out, "%.76s\n", text + at);
}

/* A text leaf with its header. Charsets other than UTF-8 and ASCII go as base64 to be safe on any road. */
static void
append_text (const FmSampleMail *mail, GString *out, const char *type, const char *text)
{
  gsize size = 0;
  g_autofree char *converted
      = g_str_equal (mail->charset, "utf-8") ? NULL : g_convert (text, -1, mail->charset, "UTF-8", NULL, &size, NULL);

  if (converted != NULL)
    {
      g_string_append_printf (out, "Content-Type: %s; charset=%s\nContent-Transfer-Encoding: base64\n\n", type, mail->charset);
      append_base64 (out, (const guint8 *) converted, size);
      return;
    }
  g_string_append_printf (out, "Content-Type: %s; charset=%s\nContent-Transfer-Encoding: %s\n\n%s", type,
                          g_str_is_ascii (text) ? "us-ascii" : "utf-8", g_str_is_ascii (text) ? "7bit" : "8bit", text);
}

static void
append_alternative (const FmSampleMail *mail, GString *out, const char *text, const char *html)
{
  g_autofree char *boundary = g_strdup_printf ("=-alt-%u", mail->number);

  g_string_append_printf (out, "Content-Type: multipart/alternative; boundary=\"%s\"\n\n--%s\n", boundary, boundary);
  append_text (mail, out, "text/plain", text);
  g_string_append_printf (out, "\n--%s\n", boundary);
  append_text (mail, out, "text/html", html);
  g_string_append_printf (out, "\n--%s--\n", boundary);
}

static void
append_paragraphs (GString *html, const char *body)
{
  g_auto (GStrv) lines = g_strsplit (body, "\n", -1);

  for (guint i = 0; lines[i] != NULL; i++)
    if (lines[i][0] != '\0')
      {
        g_autofree char *escaped = g_markup_escape_text (lines[i], -1);
        g_string_append_printf (html, "<p>%s</p>\n", escaped);
      }
}

/* The body without attachments: one leaf, or an alternative. */
static void
append_body (const FmSampleBook *book, const FmSampleMail *mail, GString *out)
{
  g_autofree char *prose = NULL, *html = NULL;

  if (g_str_equal (mail->kind, "news"))
    html = fm_sample_html_news (mail);
  else if (g_str_equal (mail->kind, "receipt"))
    html = fm_sample_html_receipt (mail);
  else if (g_str_equal (mail->kind, "html"))
    html = g_strdup (mail->body);
  if (html != NULL)
    {
      append_text (mail, out, "text/html", html);
      return;
    }
  if (g_str_equal (mail->kind, "patch"))
    prose = g_strdup (mail->body);
  else
    prose = prose_of (book, mail, mail->body);
  if (!g_str_equal (mail->kind, "alt"))
    {
      append_text (mail, out, g_str_equal (mail->kind, "flowed") ? "text/plain; format=flowed" : "text/plain", prose);
      return;
    }
  g_autoptr (GString) paragraphs = g_string_new ("<html><body style=\"font-family: sans-serif\">\n");
  append_paragraphs (paragraphs, mail->body);
  g_string_append (paragraphs, "</body></html>\n");
  append_alternative (mail, out, prose, paragraphs->str);
}

static void
append_attachment (const FmSampleMail *mail, GString *out, const char *name)
{
  const char *type;
  g_autoptr (GByteArray) bytes = fm_sample_file_make (mail, name, &type);
  gboolean invitation = g_str_has_suffix (name, ".ics");

  g_string_append_printf (out, "Content-Type: %s%s%s%s\nContent-Disposition: %s; filename=\"%s\"\nContent-Transfer-Encoding: base64\n\n",
                          type, invitation ? "" : "; name=\"", invitation ? "" : name, invitation ? "" : "\"",
                          invitation ? "inline" : "attachment", name);
  append_base64 (out, bytes->data, bytes->len);
}

static void
append_mixed (const FmSampleBook *book, const FmSampleMail *mail, GString *out)
{
  g_auto (GStrv) names = g_strsplit (mail->attach, ",", -1);
  g_autofree char *boundary = g_strdup_printf ("=-mixed-%u", mail->number);

  g_string_append_printf (out, "Content-Type: multipart/mixed; boundary=\"%s\"\n\n--%s\n", boundary, boundary);
  append_body (book, mail, out);
  for (guint i = 0; names[i] != NULL; i++)
    {
      g_string_append_printf (out, "\n--%s\n", boundary);
      append_attachment (mail, out, names[i]);
    }
  g_string_append_printf (out, "\n--%s--\n", boundary);
}

/* A delivery report (RFC 3464) about a mail to NOBODY@example.com. */
static void
append_bounce (const FmSampleBook *book, const FmSampleMail *mail, GString *out)
{
  g_autofree char *prose = prose_of (book, mail, mail->body), *boundary = g_strdup_printf ("=-report-%u", mail->number);
  g_autofree char *date = fm_sample_mime_date (mail->date_utc - 40, 0);

  g_string_append_printf (
      out, "Auto-Submitted: auto-replied\nContent-Type: multipart/report; report-type=delivery-status;\n boundary=\"%s\"\n\n--%s\n",
      boundary, boundary);
  append_text (mail, out, "text/plain", prose);
  g_string_append_printf (out,
                          "\n--%s\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example.com\nArrival-Date: %s\n\n"
                          "Final-Recipient: rfc822; lighthouse.keeper@example.com\nAction: failed\nStatus: 5.1.1\n"
                          "Diagnostic-Code: smtp; 550 5.1.1 no such mailbox here\n",
                          boundary, date);
  g_string_append_printf (out,
                          "\n--%s\nContent-Type: text/rfc822-headers\n\nFrom: Ada Example <ada@example.org>\n"
                          "To: lighthouse.keeper@example.com\nSubject: May we visit on Sunday?\nDate: %s\n\n--%s--\n",
                          boundary, date, boundary);
}

/* Paragraphs that begin "== Subject" become nested messages (RFC 2046 section 5.1.5). */
static void
append_digest (const FmSampleBook *book, const FmSampleMail *mail, GString *out)
{
  g_auto (GStrv) parts = g_strsplit (mail->body, "== ", -1);
  g_autofree char *boundary = g_strdup_printf ("=-digest-%u", mail->number);
  static const char *const writers[] = { "mira", "tomas", "ines", "yuki" };

  g_string_append_printf (out, "Content-Type: multipart/digest; boundary=\"%s\"\n\n", boundary);
  for (guint i = 1; parts[0] != NULL && parts[i] != NULL; i++)
    {
      const char *end = strchr (parts[i], '\n');
      g_autofree char *subject = g_strndup (parts[i], (gsize) (end - parts[i])), *prose = prose_of (book, mail, end + 1);
      g_autofree char *from = fm_sample_mime_people (book, writers[i % G_N_ELEMENTS (writers)]);
      g_autofree char *date = fm_sample_mime_date (mail->date_utc - 7200 * i, 60);
      g_string_append_printf (out, "--%s\n\nFrom: %s\nTo: book-club@lists.example.org\nSubject: %s\nDate: %s\nMIME-Version: 1.0\n",
                              boundary, from, subject, date);
      append_text (mail, out, "text/plain", prose);
      g_string_append_c (out, '\n');
    }
  g_string_append_printf (out, "--%s--\n", boundary);
}

GString *
fm_sample_mime_build (const FmSampleBook *book, const FmSampleMail *mail)
{
  GString *out = g_string_new (NULL);

  fm_gmime_init_options ();
  append_headers (book, mail, out);
  if (g_str_equal (mail->kind, "bounce"))
    append_bounce (book, mail, out);
  else if (g_str_equal (mail->kind, "digest"))
    append_digest (book, mail, out);
  else if (mail->attach != NULL)
    append_mixed (book, mail, out);
  else
    append_body (book, mail, out);
  return out;
}
