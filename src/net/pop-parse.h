/* The readers of what a POP3 server sends, without any connection: fuzzed and tested alone. */
#pragma once
#include <fulmar/base/sink.h>
#include <glib.h>

/* "+OK text" or "-ERR text"; anything else is PROTOCOL. On -ERR the code of "[CODE]" is in RET_CODE (upper case, "" if none). Any of the RET may be
 * NULL. Transfer: full. RET_TEXT is sanitised. */
gboolean fm_pop_parse_status (const char *line, gsize length, gboolean *ret_ok, char **ret_code, char **ret_text, GError **error);

/* "3 1204 ..." of LIST (or of STAT behind +OK). FALSE: nonsense. */
gboolean fm_pop_parse_list_line (const char *line, gsize length, guint32 *ret_number, guint64 *ret_size);
/* "3 uidl", blanks as they come; the UIDL is printable ASCII of 1..512 bytes, else *RET_UIDL is NULL. FALSE: nonsense. Transfer: full. */
gboolean fm_pop_parse_uidl_line (const char *line, gsize length, guint32 *ret_number, char **ret_uidl);

/* A message on its way: dots are taken off and the lone dot found, whatever the pieces it arrives in (RFC 1939 section 3). */
typedef struct {
  guint state; /* begin with zero */
} FmPopDots;

/* Takes bytes up to the end of the terminator; the number taken in RET_TAKEN. What belongs to the message goes to SINK (NULL: dropped).
 * *RET_DONE: the terminator was seen. FALSE: the sink's error. */
gboolean fm_pop_parse_dots (FmPopDots *dots, const char *bytes, gsize size, FmSink *sink, gsize *ret_taken, gboolean *ret_done,
                            GError **error);
