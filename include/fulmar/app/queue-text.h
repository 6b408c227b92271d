/* What waits, as a line for the user: the same on the screen and on the command line. */
#pragma once
#include <fulmar/store/journal.h>
#include <fulmar/store/outbox-store.h>

G_BEGIN_DECLS

/* "moved 3 to work/Archive: 2 wait" of an entry of fm_journal_list_grouped. NOW_UTC: for what is left of a hold. Sanitised. Transfer: full. */
char *fm_queue_text_operation (const FmOpInfo *op, gint64 now_utc);
/* Its state in a word or two: "waits", "held for 8 s", "refused". Transfer: full. */
char *fm_queue_text_state (const FmOpInfo *op, gint64 now_utc);
/* A step of undo: when, what, from where, and what the server knows of it. FROM: the folder's name, or NULL. Sanitised. Transfer: full. */
char *fm_queue_text_level (const FmJournalLevel *level, const char *from, gint64 now_utc);

G_END_DECLS
