/* What libetpan exports but declares in no installed header (present in 1.9.4, 1.10.1 and after; configure looks for them). Included by the
 * etpan-*.c files alone. With a NULL stream these parse a buffer that already holds the whole response, literals and all. */
#pragma once
#include "imap-effect.h"
#include <libetpan/libetpan.h>

int mailimap_response_data_parse (mailstream *fd, MMAPString *buffer, struct mailimap_parser_context *context, size_t *index,
                                  struct mailimap_response_data **result, size_t progress_rate, progress_function *progress);
struct mailimap_parser_context *mailimap_parser_context_new (mailimap *session);
void mailimap_parser_context_free (struct mailimap_parser_context *context);

/* etpan-catch.c. Registers the catch-all extension, once for the process; thread-safe. */
void fm_etpan_catch_register (void);
gboolean fm_etpan_catch_is (const struct mailimap_extension_data *data);
/* A lex over the raw "NAME value", its copies kept by KEEP. */
FmImapLex fm_etpan_catch_lex (const struct mailimap_extension_data *data, const MMAPString *buffer, GPtrArray *keep);

/* etpan-fetch.c. BUFFER: what was parsed. */
void fm_etpan_fetch_take (FmImapState *state, guint32 seq, const struct mailimap_msg_att *items, const MMAPString *buffer);

/* etpan-code.c. A flag as a server writes it: what libetpan keeps as a number or without its backslash; a new string belongs to KEEP. */
const char *fm_etpan_code_flag (const struct mailimap_flag *flag, GPtrArray *keep);
/* Elements FmImapRange. NULL: not of plain numbers. Transfer: full. */
GArray *fm_etpan_code_ranges (const struct mailimap_set *set);
void fm_etpan_code_capabilities (FmImapState *state, const struct mailimap_capability_data *data);
/* FALSE: nothing done; libetpan did not understand the code. */
gboolean fm_etpan_code_take (FmImapState *state, const struct mailimap_resp_text *text, char **ret_code, char **ret_text);
