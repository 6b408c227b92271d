/* The POP ledger: which messages of which UIDL are here, so that none is lost and none is fetched twice (RFC 1939 section 7; the pipeline is
 * sync's). A row is written in the transaction that files the message, with FM_DB_FULL. Rows outlive the message on the server by 90 days. */
#pragma once
#include <fulmar/store/db.h>

G_BEGIN_DECLS

/* value struct, owned strings */
typedef struct {
  gint64 id;           /* the ledger row's; not read by fm_pop_store_put */
  char *uidl;          /* "" in digest mode (no UIDL, or duplicates in the listing) */
  char *digest;        /* of the message file, hex; "" for a header stub */
  char *header_digest; /* of the header alone, hex: finds the message again when all UIDLs are new; "" if not known */
  gint64 msg_id;       /* the row it became; 0: gone */
  gint64 first_seen_utc;
  gint64 gone_since_utc; /* 0: on the server at the last good listing */
  gint64 deleted_utc;    /* DELE confirmed by QUIT's +OK; 0: no */
  gboolean wants_delete; /* the user deleted it here */
  gboolean stub;         /* only the header is here */
  gboolean wanted;       /* a stub's rest has been asked for: the next session brings it */
} FmPopSeen;
void fm_pop_store_free (FmPopSeen *seen);

/* All rows of the account. FmPopSeen*. Transfer: full. */
GPtrArray *fm_pop_store_list (FmStoreReader *reader, gint64 account_id, GError **error);
/* NULL without an error: unknown. Transfer: full. */
FmPopSeen *fm_pop_store_find (FmStoreReader *reader, gint64 account_id, const char *uidl, GError **error);
FmPopSeen *fm_pop_store_find_digest (FmStoreReader *reader, gint64 account_id, const char *digest, GError **error);
FmPopSeen *fm_pop_store_find_header (FmStoreReader *reader, gint64 account_id, const char *header_digest, GError **error);

/* That of a message's row. */
FmPopSeen *fm_pop_store_find_message (FmStoreReader *reader, gint64 msg_id, GError **error);

/* Ids of the ledger rows whose message is still on the server and has been deleted here: the row is gone, or lies in the Trash. A stub, of which
 * the server has the only copy, must have been deleted for good. gint64. Transfer: full. */
GArray *fm_pop_store_deleted_here (FmStoreReader *reader, gint64 account_id, GError **error);
/* Of messages that something was done to within FM_JOURNAL_HOLD_S, or is held: it may be undone, a DELE may not. Likewise. */
GArray *fm_pop_store_unsettled (FmStoreReader *reader, gint64 account_id, GError **error);
/* Ids of the ledger rows of stubs whose message is still here, not in the Trash unless its rest was asked for. gint64. Transfer: full. */
GArray *fm_pop_store_stubs (FmStoreReader *reader, gint64 account_id, GError **error);
/* The rest of a stub is asked for, or (WANTED FALSE) no longer. */
gboolean fm_pop_store_want (FmStoreWriter *writer, gint64 msg_id, gboolean wanted, GError **error);

/* Each row of the account that has a message file: the file's digest, the folder's name, flags, tags joined by blanks. FALSE ends the walk. */
typedef gboolean (*FmPopPlaceVisit) (const char *digest, const char *folder, guint flags, const char *keywords, gpointer data);
gboolean fm_pop_store_each_place (FmStoreReader *reader, gint64 account_id, FmPopPlaceVisit visit, gpointer data, GError **error);

/* value struct, owned strings: policies as text, "" where there is none */
typedef struct {
  char *in_force;  /* "" before the first session */
  char *next;      /* the user has been told what it will delete */
  gint64 from_utc; /* since when NEXT is in force; 0: there is none */
} FmPopLaw;
void fm_pop_store_law_clear (FmPopLaw *law);
/* FALSE: there is no such account. RET_LAW: clear it. */
gboolean fm_pop_store_law (FmStoreReader *reader, gint64 account_id, FmPopLaw *ret_law);
gboolean fm_pop_store_set_law (FmStoreWriter *writer, gint64 account_id, const FmPopLaw *law, GError **error);

/* Writes or overwrites the row of (uidl), or with an empty UIDL of (digest); a row of its digest and message without a UIDL gets it. first_seen_utc of a known row stays. */
gboolean fm_pop_store_put (FmStoreWriter *writer, gint64 account_id, const FmPopSeen *seen, GError **error);
/* The UIDL of a known message has changed (a reset): the row keeps everything else. */
gboolean fm_pop_store_rename (FmStoreWriter *writer, gint64 account_id, const char *old_uidl, const char *new_uidl, GError **error);
/* After a COMPLETE listing: rows in it are present, the others gone since NOW; rows gone for longer than KEEP_S are dropped. */
gboolean fm_pop_store_listed (FmStoreWriter *writer, gint64 account_id, const char *const *uidls, gint64 now_utc, int keep_s,
                              GError **error);
/* After +OK of QUIT. */
gboolean fm_pop_store_deleted (FmStoreWriter *writer, gint64 account_id, const char *const *uidls, gint64 now_utc, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (FmPopSeen, fm_pop_store_free)
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (FmPopLaw, fm_pop_store_law_clear)

G_END_DECLS
