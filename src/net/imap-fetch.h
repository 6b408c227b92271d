/* The parser of plain FETCH responses that stands before libetpan's. Private to the network layer. */
#pragma once
#include "imap-state.h"

/* One untagged response, with its literals, without the last CRLF. TRUE: it was a plain FETCH, its effects are done. FALSE: nothing was done; the
 * response is one for the other parsers. */
gboolean fm_imap_fetch_take (FmImapState *state, const char *text, gsize length);
