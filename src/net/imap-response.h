/* Which parser reads a response. Private to the network layer. */
#pragma once
#include "imap-state.h"

/* As fm_imap_parse_untagged, imap-fetch.c and libetpan asked first. */
gboolean fm_imap_response_untagged (FmImapState *state, const FmImapResponse *response, GError **error);

/* As fm_imap_parse_condition, libetpan asked first; an alert is told. */
void fm_imap_response_condition (FmImapState *state, const char *text, gsize length, char **ret_code, char **ret_text);
