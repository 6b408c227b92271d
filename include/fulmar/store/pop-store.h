/* The POP ledger: which messages of which UIDL are here, so that none is lost and none is fetched twice (RFC 1939 section 7; the pipeline is
 * sync's). A row is written in the transaction that files the message, with FM_DB_FULL. Rows outlive the message on the server by 90 days. */
#pragma once
#include <fulmar/store/db.h>

G_BEGIN_DECLS

/* value struct, owned strings */
typedef struct {
  char *uidl;          /* "" in digest mode (no UIDL, or duplicates in the listing) */
  char *digest;        /* of the message file, hex; "" for a header stub */
  char *header_digest; /* of the header alone, hex: finds the message again when all UIDLs are new; "" if not known */
  gint64 msg_id;       /* the row it became; 0: gone */
  gint64 first_seen_utc;
  gint64 gone_since_utc; /* 0: on the server at the last good listing */
  gint64 deleted_utc;    /* DELE confirmed by QUIT's +OK; 0: no */
  gboolean wants_delete; /* the user deleted it here */
  gboolean stub;         /* only the header is here */
} FmPopSeen;
void fm_pop_store_free (FmPopSeen *seen);

/* All rows of the account. FmPopSeen*. Transfer: full. */
GPtrArray *fm_pop_store_list (FmStoreReader *reader, gint64 account_id, GError **error);
/* NULL without an error: unknown. Transfer: full. */
FmPopSeen *fm_pop_store_find (FmStoreReader *reader, gint64 account_id, const char *uidl, GError **error);
FmPopSeen *fm_pop_store_find_digest (FmStoreReader *reader, gint64 account_id, const char *digest, GError **error);
FmPopSeen *fm_pop_store_find_header (FmStoreReader *reader, gint64 account_id, const char *header_digest, GError **error);

/* UIDLs of messages still on the server that the user has deleted here: the row is gone, or lies in the Trash. char*. Transfer: full. */
GPtrArray *fm_pop_store_deleted_here (FmStoreReader *reader, gint64 account_id, GError **error);

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

G_END_DECLS
