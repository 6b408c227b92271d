/* What the index and its workers say to each other: one frame a packet of a SOCK_SEQPACKET socket pair, so that nothing is ever half read.
 * A frame is a fixed head, a bounded body, and for ADD the open mail as a descriptor: the worker needs no right to open mail itself. Both
 * sides trust nothing: length, kind and body are checked on receipt, since a worker parses hostile mail and may have been taken over. */
#pragma once
#include <glib.h>

#define FM_INDEX_FRAME_MAX_BODY 32768
#define FM_INDEX_FRAME_MAX_HITS (FM_INDEX_FRAME_MAX_BODY / sizeof (gint64))

typedef enum {
  /* To a worker. */
  FM_INDEX_FRAME_HELLO = 1, /* body: FmIndexFrameHello, then the generation's directory */
  FM_INDEX_FRAME_ADD,       /* number: sequence; first: blob; body: FmIndexFrameRange; a descriptor */
  FM_INDEX_FRAME_REMOVE,    /* number: sequence; first: blob */
  FM_INDEX_FRAME_FLUSH,     /* number: sequence */
  FM_INDEX_FRAME_SEARCH,    /* number: request; first: limit; second: FmIndexOrder; body: query */
  FM_INDEX_FRAME_COUNT,     /* number: request; body: query */
  FM_INDEX_FRAME_PROBE,     /* number: request; body: forbidden path */
  FM_INDEX_FRAME_BYE,       /* commit and end */
  /* From a worker. */
  FM_INDEX_FRAME_READY,   /* first: documents */
  FM_INDEX_FRAME_WORKING, /* number: sequence it begins with */
  FM_INDEX_FRAME_FAILED,  /* number: sequence; first: FmErrorCode; body: why */
  FM_INDEX_FRAME_COMMITTING,
  FM_INDEX_FRAME_COMMITTED, /* number: every change up to this sequence is durable; first: documents */
  FM_INDEX_FRAME_NO_ROOM,   /* body: why; the worker ends */
  FM_INDEX_FRAME_BUSY,      /* another process indexes here; the worker ends */
  FM_INDEX_FRAME_DAMAGED,   /* body: why; the worker ends */
  FM_INDEX_FRAME_HITS,      /* number: request; body: gint64 ids */
  FM_INDEX_FRAME_ANSWER,    /* number: request; first: count */
  FM_INDEX_FRAME_REFUSED,   /* number: request; first: FmErrorCode; body: why */
  FM_INDEX_FRAME_LAST
} FmIndexFrameKind;

typedef enum { FM_INDEX_FRAME_WRITER, FM_INDEX_FRAME_READER } FmIndexFrameRole;

typedef struct {
  guint32 role;
  guint32 batch_count;
  guint32 batch_ms;
  guint32 quiet_ms;
  guint64 least_free_bytes;
} FmIndexFrameHello;

typedef struct {
  gint64 offset_bytes;
  gint64 size_bytes; /* -1: to the end */
} FmIndexFrameRange;

typedef struct {
  guint32 length; /* of the whole packet */
  guint32 kind;
  guint64 number;
  gint64 first;
  gint64 second;
} FmIndexFrameHead;

/* A received frame. BODY has a NUL after body_size bytes. FD is -1 or the reader's to close. */
typedef struct {
  FmIndexFrameHead head;
  gsize body_size;
  int fd;
  guint8 body[FM_INDEX_FRAME_MAX_BODY + 8] __attribute__ ((aligned (8)));
} FmIndexFrame;

typedef enum { FM_INDEX_FRAME_OK, FM_INDEX_FRAME_AGAIN, FM_INDEX_FRAME_GONE, FM_INDEX_FRAME_BROKEN } FmIndexFrameResult;

/* Sends one frame; PASS_FD -1: none. WAIT FALSE: AGAIN instead of blocking. The body is at most FM_INDEX_FRAME_MAX_BODY. */
FmIndexFrameResult fm_index_frame_send (int socket, const FmIndexFrameHead *head, const void *body, gsize body_size, int pass_fd,
                                        gboolean wait);
/* Takes one frame. BROKEN: not one of ours; the other side is not to be listened to any more. */
FmIndexFrameResult fm_index_frame_receive (int socket, FmIndexFrame *ret_frame, gboolean wait);
