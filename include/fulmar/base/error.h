/* The one error domain. A code says what the user can do next, not which library failed; each library's own numbers die in one translator
 * (net/etpan-error.c, store/sqlite-error.c, index/notmuch-error.c). Context is added with g_prefix_error on the way up. */
#pragma once
#include <glib.h>

G_BEGIN_DECLS

#define FM_ERROR (fm_error_quark ())

typedef enum {
  FM_ERROR_OFFLINE,   /* no connection, or it broke: retried by itself */
  FM_ERROR_TIMEOUT,   /* the peer said nothing before the deadline */
  FM_ERROR_AUTH,      /* the server refused the sign-in: ask the user */
  FM_ERROR_TLS,       /* the connection can't be trusted: nothing was sent */
  FM_ERROR_PROTOCOL,  /* the peer broke the protocol: the connection is lost */
  FM_ERROR_REFUSED,   /* the server understood and said no: its words are the message */
  FM_ERROR_STORAGE,   /* the local disk or database failed */
  FM_ERROR_NOT_FOUND, /* what was named is not there */
  FM_ERROR_CANCELLED, /* the user or the program's end stopped it */
  FM_ERROR_LIMIT,     /* a bound on foreign input was exceeded */
  FM_ERROR_INVALID,   /* the request itself is wrong: bad argument, bad syntax */
} FmErrorCode;

GQuark fm_error_quark (void);

/* The code's name in lower case ("offline"), static; for logs and --json. */
const char *fm_error_code_name (FmErrorCode code);

/* Sets FM_ERROR/code from errno's text: "WHAT: No space left on device". */
void fm_error_set_errno (GError **error, FmErrorCode code, int saved_errno, const char *what_format, ...) G_GNUC_PRINTF (4, 5);

G_END_DECLS
