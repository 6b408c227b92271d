/* What a response that has been read means for the session, whichever parser read it. Private to the network layer. */
#pragma once
#include "imap-lex.h"
#include "imap-state.h"

/* One FETCH while it is read. The words in the arrays belong to KEEP or to the response; each array ends in NULL once its item was seen. */
typedef struct {
  FmImapMessage message;
  GPtrArray *keywords, *labels;
  GPtrArray *keep; /* owns copies */
  gboolean has_body;
  FmImapText body;
} FmImapFetch;

void fm_imap_effect_fetch_init (FmImapFetch *fetch, guint32 seq);
void fm_imap_effect_fetch_clear (FmImapFetch *fetch);
/* FLAGS, and what flag WORDS ("\\Seen", keywords; NULL-terminated; NULL: none) say besides. */
void fm_imap_effect_fetch_flags (FmImapFetch *fetch, guint flags, GPtrArray *words);
/* Labels in modified UTF-7, NULL-terminated. */
void fm_imap_effect_fetch_labels (FmImapState *state, FmImapFetch *fetch, GPtrArray *words);
/* The text of a BODY[...] item; IS_HEADER: a section of the message's own header. */
void fm_imap_effect_fetch_body (FmImapFetch *fetch, FmImapText text, gboolean is_header);
/* The message event, or the unreadable one. */
void fm_imap_effect_fetch (FmImapState *state, FmImapFetch *fetch, gboolean is_read);

/* WORDS: attributes with their backslash, NULL-terminated; DELIMITER 0: flat. */
void fm_imap_effect_box (FmImapState *state, GPtrArray *words, char delimiter, const char *wire_name);
/* STATUS but for its name, which is filled in from WIRE_NAME. */
void fm_imap_effect_status (FmImapState *state, const char *wire_name, FmImapStatus *status);
/* Puts SET (FmImapRange) in order. */
void fm_imap_effect_rights (FmImapState *state, const char *wire_name, const char *rights);
void fm_imap_effect_search (FmImapState *state, GArray *set, guint64 modseq);
void fm_imap_effect_vanished (FmImapState *state, gboolean earlier, const GArray *set);
void fm_imap_effect_exists (FmImapState *state, guint32 n);
void fm_imap_effect_expunge (FmImapState *state, guint32 seq);
/* One resource of one quota root, as QUOTA told (RFC 9208): of STORAGE, in units of 1024 bytes, the fullest is kept. */
void fm_imap_effect_quota (FmImapState *state, guint64 used_kb, guint64 limit_kb);
void fm_imap_effect_enabled (FmImapState *state, const char *name);

/* Response codes. */
void fm_imap_effect_permanent_flags (FmImapState *state, GPtrArray *words);
/* UIDVALIDITY, UIDNEXT, HIGHESTMODSEQ, NOMODSEQ, READ-ONLY, READ-WRITE, by name; FALSE: another one. */
gboolean fm_imap_effect_code (FmImapState *state, const char *name, guint64 n);
/* COPYUID and APPENDUID (FROM NULL). Transfer: FROM and TO full. */
void fm_imap_effect_copyuid (FmImapState *state, guint32 uidvalidity, GArray *from, GArray *to);
void fm_imap_effect_appenduid (FmImapState *state, guint32 uidvalidity, GArray *uids);
void fm_imap_effect_modified (FmImapState *state, GArray *set);
/* The human text of a condition: an alert is told. KIND: "OK", "BYE", ... in any case; CODE: upper case or NULL. */
void fm_imap_effect_condition (FmImapState *state, const char *kind, const char *code, const char *text);
