/* A mailto: link is percent-encoded text split at '?', '&' and '=' before anything is decoded, so that what a value holds can't become
 * another field. */
#include "fulmar/mail/mailto.h"
#include "fulmar/base/error.h"
#include "mail/charset.h"
#include <string.h>

enum { MAX_URL_BYTES = 64 * 1024 };

/* Percent sequences to bytes to UTF-8; a broken "%" stands for itself, and "+" is a plus (RFC 6068 section 5). Transfer: full. */
static char *
decode (const char *text, gsize size)
{
  g_autoptr (GString) bytes = g_string_sized_new (size);
  gsize utf8_size = 0;

  for (gsize i = 0; i < size; i++)
    if (text[i] == '%' && i + 2 < size && g_ascii_isxdigit (text[i + 1]) && g_ascii_isxdigit (text[i + 2]))
      {
        g_string_append_c (bytes, (char) (g_ascii_xdigit_value (text[i + 1]) << 4 | g_ascii_xdigit_value (text[i + 2])));
        i += 2;
      }
    else
      g_string_append_c (bytes, text[i]);
  return fm_charset_to_utf8 (bytes->str, bytes->len, "utf-8", &utf8_size);
}

static void
add_addresses (FmDraft *draft, FmDraftList which, const char *value)
{
  g_autoptr (FmAddressList) list = fm_address_list_parse (value, -1);
  g_autoptr (FmAddressList) all = fm_address_list_merge (fm_draft_list (draft, which), list, NULL);

  fm_draft_set_list (draft, which, all);
}

static void
take_field (FmDraft *draft, const char *name, const char *value)
{
  static const struct {
    const char *name;
    FmDraftList list;
  } lists[] = { { "to", FM_DRAFT_TO }, { "cc", FM_DRAFT_CC }, { "bcc", FM_DRAFT_BCC } };

  for (gsize i = 0; i < G_N_ELEMENTS (lists); i++)
    if (g_ascii_strcasecmp (name, lists[i].name) == 0)
      add_addresses (draft, lists[i].list, value);
  if (g_ascii_strcasecmp (name, "subject") == 0)
    fm_draft_set_subject (draft, value);
  else if (g_ascii_strcasecmp (name, "body") == 0)
    fm_draft_set_body (draft, value);
  else if (g_ascii_strcasecmp (name, "in-reply-to") == 0)
    {
      const char *const references[] = { value, NULL };
      fm_draft_set_in_reply_to (draft, value);
      fm_draft_set_references (draft, references);
    }
}

FmDraft *
fm_mailto_parse (const char *url, GError **error)
{
  if (g_ascii_strncasecmp (url, "mailto:", 7) != 0)
    {
      g_set_error_literal (error, FM_ERROR, FM_ERROR_INVALID, "this is no mailto: link");
      return NULL;
    }
  if (strlen (url) > MAX_URL_BYTES)
    {
      g_set_error (error, FM_ERROR, FM_ERROR_LIMIT, "the mailto: link is longer than %d kB", MAX_URL_BYTES / 1024);
      return NULL;
    }
  FmDraft *draft = fm_draft_new ();
  const char *at = url + 7;
  gsize size = strcspn (at, "?#");
  g_autofree char *to = decode (at, size);
  if (to[0] != '\0')
    add_addresses (draft, FM_DRAFT_TO, to);
  for (at += size; *at == '?' || *at == '&'; at += size)
    {
      at++;
      size = strcspn (at, "&#");
      const char *equals = memchr (at, '=', size);
      if (equals == NULL)
        continue;
      g_autofree char *name = decode (at, equals - at);
      g_autofree char *value = decode (equals + 1, at + size - equals - 1);
      take_field (draft, name, value);
    }
  return draft;
}
