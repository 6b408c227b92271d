/* Which folders are pushed, and by how many connections: all by one where the server has NOTIFY, else each by one that idles in it, and what is left
 * over is polled. The front's thread. */
#pragma once
#include "sync/imap-private.h"

/* Points the account's watchers at what is to be watched now, starting them as needed: the folder in view first, then those of `watch`. CONN is the
 * front's. ANEW: it has just signed in, and what the server refused before may be tried again. */
void fm_imap_pushed_assign (FmImapConn *conn, gboolean anew);
/* The server takes no more connections: one watcher less; the last one goes only TO_BACK. Said to the user, once. */
void fm_imap_pushed_give_way (FmImapConn *conn, gboolean to_back);
/* The back has left for now: one watcher may connect, if none may, and those that were refused try at once. */
void fm_imap_pushed_take_room (FmImapConn *conn);
