/* IMAP responses read by libetpan. Private to the network layer. */
#pragma once
#include "imap-state.h"

/* One for each session, used by one thread at a time. */
FmEtpanParse *fm_etpan_parse_new (void);
void fm_etpan_parse_free (FmEtpanParse *parse);

/* One untagged response, with its literals, without the last CRLF. TRUE: read, its effects are done. FALSE with PROTOCOL or LIMIT: nothing was
 * done; the response is one for fm_imap_parse_untagged. */
gboolean fm_etpan_parse_untagged (FmImapState *state, const char *text, gsize length, GError **error);

/* "[CODE args] text" of a condition, likewise; *RET_CODE (upper case, NULL if none) and *RET_TEXT (sanitised) are the caller's to free. */
gboolean fm_etpan_parse_condition (FmImapState *state, const char *text, gsize length, char **ret_code, char **ret_text, GError **error);
