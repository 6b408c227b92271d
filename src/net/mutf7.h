/* Modified UTF-7 (RFC 3501, 5.1.3): how mailbox names travel. Private to the network layer. */
#pragma once
#include <glib.h>

/* UTF-8 of a wire name. Transfer: full. NULL if WIRE is not well formed, or is not the one way to write its name (then it could not be turned
 * back), or if the name has control characters. */
char *fm_mutf7_decode (const char *wire);
/* The wire form of valid UTF-8. Transfer: full. */
char *fm_mutf7_encode (const char *utf8);
