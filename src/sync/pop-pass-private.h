/* What the files of a POP pass share: a session's listing held against the ledger. */
#pragma once
#include "sync/pop-pass.h"
#include <fulmar/net/pop-session.h>
#include <fulmar/store/pop-store.h>

/* A ledger row in this session. */
typedef struct {
  FmPopSeen *seen;
  gboolean listed; /* some entry of the listing is this message */
} FmPopKnown;

/* An entry of the listing in this session. */
typedef struct {
  const FmPopEntry *told;
  FmPopKnown *known; /* NULL: new */
  FmPopKnown *doubt; /* a row of the same UIDL that had been gone: the server may have given its name to another message */
  char *header_digest;
  GBytes *header; /* kept for stubs */
  gboolean is_stub, is_done;
} FmPopItem;

typedef struct {
  FmPopContext *context;
  FmPopSession *session;
  GPtrArray *entries; /* FmPopEntry* */
  GPtrArray *ledger;  /* FmPopKnown* */
  GArray *items;      /* FmPopItem, as entries */
  GHashTable *by_uidl, *by_number;
  GHashTable *by_digest, *by_header; /* text -> GPtrArray of FmPopKnown* */
  FmPopOutcome *outcome;
} FmPopMatch;

/* pop-match.c */
FmPopMatch *fm_pop_match_new (FmPopContext *context, FmPopSession *session, FmPopOutcome *outcome);
void fm_pop_match_free (FmPopMatch *match);
/* Lists, then says of each entry whether it is known; headers are compared where UIDLs don't tell. Renames are durable on return. */
gboolean fm_pop_match_run (FmPopMatch *match, GError **error);
FmPopItem *fm_pop_match_item (FmPopMatch *match, guint32 number);
/* An unlisted row of that body digest (in digest mode: any), which becomes the item's; NULL: none. */
FmPopKnown *fm_pop_match_digest (FmPopMatch *match, FmPopItem *item, const char *digest);
/* A row for a message that has just been written, owned by the match. */
FmPopKnown *fm_pop_match_add (FmPopMatch *match, FmPopSeen *seen);

/* pop-fetch.c: brings the items that are not known. TRUE: every one is committed, or the server keeps refusing it. */
gboolean fm_pop_fetch_run (FmPopMatch *match, GError **error);
/* Where Gmail shows nothing but what is here, some of that is fetched again into nothing, so that the next session shows more. */
gboolean fm_pop_fetch_nudge (FmPopMatch *match, GError **error);
/* By the account's settings, and as far as the server can give a header alone. */
gboolean fm_pop_fetch_wants_stub (const FmPopMatch *match, const FmPopEntry *told);

/* pop-stub.c */
typedef enum {
  FM_POP_STUBS_ONE,    /* the message of that row */
  FM_POP_STUBS_WANTED, /* those whose rest was asked for */
  FM_POP_STUBS_LET,    /* those that the settings hold back no longer */
} FmPopStubs;
/* Brings the rest of stubs. What the server refuses stays a stub; one that turns out to be another message is unknown again. */
gboolean fm_pop_stub_run (FmPopMatch *match, FmPopStubs which, gint64 msg_id, GError **error);

/* pop-due.c */
/* Before anything is fetched: the first policy an account has counts as known to the user. */
gboolean fm_pop_due_begin (FmPopMatch *match, GError **error);
/* Deletes what is due and ends the session with QUIT. */
gboolean fm_pop_due_finish (FmPopMatch *match, GError **error);
/* What the server holds, for whoever shows it. */
gboolean fm_pop_due_note_server (FmPopMatch *match, GError **error);

void fm_pop_pass_step (FmPopStep step);
