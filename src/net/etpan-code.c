/* libetpan's condition texts: the code in brackets, what it does, and the words for the user. */
#include "etpan-private.h"
#include <fulmar/base/text.h>
#include <string.h>

const char *
fm_etpan_code_flag (const struct mailimap_flag *flag, GPtrArray *keep)
{
  char *word;

  switch (flag->fl_type)
    {
    case MAILIMAP_FLAG_ANSWERED:
      return "\\Answered";
    case MAILIMAP_FLAG_FLAGGED:
      return "\\Flagged";
    case MAILIMAP_FLAG_DELETED:
      return "\\Deleted";
    case MAILIMAP_FLAG_SEEN:
      return "\\Seen";
    case MAILIMAP_FLAG_DRAFT:
      return "\\Draft";
    case MAILIMAP_FLAG_KEYWORD:
      return flag->fl_data.fl_keyword;
    default:
      word = g_strconcat ("\\", flag->fl_data.fl_extension, NULL);
      g_ptr_array_add (keep, word);
      return word;
    }
}

static gboolean
add_range (GArray *set, guint32 first, guint32 last)
{
  if (first == 0 || last == 0) /* libetpan's "*", or a zero: the parser behind tells them apart */
    return FALSE;
  g_array_append_val (set, ((FmImapRange){ MIN (first, last), MAX (first, last) }));
  return TRUE;
}

GArray *
fm_etpan_code_ranges (const struct mailimap_set *set)
{
  g_autoptr (GArray) ranges = g_array_new (FALSE, FALSE, sizeof (FmImapRange));

  for (clistiter *i = set->set_list != NULL ? clist_begin (set->set_list) : NULL; i != NULL; i = clist_next (i))
    {
      const struct mailimap_set_item *item = clist_content (i);
      if (!add_range (ranges, item->set_first, item->set_last))
        return NULL;
    }
  return g_steal_pointer (&ranges);
}

void
fm_etpan_code_capabilities (FmImapState *state, const struct mailimap_capability_data *data)
{
  g_autoptr (GString) words = g_string_new (NULL);

  for (clistiter *i = data->cap_list != NULL ? clist_begin (data->cap_list) : NULL; i != NULL; i = clist_next (i))
    {
      const struct mailimap_capability *cap = clist_content (i);
      if (cap->cap_type == MAILIMAP_CAPABILITY_AUTH_TYPE)
        g_string_append_printf (words, "AUTH=%s ", cap->cap_data.cap_auth_type);
      else
        g_string_append_printf (words, "%s ", cap->cap_data.cap_name);
    }
  fm_imap_state_set_capabilities (state, words->str);
}

static void
take_permanent_flags (FmImapState *state, clist *flags)
{
  g_autoptr (GPtrArray) words = g_ptr_array_new ();
  g_autoptr (GPtrArray) keep = g_ptr_array_new_with_free_func (g_free);

  for (clistiter *i = flags != NULL ? clist_begin (flags) : NULL; i != NULL; i = clist_next (i))
    {
      const struct mailimap_flag_perm *flag = clist_content (i);
      if (flag->fl_type == MAILIMAP_FLAG_PERM_FLAG)
        g_ptr_array_add (words, (gpointer) fm_etpan_code_flag (flag->fl_flag, keep));
      else
        g_ptr_array_add (words, (gpointer) "\\*");
    }
  g_ptr_array_add (words, NULL);
  fm_imap_effect_permanent_flags (state, words);
}

/* The code's name, its effects done. NULL: it can't be used as libetpan has it. */
static const char *
take_uidplus (FmImapState *state, const struct mailimap_extension_data *data)
{
  g_autoptr (GArray) from = NULL;
  g_autoptr (GArray) to = NULL;

  if (data->ext_type == MAILIMAP_UIDPLUS_RESP_CODE_APND)
    {
      const struct mailimap_uidplus_resp_code_apnd *code = data->ext_data;
      if ((to = fm_etpan_code_ranges (code->uid_set)) == NULL)
        return NULL;
      fm_imap_effect_appenduid (state, code->uid_uidvalidity, g_steal_pointer (&to));
      return "APPENDUID";
    }
  if (data->ext_type == MAILIMAP_UIDPLUS_RESP_CODE_COPY)
    {
      const struct mailimap_uidplus_resp_code_copy *code = data->ext_data;
      if ((from = fm_etpan_code_ranges (code->uid_source_set)) == NULL || (to = fm_etpan_code_ranges (code->uid_dest_set)) == NULL)
        return NULL;
      fm_imap_effect_copyuid (state, code->uid_uidvalidity, g_steal_pointer (&from), g_steal_pointer (&to));
      return "COPYUID";
    }
  return "UIDNOTSTICKY";
}

static const char *
take_condstore (FmImapState *state, const struct mailimap_extension_data *data)
{
  const struct mailimap_condstore_resptextcode *code = data->ext_data;
  GArray *set;

  if (data->ext_type != MAILIMAP_CONDSTORE_TYPE_RESP_TEXT_CODE)
    return NULL;
  switch (code->cs_type)
    {
    case MAILIMAP_CONDSTORE_RESPTEXTCODE_HIGHESTMODSEQ:
      if (code->cs_data.cs_modseq_value > G_MAXINT64)
        return NULL;
      fm_imap_effect_code (state, "HIGHESTMODSEQ", code->cs_data.cs_modseq_value);
      return "HIGHESTMODSEQ";
    case MAILIMAP_CONDSTORE_RESPTEXTCODE_NOMODSEQ:
      fm_imap_effect_code (state, "NOMODSEQ", 0);
      return "NOMODSEQ";
    default:
      if ((set = fm_etpan_code_ranges (code->cs_data.cs_modified_set)) == NULL)
        return NULL;
      fm_imap_effect_modified (state, set);
      return "MODIFIED";
    }
}

static const char *
take_number (FmImapState *state, const char *name, guint64 n)
{
  fm_imap_effect_code (state, name, n);
  return name;
}

/* A code that libetpan has as words only: fine unless it is one that should have been understood. */
static const char *
other_name (const char *name)
{
  static const char *const ours[] = { "CAPABILITY", "PERMANENTFLAGS", "COPYUID",  "APPENDUID", "MODIFIED",   "UIDVALIDITY",
                                      "UIDNEXT",    "HIGHESTMODSEQ",  "NOMODSEQ", "READ-ONLY", "READ-WRITE", "ALERT" };

  for (gsize i = 0; name != NULL && i < G_N_ELEMENTS (ours); i++)
    if (g_ascii_strcasecmp (name, ours[i]) == 0)
      return NULL;
  return name;
}

static const char *
take_code (FmImapState *state, const struct mailimap_resp_text_code *code)
{
  switch (code->rc_type)
    {
    case MAILIMAP_RESP_TEXT_CODE_ALERT:
      return "ALERT";
    case MAILIMAP_RESP_TEXT_CODE_BADCHARSET:
      return "BADCHARSET";
    case MAILIMAP_RESP_TEXT_CODE_CAPABILITY_DATA:
      fm_etpan_code_capabilities (state, code->rc_data.rc_cap_data);
      return "CAPABILITY";
    case MAILIMAP_RESP_TEXT_CODE_PARSE:
      return "PARSE";
    case MAILIMAP_RESP_TEXT_CODE_PERMANENTFLAGS:
      take_permanent_flags (state, code->rc_data.rc_perm_flags);
      return "PERMANENTFLAGS";
    case MAILIMAP_RESP_TEXT_CODE_READ_ONLY:
      return take_number (state, "READ-ONLY", 0);
    case MAILIMAP_RESP_TEXT_CODE_READ_WRITE:
      return take_number (state, "READ-WRITE", 0);
    case MAILIMAP_RESP_TEXT_CODE_TRY_CREATE:
      return "TRYCREATE";
    case MAILIMAP_RESP_TEXT_CODE_UIDNEXT:
      return take_number (state, "UIDNEXT", code->rc_data.rc_uidnext);
    case MAILIMAP_RESP_TEXT_CODE_UIDVALIDITY:
      return take_number (state, "UIDVALIDITY", code->rc_data.rc_uidvalidity);
    case MAILIMAP_RESP_TEXT_CODE_UNSEEN:
      return "UNSEEN";
    case MAILIMAP_RESP_TEXT_CODE_OTHER:
      return other_name (code->rc_data.rc_atom.atom_name);
    default:
      break;
    }
  const struct mailimap_extension_data *data = code->rc_data.rc_ext_data;
  if (data->ext_extension == &mailimap_extension_uidplus)
    return take_uidplus (state, data);
  if (data->ext_extension == &mailimap_extension_condstore)
    return take_condstore (state, data);
  return data->ext_extension == &mailimap_extension_qresync ? "CLOSED" : NULL;
}

gboolean
fm_etpan_code_take (FmImapState *state, const struct mailimap_resp_text *text, char **ret_code, char **ret_text)
{
  const char *words = text->rsp_text != NULL ? text->rsp_text : "";
  const char *code = text->rsp_code != NULL ? take_code (state, text->rsp_code) : NULL;

  if (text->rsp_code != NULL ? code == NULL : *words == '[')
    return FALSE;
  *ret_code = code != NULL ? g_ascii_strup (code, -1) : NULL;
  *ret_text = g_strstrip (fm_text_sanitise_line (words, strlen (words)));
  return TRUE;
}
