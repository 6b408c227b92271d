/* The session's memory of its server: capabilities, the selected mailbox, names that break the rules. */
#include "imap-state.h"
#include "etpan-parse.h"
#include "mutf7.h"
#include <fulmar/base/error.h>
#include <string.h>

static const struct {
  const char *name;
  FmImapCaps cap;
} known_caps[] = {
  { "IDLE", FM_IMAP_CAP_IDLE },
  { "UIDPLUS", FM_IMAP_CAP_UIDPLUS },
  { "MOVE", FM_IMAP_CAP_MOVE },
  { "CONDSTORE", FM_IMAP_CAP_CONDSTORE },
  { "QRESYNC", FM_IMAP_CAP_QRESYNC | FM_IMAP_CAP_CONDSTORE },
  { "ENABLE", FM_IMAP_CAP_ENABLE },
  { "ESEARCH", FM_IMAP_CAP_ESEARCH },
  { "SPECIAL-USE", FM_IMAP_CAP_SPECIAL_USE },
  { "LIST-EXTENDED", FM_IMAP_CAP_LIST_EXTENDED },
  { "LIST-STATUS", FM_IMAP_CAP_LIST_STATUS },
  { "LITERAL+", FM_IMAP_CAP_LITERAL_PLUS },
  { "LITERAL-", FM_IMAP_CAP_LITERAL_MINUS },
  { "NAMESPACE", FM_IMAP_CAP_NAMESPACE },
  { "ID", FM_IMAP_CAP_ID },
  { "UNSELECT", FM_IMAP_CAP_UNSELECT },
  { "X-GM-EXT-1", FM_IMAP_CAP_GMAIL },
  { "QUOTA", FM_IMAP_CAP_QUOTA },
  { "SASL-IR", FM_IMAP_CAP_SASL_IR },
  { "STARTTLS", FM_IMAP_CAP_STARTTLS },
  { "LOGINDISABLED", FM_IMAP_CAP_LOGINDISABLED },
  { "NOTIFY", FM_IMAP_CAP_NOTIFY },
  { "OBJECTID", FM_IMAP_CAP_OBJECTID },
  { "COMPRESS=DEFLATE", FM_IMAP_CAP_COMPRESS },
  { "ACL", FM_IMAP_CAP_ACL },
};

FmImapState *
fm_imap_state_new (void)
{
  FmImapState *state = g_new0 (FmImapState, 1);
  state->etpan = fm_etpan_parse_new ();
  state->cap_names = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  state->odd_names = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  return state;
}

void
fm_imap_state_free (FmImapState *state)
{
  fm_etpan_parse_free (state->etpan);
  g_hash_table_unref (state->cap_names);
  g_hash_table_unref (state->odd_names);
  if (state->listed != NULL)
    g_ptr_array_unref (state->listed);
  g_free (state->selected.name);
  fm_imap_state_reset_codes (state);
  g_free (state->bye);
  g_free (state->alert);
  g_free (state);
}

void
fm_imap_state_set_capabilities (FmImapState *state, const char *words)
{
  g_auto (GStrv) names = g_strsplit_set (words, " ", 1024);

  g_hash_table_remove_all (state->cap_names);
  state->caps = 0;
  state->caps_known = TRUE;
  for (char **name = names; *name != NULL; name++)
    {
      if (**name == '\0')
        continue;
      char *upper = g_ascii_strup (*name, -1);
      for (gsize i = 0; i < G_N_ELEMENTS (known_caps); i++)
        if (strcmp (upper, known_caps[i].name) == 0)
          state->caps |= known_caps[i].cap;
      g_hash_table_add (state->cap_names, upper);
    }
}

void
fm_imap_state_select (FmImapState *state, const char *name, gboolean read_only)
{
  char *copy = g_strdup (name);

  g_free (state->selected.name);
  state->selected = (FmImapSelectedState){ .name = copy, .read_only = read_only };
}

void
fm_imap_state_selected_changed (FmImapState *state)
{
  FmImapSelectedState *now = &state->selected;

  now->view = (FmImapSelected){ now->name,          now->exists,          now->uidvalidity,      now->uidnext,
                                now->highestmodseq, now->permanent_flags, now->keywords_allowed, now->read_only };
  if (state->events.selected != NULL && now->name != NULL)
    state->events.selected (state->events_data, &now->view);
}

void
fm_imap_state_reset_codes (FmImapState *state)
{
  g_clear_pointer (&state->copyuid.from, g_array_unref);
  g_clear_pointer (&state->copyuid.to, g_array_unref);
  g_clear_pointer (&state->appenduid.to, g_array_unref);
  g_clear_pointer (&state->modified, g_array_unref);
  g_clear_pointer (&state->body_inline, g_bytes_unref);
  state->has_body = FALSE;
  state->body_uid = state->body_seq = 0;
}

char *
fm_imap_state_quote_mailbox (FmImapState *state, const char *name, GError **error)
{
  const char *odd = g_hash_table_lookup (state->odd_names, name);
  g_autofree char *wire = NULL;

  if (!g_utf8_validate (name, -1, NULL) || strpbrk (name, "\r\n") != NULL || *name == '\0')
    {
      g_set_error (error, FM_ERROR, FM_ERROR_INVALID,
                   "this folder name can't be sent to a server: it is empty, not UTF-8, or has line breaks");
      return NULL;
    }
  wire = odd != NULL ? g_strdup (odd) : fm_mutf7_encode (name);
  GString *quoted = g_string_new ("\"");
  for (const char *p = wire; *p != '\0'; p++)
    {
      if (*p == '"' || *p == '\\')
        g_string_append_c (quoted, '\\');
      g_string_append_c (quoted, *p);
    }
  return g_string_free (g_string_append_c (quoted, '"'), FALSE);
}

char *
fm_imap_state_name_from_wire (FmImapState *state, const char *wire, gboolean *ret_is_odd)
{
  char *name = g_ascii_strcasecmp (wire, "INBOX") == 0 ? g_strdup ("INBOX") : fm_mutf7_decode (wire);

  *ret_is_odd = name == NULL;
  if (name != NULL)
    return name;
  /* Line breaks could be sent back only as something else: such a name is shown, and every use of it is refused. */
  name = g_utf8_make_valid (wire, -1);
  if (strpbrk (wire, "\r\n") == NULL)
    g_hash_table_replace (state->odd_names, g_strdup (name), g_strdup (wire));
  return name;
}
