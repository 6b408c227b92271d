/* What we have deleted on a server that can't expunge it alone. Ranges are FmImapRange. */
#pragma once
#include "sync/imap-private.h"

/* Of this folder under this UIDVALIDITY. Transfer: full, never NULL. */
GArray *fm_imap_hidden_read (FmStoreReader *reader, gint64 folder_id, guint32 uidvalidity);
/* HIDDEN may be NULL. */
gboolean fm_imap_hidden_has (const GArray *hidden, guint32 uid);
guint fm_imap_hidden_count (const GArray *hidden);
/* Of the selected folder, durably; before the server is told: without the flag there they hide nothing. */
gboolean fm_imap_hidden_add (FmImapConn *conn, gint64 folder_id, const GArray *ranges, GError **error);
/* Forgets those for which KEEP says FALSE; it runs on the pen's thread. */
typedef gboolean (*FmImapHiddenKeep) (guint32 uid, gpointer data);
gboolean fm_imap_hidden_keep (FmImapConn *conn, gint64 folder_id, FmImapHiddenKeep keep, gpointer data, GError **error);
