/* The database's shape and its migrations. */
#pragma once
#include <glib.h>
#include <sqlite3.h>

/* Brings an open database to the newest version, each step in a transaction of its own. A newer one than ours is refused. */
gboolean fm_schema_migrate (sqlite3 *db, GError **error);
int fm_schema_version (void);
