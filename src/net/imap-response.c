/* Every response is libetpan's first, but for the plain FETCH responses that a folder's messages come in, which are read without it
 * (imap-fetch.c). What it has no parser for, and what a server got too wrong for it, is read by the small parser behind it; so is what
 * the guard marked as poison, which must not reach a recursive parser at all. */
#include "imap-response.h"
#include "etpan-parse.h"
#include "imap-fetch.h"
#include "imap-parse.h"
#include <fulmar/base/log.h>

gboolean
fm_imap_response_untagged (FmImapState *state, const FmImapResponse *response, GError **error)
{
  g_autoptr (GError) reason = NULL;

  if (!response->is_poison
      && (fm_imap_fetch_take (state, response->text, response->length)
          || fm_etpan_parse_untagged (state, response->text, response->length, &reason)))
    return TRUE;
  if (reason != NULL && response->length > 0)
    fm_log_debug ("imap: left by libetpan, %s: %.*s", reason->message, (int) MIN (response->length, 60), response->text);
  return fm_imap_parse_untagged (state, response, error);
}

void
fm_imap_response_condition (FmImapState *state, const char *text, gsize length, char **ret_code, char **ret_text)
{
  if (!fm_etpan_parse_condition (state, text, length, ret_code, ret_text, NULL))
    fm_imap_parse_condition (state, text, length, ret_code, ret_text);
  fm_imap_effect_condition (state, "", *ret_code, *ret_text);
}
