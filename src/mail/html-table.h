/* What a table of HTML is for. */
#pragma once
#include <glib.h>
#include <gumbo.h>

/* FALSE: for layout. LOOKS counts the nodes looked at, over the whole mail: beyond a bound all tables are layout. */
gboolean fm_html_table_holds_data (const GumboNode *table, guint *looks);
