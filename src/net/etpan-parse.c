/* libetpan as a parser and nothing else. The guard (imap-reader.c) has framed the response, so all of it lies in memory and libetpan gets no
 * stream: its literals come out of the buffer, it may go back as far as it likes, it can't wait, and a response it can't parse costs nothing
 * but the attempt: the stream stands after it, and the parser behind (imap-parse.c) reads it.
 * (Single items of a FETCH or STATUS likewise: etpan-catch.c.)
 *
 * Where libetpan gives up in the midst of a response it may lose the pieces it had. So that a server can't make the program grow, a session that
 * has sent it some megabytes of what it can't parse reads the rest by itself.
 *
 * Nothing is done before the whole response is read; then its structures are turned into the session's own values by imap-effect.c. */
#include "etpan-parse.h"
#include "etpan-error.h"
#include "etpan-guard.h"
#include "etpan-private.h"
#include "imap-effect.h"
#include "imap-parse.h"
#include <string.h>

#define MAX_GIVEN_UP_BYTES (4 * 1024 * 1024)

struct FmEtpanParse {
  mailimap *session; /* never connected: the parser reads its settings from one */
  struct mailimap_parser_context *context;
  gsize given_up_bytes; /* of responses libetpan could not parse */
};

FmEtpanParse *
fm_etpan_parse_new (void)
{
  FmEtpanParse *parse = g_new0 (FmEtpanParse, 1);

  fm_etpan_catch_register ();
  parse->session = mailimap_new (0, NULL);
  parse->context = parse->session != NULL ? mailimap_parser_context_new (parse->session) : NULL;
  return parse;
}

void
fm_etpan_parse_free (FmEtpanParse *parse)
{
  if (parse == NULL)
    return;
  if (parse->context != NULL)
    mailimap_parser_context_free (parse->context);
  if (parse->session != NULL)
    mailimap_free (parse->session);
  g_free (parse);
}

static gboolean
take_message (FmImapState *state, const struct mailimap_message_data *data, const MMAPString *buffer)
{
  if (data->mdt_type == MAILIMAP_MESSAGE_DATA_FETCH)
    fm_etpan_fetch_take (state, data->mdt_number, data->mdt_msg_att, buffer);
  else
    fm_imap_effect_expunge (state, data->mdt_number);
  return TRUE;
}

static gboolean
take_box (FmImapState *state, const struct mailimap_mailbox_list *box)
{
  g_autoptr (GPtrArray) words = g_ptr_array_new ();
  g_autoptr (GPtrArray) keep = g_ptr_array_new_with_free_func (g_free);
  const struct mailimap_mbx_list_flags *flags = box->mb_flag;

  if (box->mb_name == NULL || *box->mb_name == '\0' || g_ascii_strcasecmp (box->mb_name, "NIL") == 0)
    return FALSE; /* was it a folder of that name, or none? The parser behind can tell */
  if (flags != NULL && flags->mbf_type == MAILIMAP_MBX_LIST_FLAGS_SFLAG)
    switch (flags->mbf_sflag)
      {
      case MAILIMAP_MBX_LIST_SFLAG_MARKED:
        g_ptr_array_add (words, (gpointer) "\\Marked");
        break;
      case MAILIMAP_MBX_LIST_SFLAG_NOSELECT:
        g_ptr_array_add (words, (gpointer) "\\Noselect");
        break;
      default:
        break;
      }
  for (clistiter *i = flags != NULL && flags->mbf_oflags != NULL ? clist_begin (flags->mbf_oflags) : NULL; i != NULL; i = clist_next (i))
    {
      const struct mailimap_mbx_list_oflag *flag = clist_content (i);
      char *word = g_strconcat ("\\", flag->of_type == MAILIMAP_MBX_LIST_OFLAG_FLAG_EXT ? flag->of_flag_ext : "Noinferiors", NULL);
      g_ptr_array_add (keep, word);
      g_ptr_array_add (words, word);
    }
  g_ptr_array_add (words, NULL);
  fm_imap_effect_box (state, words, box->mb_delimiter, box->mb_name);
  return TRUE;
}

static gboolean
take_status_extension (FmImapStatus *status, const struct mailimap_extension_data *data, const MMAPString *buffer)
{
  if (fm_etpan_catch_is (data))
    {
      g_autoptr (GPtrArray) keep = g_ptr_array_new_with_free_func (g_free);
      FmImapLex lex = fm_etpan_catch_lex (data, buffer, keep);
      return fm_imap_parse_status_item (&lex, status);
    }
  if (data->ext_extension == &mailimap_extension_condstore && data->ext_type == MAILIMAP_CONDSTORE_TYPE_STATUS_INFO)
    {
      status->highestmodseq = ((const struct mailimap_condstore_status_info *) data->ext_data)->cs_highestmodseq_value;
      status->has |= FM_IMAP_HAS_MODSEQ;
    }
  return TRUE;
}

static gboolean
take_status (FmImapState *state, const struct mailimap_mailbox_data_status *data, const MMAPString *buffer)
{
  FmImapStatus status = { NULL };

  for (clistiter *i = data->st_info_list != NULL ? clist_begin (data->st_info_list) : NULL; i != NULL; i = clist_next (i))
    {
      const struct mailimap_status_info *item = clist_content (i);
      switch (item->st_att)
        {
        case MAILIMAP_STATUS_ATT_MESSAGES:
          status.messages = item->st_value;
          status.has |= FM_IMAP_HAS_MESSAGES;
          break;
        case MAILIMAP_STATUS_ATT_UNSEEN:
          status.unseen = item->st_value;
          status.has |= FM_IMAP_HAS_UNSEEN;
          break;
        case MAILIMAP_STATUS_ATT_UIDNEXT:
          status.uidnext = item->st_value;
          status.has |= FM_IMAP_HAS_UIDNEXT;
          break;
        case MAILIMAP_STATUS_ATT_UIDVALIDITY:
          status.uidvalidity = item->st_value;
          status.has |= FM_IMAP_HAS_UIDVALIDITY;
          break;
        default:
          if (item->st_ext_data != NULL && !take_status_extension (&status, item->st_ext_data, buffer))
            return FALSE;
        }
    }
  /* For the sake of a bare "[Gmail]/Sent Mail", libetpan gives this one name as it stands in the response, quotes and all. */
  g_autoptr (GPtrArray) keep = g_ptr_array_new_with_free_func (g_free);
  const char *raw = data->st_mailbox != NULL ? data->st_mailbox : "";
  FmImapLex lex = { raw, raw + strlen (raw), keep };
  FmImapText name = { raw, strlen (raw) };
  if ((*raw == '"' || *raw == '{') && (!fm_imap_lex_string (&lex, &name) || lex.p != lex.end))
    return FALSE;
  if (name.length == 0 || fm_imap_lex_is ((FmImapText){ raw, strlen (raw) }, "NIL"))
    return FALSE;
  fm_imap_effect_status (state, fm_imap_lex_keep (&lex, name), &status);
  return TRUE;
}

static gboolean
take_search (FmImapState *state, clist *numbers)
{
  g_autoptr (GArray) set = g_array_new (FALSE, FALSE, sizeof (FmImapRange));

  for (clistiter *i = numbers != NULL ? clist_begin (numbers) : NULL; i != NULL; i = clist_next (i))
    {
      guint32 n = *(const uint32_t *) clist_content (i);
      FmImapRange *last = set->len > 0 ? &g_array_index (set, FmImapRange, set->len - 1) : NULL;
      if (n == 0)
        return FALSE;
      if (last != NULL && last->last + 1 == n)
        last->last = n;
      else
        g_array_append_val (set, ((FmImapRange){ n, n }));
    }
  fm_imap_effect_search (state, set, 0);
  return TRUE;
}

/* What extensions make of whole responses. Those without a case here (NAMESPACE, ID) have no effect. */
static gboolean
take_extended (FmImapState *state, const struct mailimap_extension_data *data)
{
  if (data->ext_extension == &mailimap_extension_xlist)
    return take_box (state, data->ext_data);
  if (data->ext_extension == &mailimap_extension_enable)
    {
      const struct mailimap_capability_data *enabled = data->ext_data;
      for (clistiter *i = enabled->cap_list != NULL ? clist_begin (enabled->cap_list) : NULL; i != NULL; i = clist_next (i))
        {
          const struct mailimap_capability *cap = clist_content (i);
          if (cap->cap_type == MAILIMAP_CAPABILITY_NAME)
            fm_imap_effect_enabled (state, cap->cap_data.cap_name);
        }
    }
  else if (data->ext_extension == &mailimap_extension_qresync && data->ext_type == MAILIMAP_QRESYNC_TYPE_VANISHED)
    {
      const struct mailimap_qresync_vanished *vanished = data->ext_data;
      g_autoptr (GArray) set = fm_etpan_code_ranges (vanished->qr_known_uids);
      if (set == NULL)
        return FALSE;
      fm_imap_effect_vanished (state, vanished->qr_earlier, set);
    }
  else if (data->ext_extension == &mailimap_extension_quota)
    return FALSE; /* its numbers have 32 bits, which 4 TB exceed */
  else if (data->ext_extension == &mailimap_extension_condstore && data->ext_type == MAILIMAP_CONDSTORE_TYPE_SEARCH_DATA)
    return FALSE; /* the parser behind reads the MODSEQ too */
  else if (data->ext_extension == &mailimap_extension_acl)
    return FALSE; /* and rights as they stand */
  return TRUE;
}

static gboolean
take_mailbox_data (FmImapState *state, const struct mailimap_mailbox_data *data, const MMAPString *buffer)
{
  switch (data->mbd_type)
    {
    case MAILIMAP_MAILBOX_DATA_LIST:
      return take_box (state, data->mbd_data.mbd_list);
    case MAILIMAP_MAILBOX_DATA_SEARCH:
      return take_search (state, data->mbd_data.mbd_search);
    case MAILIMAP_MAILBOX_DATA_STATUS:
      return take_status (state, data->mbd_data.mbd_status, buffer);
    case MAILIMAP_MAILBOX_DATA_EXISTS:
      fm_imap_effect_exists (state, data->mbd_data.mbd_exists);
      return TRUE;
    case MAILIMAP_MAILBOX_DATA_EXTENSION_DATA:
      return take_extended (state, data->mbd_data.mbd_extension);
    default: /* FLAGS, LSUB, RECENT: nothing depends on them */
      return TRUE;
    }
}

static gboolean
take_condition (FmImapState *state, const char *kind, const struct mailimap_resp_text *text)
{
  g_autofree char *code = NULL;
  g_autofree char *words = NULL;

  if (text == NULL || !fm_etpan_code_take (state, text, &code, &words))
    return FALSE;
  fm_imap_effect_condition (state, kind, code, words);
  return TRUE;
}

static gboolean
take_response (FmImapState *state, const struct mailimap_response_data *data, const MMAPString *buffer)
{
  switch (data->rsp_type)
    {
    case MAILIMAP_RESP_DATA_TYPE_COND_STATE:
      return take_condition (state, "", data->rsp_data.rsp_cond_state->rsp_text);
    case MAILIMAP_RESP_DATA_TYPE_COND_BYE:
      return take_condition (state, "BYE", data->rsp_data.rsp_bye->rsp_text);
    case MAILIMAP_RESP_DATA_TYPE_MAILBOX_DATA:
      return take_mailbox_data (state, data->rsp_data.rsp_mailbox_data, buffer);
    case MAILIMAP_RESP_DATA_TYPE_MESSAGE_DATA:
      return take_message (state, data->rsp_data.rsp_message_data, buffer);
    case MAILIMAP_RESP_DATA_TYPE_CAPABILITY_DATA:
      fm_etpan_code_capabilities (state, data->rsp_data.rsp_capability_data);
      return TRUE;
    default:
      return take_extended (state, data->rsp_data.rsp_extension_data);
    }
}

/* PREFIX and TEXT and CRLF; a list of header fields, ECHO, becomes plain "HEADER": libetpan would take apart a dozen names that nobody asks it for.
 * NULL: no memory. */
static MMAPString *
make_buffer (const char *prefix, const char *text, gsize length, FmImapText echo)
{
  const char *behind = echo.bytes != NULL ? echo.bytes + echo.length : text;
  MMAPString *buffer = mmap_string_sized_new (strlen (prefix) + length + 3);

  if (buffer == NULL)
    return NULL;
  if (mmap_string_append (buffer, prefix) == NULL
      || (echo.bytes != NULL
          && (mmap_string_append_len (buffer, text, echo.bytes - text) == NULL || mmap_string_append (buffer, "HEADER") == NULL))
      || mmap_string_append_len (buffer, behind, text + length - behind) == NULL || mmap_string_append (buffer, "\r\n") == NULL)
    {
      mmap_string_free (buffer);
      return NULL;
    }
  return buffer;
}

/* The response in BUFFER, which is consumed, parsed whole; then *RET_DATA and the buffer it points into are the caller's to free. */
static int
parse_buffer (FmEtpanParse *parse, MMAPString *buffer, MMAPString **ret_buffer, struct mailimap_response_data **ret_data)
{
  struct mailimap_response_data *data = NULL;
  size_t index = 0;

  if (buffer == NULL)
    return MAILIMAP_ERROR_MEMORY;
  gsize length = buffer->len;
  if (parse->context == NULL || parse->given_up_bytes > MAX_GIVEN_UP_BYTES)
    {
      mmap_string_free (buffer);
      return parse->context == NULL ? MAILIMAP_ERROR_MEMORY : MAILIMAP_ERROR_PARSE;
    }
  int result = mailimap_response_data_parse (NULL, buffer, parse->context, &index, &data, 0, NULL);
  if (result == MAILIMAP_NO_ERROR && index == buffer->len)
    {
      *ret_buffer = buffer;
      *ret_data = data;
      return MAILIMAP_NO_ERROR;
    }
  if (result == MAILIMAP_NO_ERROR) /* it stopped at a line's end within the response */
    mailimap_response_data_free (data);
  mmap_string_free (buffer);
  parse->given_up_bytes += length;
  return result == MAILIMAP_NO_ERROR ? MAILIMAP_ERROR_PARSE : result;
}

gboolean
fm_etpan_parse_untagged (FmImapState *state, const char *text, gsize length, GError **error)
{
  struct mailimap_response_data *data;
  MMAPString *buffer;
  FmImapText echo;
  int result = fm_etpan_guard_admits (text, length, &echo)
                   ? parse_buffer (state->etpan, make_buffer ("", text, length, echo), &buffer, &data)
                   : MAILIMAP_ERROR_PARSE;

  if (result != MAILIMAP_NO_ERROR)
    return fm_etpan_error_set (error, result);
  gboolean is_taken = take_response (state, data, buffer);
  mailimap_response_data_free (data);
  mmap_string_free (buffer);
  return is_taken || fm_etpan_error_set (error, MAILIMAP_ERROR_PARSE);
}

gboolean
fm_etpan_parse_condition (FmImapState *state, const char *text, gsize length, char **ret_code, char **ret_text, GError **error)
{
  struct mailimap_response_data *data;
  MMAPString *buffer;
  gboolean is_taken = FALSE;

  for (; length > 0 && *text == ' '; length--)
    text++;
  int result = fm_etpan_guard_admits_code (text, length)
                   ? parse_buffer (state->etpan, make_buffer ("* OK ", text, length, (FmImapText){ NULL, 0 }), &buffer, &data)
                   : MAILIMAP_ERROR_PARSE;
  if (result != MAILIMAP_NO_ERROR)
    return fm_etpan_error_set (error, result);
  if (data->rsp_type == MAILIMAP_RESP_DATA_TYPE_COND_STATE && data->rsp_data.rsp_cond_state->rsp_text != NULL)
    is_taken = fm_etpan_code_take (state, data->rsp_data.rsp_cond_state->rsp_text, ret_code, ret_text);
  mailimap_response_data_free (data);
  mmap_string_free (buffer);
  return is_taken || fm_etpan_error_set (error, MAILIMAP_ERROR_PARSE);
}
