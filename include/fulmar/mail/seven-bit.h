/* What a message's bytes ask of the way it is sent (RFC 5321 section 4.5.3.1.6, RFC 6152), and the same message for a way that takes less: parts are encoded
 * anew as quoted-printable or base64, what they say stays the same. */
#pragma once
#include <glib.h>

G_BEGIN_DECLS

typedef enum {
  FM_SEVEN_BIT_HIGH = 1 << 0, /* 8-bit bytes in the body: 8BITMIME, or encoding */
  FM_SEVEN_BIT_LONG = 1 << 1, /* a body line of more than 998 bytes: encoding */
  FM_SEVEN_BIT_NUL = 1 << 2,  /* a NUL byte in the body: encoding */
} FmSevenBitNeeds;

/* FD is read from its beginning; its position does not matter and is kept. FALSE: FM_ERROR_STORAGE. Not for the UI thread. */
gboolean fm_seven_bit_survey (int fd, guint *ret_needs, GError **error);
/* A new descriptor (close-on-exec, in memory) of the message with CRLF line ends and nothing in its body that needs more than SMTP's plainest form. Signed
 * parts are never touched: if one needs it, FM_ERROR_INVALID. STORAGE. -1 on error. */
int fm_seven_bit_convert (int fd, GError **error);

G_END_DECLS
