/* Mail addresses as header fields carry them (RFC 5322 section 3.4): parsed leniently from hostile bytes into frozen lists, shown to
 * people, and written back encoded (RFC 2047). Every string here is valid UTF-8 on one line, fit for a screen. */
#pragma once
#include <glib.h>

G_BEGIN_DECLS

/* One mailbox. Borrowed from its list. NAME is "" where there is none; ADDRESS is "local@domain", or what stood there if it was no address. */
typedef struct {
  const char *name;
  const char *address;
} FmAddress;

/* A frozen list, atomically refcounted; groups are flattened to their members. NULL is an empty list for every function here. */
typedef struct FmAddressList FmAddressList;

/* The value of an address field: folded, raw 8-bit, RFC 2047 and broken forms give the best reading; never fails. At most 5000 addresses
 * are kept. size_bytes -1: up to NUL. Transfer: full. */
FmAddressList *fm_address_list_parse (const char *text, gssize size_bytes);
/* A list of N plain pairs (copied, sanitised). Transfer: full. */
FmAddressList *fm_address_list_new (const FmAddress *addresses, gsize n);
FmAddressList *fm_address_list_ref (const FmAddressList *list);
void fm_address_list_unref (FmAddressList *list);

guint fm_address_list_length (const FmAddressList *list);
/* INDEX below the length. Transfer: none; lives as long as the list. */
const FmAddress *fm_address_list_get (const FmAddressList *list, guint index);

/* "Grace Hopper <grace@example.org>, x@y" for a screen: decoded, names quoted only where they hold specials. Transfer: full. */
char *fm_address_list_display (const FmAddressList *list);
/* Names alone ("Grace Hopper, x@y"), for list columns. Transfer: full. */
char *fm_address_list_display_short (const FmAddressList *list);
/* The same list as the value of a header field: ASCII, encoded, unfolded. Transfer: full. */
char *fm_address_list_header (const FmAddressList *list);

/* One address, as above. fm_address_short: the name, else the address; borrowed. */
char *fm_address_display (const FmAddress *address);
const char *fm_address_short (const FmAddress *address);

/* Same mailbox: addresses compared without regard to ASCII case (the local part too, as every server of our time does). */
gboolean fm_address_equal (const char *a, const char *b);
gboolean fm_address_list_contains (const FmAddressList *list, const char *address);
/* "local@domain" with nothing that could break a protocol line: no blank, control, angle bracket or comma outside quotes; at most 320 bytes.
 * UTF-8 is allowed (RFC 6531); fm_address_is_ascii tells whether SMTPUTF8 is needed. */
gboolean fm_address_is_valid (const char *address);
gboolean fm_address_is_ascii (const char *address);
/* The address as SMTP carries it: an international domain in its ASCII form (IDNA), the local part as it is. Transfer: full. */
char *fm_address_wire (const char *address);

/* A and then those of B not in A, without duplicates, leaving out every address of WITHOUT (may be NULL). Transfer: full. */
FmAddressList *fm_address_list_merge (const FmAddressList *a, const FmAddressList *b, const FmAddressList *without);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (FmAddressList, fm_address_list_unref)

G_END_DECLS
