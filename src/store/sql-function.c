/* SQLite's LIKE knows no case beyond ASCII; mail does. Text that is plain ASCII (nearly all of it) is compared without allocating, the rest
 * is folded first. */
#include "store/sql-function.h"
#include <fulmar/base/text.h>
#include <fulmar/mail/threads.h>
#include <string.h>

static gboolean
is_ascii (const char *text)
{
  for (const guint8 *p = (const guint8 *) text; *p != 0; p++)
    if (*p >= 0x80)
      return FALSE;
  return TRUE;
}

static void
contains (sqlite3_context *context, int n, sqlite3_value **values)
{
  const char *text = (const char *) sqlite3_value_text (values[0]);
  const char *needle = (const char *) sqlite3_value_text (values[1]);

  if (text == NULL || needle == NULL)
    sqlite3_result_int (context, 0);
  else if (is_ascii (text))
    sqlite3_result_int (context, strcasestr (text, needle) != NULL);
  else
    {
      g_autofree char *folded = fm_text_fold (text);
      sqlite3_result_int (context, strstr (folded, needle) != NULL);
    }
}

static void
subject (sqlite3_context *context, int n, sqlite3_value **values)
{
  const char *text = (const char *) sqlite3_value_text (values[0]);
  char *folded = fm_text_fold (fm_threads_subject_base (text == NULL ? "" : text));

  sqlite3_result_text (context, folded, -1, g_free);
}

void
fm_sql_function_register (sqlite3 *db)
{
  sqlite3_create_function (db, "fm_contains", 2, SQLITE_UTF8 | SQLITE_DETERMINISTIC, NULL, contains, NULL, NULL);
  sqlite3_create_function (db, "fm_subject", 1, SQLITE_UTF8 | SQLITE_DETERMINISTIC, NULL, subject, NULL, NULL);
}
