/* One untagged response into what it means for the session: state written, events called. Private to the network layer. */
#pragma once
#include "imap-state.h"

/* FALSE with PROTOCOL only for what a session can't survive; a response that can't be understood is logged and passed over, and one that
 * can't be understood of a message is an unreadable event. */
gboolean fm_imap_parse_untagged (FmImapState *state, const FmImapResponse *response, GError **error);

/* "[CODE args] text" of a status response: the code's effects on STATE; *RET_CODE (upper case, NULL if none) and *RET_TEXT (sanitised) are the
 * caller's to free. */
void fm_imap_parse_status_text (FmImapState *state, const char *text, gsize length, char **ret_code, char **ret_text);

/* "1:3,7" into ascending order within each range. Elements FmImapRange. NULL if it is no set. Transfer: full. */
GArray *fm_imap_parse_set (const char *text, gsize length);
