/* What a session knows, shared by the files that make it up: the parser writes it, the commands read it. Private to the network layer. */
#pragma once
#include "imap-reader.h"
#include <fulmar/net/imap-session.h>

typedef struct {
  char *name;
  guint32 exists, uidvalidity, uidnext;
  guint64 highestmodseq;
  guint permanent_flags;
  gboolean keywords_allowed, read_only;
  FmImapSelected view; /* what fm_imap_session_selected shows */
} FmImapSelectedState;

/* The COPYUID and APPENDUID codes. Elements FmImapRange; TO NULL: not told; FROM NULL in an APPENDUID. */
typedef struct {
  guint32 uidvalidity;
  GArray *from, *to;
} FmImapUidCode;

typedef struct FmEtpanParse FmEtpanParse;

typedef struct {
  FmEtpanParse *etpan;
  FmImapEvents events;
  gpointer events_data;
  guint n_events;        /* for IDLE: whether anything came */
  guint caps;            /* FmImapCaps */
  GHashTable *cap_names; /* upper case; a set */
  gboolean caps_known;
  guint enabled; /* FmImapCaps */
  FmImapSelectedState selected;
  GHashTable *odd_names;            /* UTF-8 name -> wire name */
  GPtrArray *listed;                /* names to ask STATUS for, while a LIST needs it; else NULL */
  FmImapUidCode copyuid, appenduid; /* the last ones since the reset */
  GArray *modified;                 /* FmImapRange; likewise */
  char *bye;
  char *alert; /* the last one */
  gboolean has_preauth;
  guint64 quota_used_kb, quota_limit_kb; /* of storage, of the root that is fullest; limit 0: not told */
  guint32 body_uid, body_seq;            /* of the last FETCH that carried a body */
  GBytes *body_inline;                   /* if it came quoted instead of as a literal */
  gboolean has_body;
} FmImapState;

FmImapState *fm_imap_state_new (void);
void fm_imap_state_free (FmImapState *state);
void fm_imap_state_set_capabilities (FmImapState *state, const char *words);
/* Starts afresh as NAME (NULL: nothing selected). */
void fm_imap_state_select (FmImapState *state, const char *name, gboolean read_only);
void fm_imap_state_selected_changed (FmImapState *state);
void fm_imap_state_reset_codes (FmImapState *state);
/* UTF-8 to the wire, quoted; NULL with INVALID for names that can't be sent. Transfer: full. */
char *fm_imap_state_quote_mailbox (FmImapState *state, const char *name, GError **error);
/* The wire's name in UTF-8, remembered if it can't be turned back. Transfer: full. */
char *fm_imap_state_name_from_wire (FmImapState *state, const char *wire, gboolean *ret_is_odd);
