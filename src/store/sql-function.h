/* Functions our SQL uses: fm_contains(text, folded needle), fm_subject(text). */
#pragma once
#include <sqlite3.h>

void fm_sql_function_register (sqlite3 *db);
