/* GMime, started once for the process, with the one set of parser options this room uses: lenient everywhere, raw 8-bit header text read as
 * UTF-8 or else windows-1252. */
#pragma once
#include <gmime/gmime.h>

G_BEGIN_DECLS

/* Read-only, shared by all threads. Also makes sure that GMime is initialised. Transfer: none. */
GMimeParserOptions *fm_gmime_init_options (void);

G_END_DECLS
