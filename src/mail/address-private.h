/* What the rest of the room must know of address parsing. */
#pragma once

/* The most colons that GMime's address parser may see in one field: it recurses once for each. */
enum { FM_ADDRESS_MAX_COLONS = 500 };
