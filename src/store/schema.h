/* The database's shape and its migrations. */
#pragma once
#include <glib.h>
#include <sqlite3.h>

/* A condition on rows of msg M ("m." or "") whose hash is the parameter P ("?1"). A row's own hash is always in `mid`, with its thread. */
#define FM_SCHEMA_OF_MID(m, p) m "thread_id=(SELECT thread_id FROM mid WHERE h=" p ") AND " m "mid=" p

/* Brings an open database to the newest version, each step in a transaction of its own. A newer one than ours is refused. */
gboolean fm_schema_migrate (sqlite3 *db, GError **error);
int fm_schema_version (void);
/* What takes a database from VERSION (below ours) to the next. */
const char *fm_schema_step (int version);
