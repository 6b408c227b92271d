/* Recorded conversations from the shared corpus: what a client said, and what the server's answer was. */
#pragma once
#include <glib.h>

typedef struct {
  char *command; /* without IMAP tag; "" is the greeting; of a command put together at run time only the start, or a name for it */
  char *reply;
  gboolean is_used; /* for the test's own book-keeping */
} FmRecordingStep;

typedef struct {
  char *name;
  GPtrArray *steps; /* FmRecordingStep */
} FmRecording;

/* All recordings of PROTOCOL ("imap", "pop3", "smtp") below CORPUS: FmRecording. NULL if there are none. Transfer: full. */
GPtrArray *fm_recording_load (const char *corpus, const char *protocol);
void fm_recording_reset (FmRecording *recording); /* no step is used */
