/* mailto: links (RFC 6068) to a draft. The link is hostile: only To, Cc, Bcc, Subject, Body and In-Reply-To are taken; attachments, From and
 * everything else are ignored, so that a page can't make a user send a file. */
#pragma once
#include <glib.h>
#include "fulmar/mail/draft.h"

G_BEGIN_DECLS

/* FM_ERROR_INVALID if it is no mailto: link, FM_ERROR_LIMIT beyond 64 kB. Transfer: full. */
FmDraft *fm_mailto_parse (const char *url, GError **error);

G_END_DECLS
