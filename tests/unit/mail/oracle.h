/* The second opinion on the shared corpus: one JSON object a line, gzip'ed, read without a JSON library. */
#pragma once
#include <glib.h>

typedef struct {
  char *path, *type, *file_name, *sha1;
} OraclePart;

typedef struct {
  char *file;
  int index;                                     /* which message of the file */
  char *subject, *from, *to, *message_id, *date; /* the first of each, or NULL */
  GArray *parts;                                 /* OraclePart */
} OracleMail;

/* File name -> OracleMail, for files that hold one message. NULL if the oracle is not there. */
GHashTable *oracle_load (const char *gzip_path);
