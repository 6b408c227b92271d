/* The inside of an opened message, shared by the message-*.c files. */
#pragma once
#include <gmime/gmime.h>
#include "fulmar/mail/message.h"

G_BEGIN_DECLS

typedef struct {
  FmMessageField *fields[2]; /* by FmMessageHeaderSet; NULL: not made yet */
  gsize n_fields[2];
} FmMessageFields;

typedef struct {
  FmMessagePart part;   /* its strings are owned here */
  GMimeObject *object;  /* borrowed from the tree; NULL for stand-ins */
  char *raw_text;       /* of a stand-in for a multipart without parts */
  FmEnvelope *envelope; /* of the message inside, made when asked for */
  FmMessageFields fields;
} FmMessageNode;

struct FmMessage {
  GMimeParserOptions *options;
  GMimeStream *stream;
  GMimeMessage *mime;
  guint defects;
  GPtrArray *nodes; /* FmMessageNode */
  FmEnvelope *envelope;
  FmMessageFields fields;
};

FmMessageNode *fm_message_node (const FmMessage *message, guint index);
/* The GMime message whose header INDEX stands for: the whole, or the one inside a message/rfc822 part; NULL for others. */
GMimeMessage *fm_message_mime (const FmMessage *message, guint index);

/* message-tree.c: fills message->nodes. */
void fm_message_tree_build (FmMessage *message);
void fm_message_tree_free_node (gpointer node);

/* message-lost.c: the text of an empty leaf that GMime took for a broken header and dropped; NULL if there is none. Transfer: full. */
char *fm_message_lost_whole (const FmMessage *message); /* of a file that is no message at all: its beginning. Transfer: full. */
char *fm_message_lost_text (const FmMessage *message, guint index);

/* message-headers.c */
void fm_message_headers_clear (FmMessageFields *fields);

G_END_DECLS
