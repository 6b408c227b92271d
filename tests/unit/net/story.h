/* What responses do to a session, told as text, so that two ways to read them can be compared. */
#pragma once
#include "net/imap-state.h"

/* A state in which INBOX is selected and holds 1,000 messages; its events are told to STORY as they are called. Transfer: full. */
FmImapState *story_state_new (GString *story);
/* What was left in the state besides. */
void story_tell_state (GString *story, FmImapState *state);

/* Calls ON_RESPONSE for each response in BYTES, framed by the guard as a session would. */
typedef void (*StoryResponse) (const FmImapResponse *response, gpointer data);
void story_each_response (const char *bytes, gsize length, StoryResponse on_response, gpointer data);
/* The same for every file below FOLDER: the recordings of the corpus, which are kept with bare line ends. */
void story_each_recording (const char *folder, StoryResponse on_response, gpointer data);

/* A response given to imap-fetch.c, and, where that reads it, to the parsers that are asked otherwise. What differs is printed. */
typedef enum {
  STORY_FETCH_TAKEN, /* both tell the same */
  STORY_FETCH_LEFT,  /* refused, and nothing done */
  STORY_FETCH_DIFFERS,
} StoryFetch;
StoryFetch story_compare_fetch (const char *text, gsize length);
