/* Lines and messages off a stream, for POP: several answers may lie in one packet, and a message is passed on in the pieces it arrives in. */
#pragma once
#include "pop-parse.h"
#include <fulmar/net/stream.h>

typedef struct {
  FmStream *stream; /* borrowed */
  int timeout_ms;   /* of silence or slowness; -1: the stream's own deadline stays */
  const char *at;   /* what has arrived and is not taken yet; the stream's memory */
  gsize left;
  gsize since_deadline; /* bytes since the deadline was last moved */
  GString *line;        /* one that spans pieces */
} FmPopReader;

FmPopReader *fm_pop_reader_new (FmStream *stream);
void fm_pop_reader_free (FmPopReader *reader);

/* A new answer is awaited: its time begins now. */
void fm_pop_reader_begin (FmPopReader *reader);
/* One line without its end, valid until the next call; longer than 8 kB is LIMIT. */
gboolean fm_pop_reader_line (FmPopReader *reader, const char **ret_line, gsize *ret_length, GError **error);
/* A message up to and with its terminator into SINK (NULL: dropped). */
gboolean fm_pop_reader_message (FmPopReader *reader, FmSink *sink, GError **error);
gboolean fm_pop_reader_has_more (const FmPopReader *reader);
