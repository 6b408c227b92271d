/* libetpan's FETCH into the session's message. */
#include "etpan-private.h"
#include "imap-parse.h"

static void
take_flags (FmImapFetch *fetch, const struct mailimap_msg_att_dynamic *flags)
{
  g_autoptr (GPtrArray) words = g_ptr_array_new ();

  for (clistiter *i = flags->att_list != NULL ? clist_begin (flags->att_list) : NULL; i != NULL; i = clist_next (i))
    {
      const struct mailimap_flag_fetch *flag = clist_content (i);
      if (flag->fl_type == MAILIMAP_FLAG_FETCH_OTHER)
        g_ptr_array_add (words, (gpointer) fm_etpan_code_flag (flag->fl_flag, fetch->keep));
      else
        g_ptr_array_add (words, (gpointer) "\\Recent");
    }
  g_ptr_array_add (words, NULL);
  fm_imap_effect_fetch_flags (fetch, 0, words);
}

static void
take_date (FmImapMessage *message, const struct mailimap_date_time *date)
{
  g_autoptr (GDateTime) time
      = g_date_time_new_utc (date->dt_year, date->dt_month, date->dt_day, date->dt_hour, date->dt_min, MIN (date->dt_sec, 59));

  if (time == NULL || ABS (date->dt_zone) > 2400) /* an impossible date costs the date only */
    return;
  message->date_utc = g_date_time_to_unix (time) - (date->dt_zone / 100 * 60 + date->dt_zone % 100) * 60;
  message->has |= FM_IMAP_HAS_DATE;
}

static void
take_section (FmImapFetch *fetch, const struct mailimap_msg_att_body_section *section)
{
  const struct mailimap_section_spec *spec = section->sec_section != NULL ? section->sec_section->sec_spec : NULL;
  gboolean is_header = spec != NULL && spec->sec_type == MAILIMAP_SECTION_SPEC_SECTION_MSGTEXT
                       && spec->sec_data.sec_msgtext->sec_type != MAILIMAP_SECTION_MSGTEXT_TEXT;

  fm_imap_effect_fetch_body (fetch, (FmImapText){ section->sec_body_part, section->sec_length }, is_header);
}

static gboolean
take_static (FmImapFetch *fetch, const struct mailimap_msg_att_static *item)
{
  FmImapMessage *message = &fetch->message;

  switch (item->att_type)
    {
    case MAILIMAP_MSG_ATT_UID:
      message->uid = item->att_data.att_uid;
      return message->uid != 0;
    case MAILIMAP_MSG_ATT_RFC822_SIZE:
      message->size_bytes = item->att_data.att_rfc822_size;
      message->has |= FM_IMAP_HAS_SIZE;
      return TRUE;
    case MAILIMAP_MSG_ATT_INTERNALDATE:
      take_date (message, item->att_data.att_internal_date);
      return TRUE;
    case MAILIMAP_MSG_ATT_BODY_SECTION:
      take_section (fetch, item->att_data.att_body_section);
      return TRUE;
    default: /* ENVELOPE, BODYSTRUCTURE, RFC822: nobody asks for them */
      return TRUE;
    }
}

static void
take_labels (FmImapState *state, FmImapFetch *fetch, const struct mailimap_msg_att_xgmlabels *labels)
{
  g_autoptr (GPtrArray) words = g_ptr_array_new ();

  for (clistiter *i = labels->att_labels != NULL ? clist_begin (labels->att_labels) : NULL; i != NULL; i = clist_next (i))
    g_ptr_array_add (words, clist_content (i));
  g_ptr_array_add (words, NULL);
  fm_imap_effect_fetch_labels (state, fetch, words);
}

static gboolean
take_extension (FmImapState *state, FmImapFetch *fetch, const MMAPString *buffer, const struct mailimap_extension_data *data)
{
  const struct mailimap_extension_api *from = data->ext_extension;
  FmImapMessage *message = &fetch->message;

  if (fm_etpan_catch_is (data))
    {
      FmImapLex lex = fm_etpan_catch_lex (data, buffer, fetch->keep);
      return fm_imap_parse_fetch_item (state, &lex, fetch);
    }
  if (from == &mailimap_extension_condstore && data->ext_type == MAILIMAP_CONDSTORE_TYPE_FETCH_DATA)
    {
      message->modseq = ((const struct mailimap_condstore_fetch_mod_resp *) data->ext_data)->cs_modseq_value;
      message->has |= FM_IMAP_HAS_MODSEQ;
      return message->modseq <= G_MAXINT64;
    }
  if (from == &mailimap_extension_xgmmsgid || from == &mailimap_extension_xgmthrid)
    {
      guint64 id = *(const uint64_t *) data->ext_data;
      *(from == &mailimap_extension_xgmmsgid ? &message->gm_msgid : &message->gm_thrid) = id;
      message->has |= FM_IMAP_HAS_GMAIL;
    }
  else if (from == &mailimap_extension_xgmlabels)
    take_labels (state, fetch, data->ext_data);
  return TRUE;
}

void
fm_etpan_fetch_take (FmImapState *state, guint32 seq, const struct mailimap_msg_att *items, const MMAPString *buffer)
{
  gboolean is_read = TRUE;
  FmImapFetch fetch;

  fm_imap_effect_fetch_init (&fetch, seq);
  for (clistiter *i = items->att_list != NULL ? clist_begin (items->att_list) : NULL; i != NULL && is_read; i = clist_next (i))
    {
      const struct mailimap_msg_att_item *item = clist_content (i);
      if (item->att_type == MAILIMAP_MSG_ATT_ITEM_DYNAMIC)
        take_flags (&fetch, item->att_data.att_dyn);
      else if (item->att_type == MAILIMAP_MSG_ATT_ITEM_STATIC)
        is_read = take_static (&fetch, item->att_data.att_static);
      else
        is_read = take_extension (state, &fetch, buffer, item->att_data.att_extension_data);
    }
  fm_imap_effect_fetch (state, &fetch, is_read);
  fm_imap_effect_fetch_clear (&fetch);
}
