/* Names of files in a Maildir: UNIQUE[:2,LETTERS]. The unique part names the message for as long as it stays in its folder; the letters are its
 * flags. Letters that are not ours (another program's keywords) survive every rename. */
#pragma once
#include <glib.h>

/* Bytes of the unique part. */
gsize fm_maildir_name_key_length (const char *file_name);
/* The unique part. Transfer: full. */
char *fm_maildir_name_key (const char *file_name);

/* FM_FLAG_* bits that the letters say; FM_FLAG_SEEN is never set for a file in new/ by the caller's rule, not here. */
guint fm_maildir_name_flags (const char *file_name);
/* FILE_NAME with exactly the bits of FLAGS that Maildir knows, foreign letters kept, letters in ASCII order. Transfer: full. */
char *fm_maildir_name_with_flags (const char *file_name, guint flags);

/* A fresh unique part: time, process, counter, random bytes, host. Transfer: full. */
char *fm_maildir_name_unique (void);

/* "S=1234" among the unique part's comma fields (Maildir++), or -1. */
gint64 fm_maildir_name_size (const char *file_name);

/* Deliverable as a message: not hidden, not "." or "..", and bounded. */
gboolean fm_maildir_name_is_message (const char *file_name);
