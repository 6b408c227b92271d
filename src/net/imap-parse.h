/* The parser of IMAP responses that stands behind libetpan's. Private to the network layer. */
#pragma once
#include "imap-effect.h"

/* One untagged response. FALSE with PROTOCOL only for what a session can't survive; a response that can't be understood is logged and passed
 * over, and one that can't be understood of a message is an unreadable event. */
gboolean fm_imap_parse_untagged (FmImapState *state, const FmImapResponse *response, GError **error);

/* "[CODE args] text" of a condition: the code's effects on STATE; *RET_CODE (upper case, NULL if none) and *RET_TEXT (sanitised) are the
 * caller's to free. */
void fm_imap_parse_condition (FmImapState *state, const char *text, gsize length, char **ret_code, char **ret_text);

/* One "NAME value" of a FETCH or STATUS; an unknown one is skipped. FALSE: it can't even be skipped. */
gboolean fm_imap_parse_fetch_item (FmImapState *state, FmImapLex *lex, FmImapFetch *fetch);
gboolean fm_imap_parse_status_item (FmImapLex *lex, FmImapStatus *status);

/* "1:3,7" into ascending order within each range. Elements FmImapRange. NULL if it is no set. Transfer: full. */
GArray *fm_imap_parse_set (const char *text, gsize length);
