/* Replies of RFC 5321 section 4.2. Servers send continuation lines of other codes only when they are broken or two answers have run together, so
 * that ends the session rather than being guessed at. */
#include "smtp-parse.h"
#include <fulmar/base/error.h>
#include <fulmar/base/text.h>
#include <string.h>

#define MAX_ADDRESS_BYTES 998

void
fm_smtp_parse_reply_clear (FmSmtpReply *reply)
{
  if (reply->lines != NULL)
    g_string_free (reply->lines, TRUE);
  reply->lines = NULL;
  reply->n = 0;
  reply->code = 0;
}

static gboolean
not_smtp (const char *line, gsize length, GError **error)
{
  g_autofree char *shown = fm_text_sanitise_line (line, (gssize) MIN (length, 80));
  g_set_error (error, FM_ERROR, FM_ERROR_PROTOCOL, "the server's answer is not SMTP: \"%s\"", shown);
  return FALSE;
}

gboolean
fm_smtp_parse_line (FmSmtpReply *reply, const char *line, gsize length, gboolean *ret_done, GError **error)
{
  if (length < 3 || line[0] < '2' || line[0] > '5' || !g_ascii_isdigit (line[1]) || !g_ascii_isdigit (line[2])
      || (length > 3 && line[3] != ' ' && line[3] != '-'))
    return not_smtp (line, length, error);
  int code = (line[0] - '0') * 100 + (line[1] - '0') * 10 + line[2] - '0';
  if (reply->n > 0 && code != reply->code)
    return not_smtp (line, length, error);
  if (reply->n >= FM_SMTP_PARSE_MAX_LINES)
    {
      g_set_error (error, FM_ERROR, FM_ERROR_LIMIT, "the server's answer has more than %d lines", FM_SMTP_PARSE_MAX_LINES);
      return FALSE;
    }
  if (reply->lines == NULL)
    reply->lines = g_string_new (NULL);
  if (reply->n++ > 0)
    g_string_append_c (reply->lines, '\n');
  if (length > 4)
    g_string_append_len (reply->lines, line + 4, (gssize) (length - 4));
  reply->code = code;
  *ret_done = length == 3 || line[3] == ' ';
  return TRUE;
}

char *
fm_smtp_parse_describe (const FmSmtpReply *reply)
{
  gsize length = reply->lines == NULL ? 0 : reply->lines->len;
  g_autofree char *text = fm_text_sanitise_line (length == 0 ? "" : reply->lines->str, (gssize) MIN (length, 800));
  return g_strdup_printf ("%d %s", reply->code, g_strstrip (text));
}

static gboolean
has_forbidden (const char *address)
{
  gboolean quoted = FALSE;
  for (const char *p = address; *p != '\0'; p++)
    {
      guchar c = (guchar) *p;
      if (c < 0x20 || c == 0x7f)
        return TRUE;
      if (quoted && c == '\\' && p[1] != '\0' && (guchar) p[1] >= 0x20)
        p++;
      else if (c == '"')
        quoted = !quoted;
      else if (!quoted && (c == ' ' || c == '<' || c == '>'))
        return TRUE;
    }
  return quoted;
}

char *
fm_smtp_parse_address (const char *address, gboolean *ret_needs_utf8, GError **error)
{
  *ret_needs_utf8 = FALSE;
  if (strlen (address) > MAX_ADDRESS_BYTES || !g_utf8_validate (address, -1, NULL) || has_forbidden (address))
    {
      g_autofree char *shown = fm_text_sanitise_line (address, (gssize) MIN (strlen (address), 100));
      g_set_error (error, FM_ERROR, FM_ERROR_INVALID, "\"%s\" can't be an address", shown);
      return NULL;
    }
  const char *at = strrchr (address, '@');
  if (g_str_is_ascii (address) || at == NULL)
    {
      *ret_needs_utf8 = !g_str_is_ascii (address);
      return g_strdup (address);
    }
  g_autofree char *domain = g_hostname_to_ascii (at + 1);
  g_autofree char *local = g_strndup (address, (gsize) (at - address));
  *ret_needs_utf8 = domain == NULL || !g_str_is_ascii (local);
  /* With an internationalised local part the whole address goes as it is (RFC 6531 section 3.2). */
  return *ret_needs_utf8 ? g_strdup (address) : g_strconcat (local, "@", domain, NULL);
}
