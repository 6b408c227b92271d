/* Functions our SQL uses: fm_words(text, looked for, FmTermsHow), fm_address(list, looked for, FmTermsHow), fm_subject(text). */
#pragma once
#include <sqlite3.h>

void fm_sql_function_register (sqlite3 *db);
