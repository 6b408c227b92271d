/* What the rest of the room must know of address parsing. */
#pragma once
#include "fulmar/mail/address.h"

/* The most colons that GMime's address parser may see in one field: it recurses once for each. */
enum { FM_ADDRESS_MAX_COLONS = 500, FM_ADDRESS_MAX_FIELD_BYTES = 512 * 1024, FM_ADDRESS_MAX_ITEMS = 5000 };

/* One block: the items' strings stand behind the items, so that a list costs one allocation however long it is. */
struct FmAddressList {
  gint refs;
  guint n;
  FmAddress items[];
};

/* "a@b", "Name <a@b>", "\"Name\" <a@b>" and comma lists of those, in ASCII: what nearly every field is. The same list as GMime's parser gives, and the
 * addresses with a dot too many that it loses.
 * NULL: the field has anything else in it and is for that parser. Transfer: full. */
FmAddressList *fm_address_plain_parse (const char *text, gsize size_bytes);
/* fm_address_list_parse by way of GMime, whatever the field is like. Transfer: full. */
FmAddressList *fm_address_list_parse_any (const char *text, gsize size_bytes);
