/* Functions that our SQL uses and SQLite does not have. What is looked for is the same for every row of a statement: it is taken apart once and
 * kept with the statement. */
#include "store/sql-function.h"
#include <fulmar/base/text.h>
#include <fulmar/mail/terms.h>
#include <fulmar/mail/threads.h>

static void
free_terms (void *terms)
{
  fm_terms_free (terms);
}

static FmTerms *
looked_for (sqlite3_context *context, sqlite3_value **values)
{
  FmTerms *terms = sqlite3_get_auxdata (context, 1);
  const char *text = (const char *) sqlite3_value_text (values[1]);

  if (terms != NULL || text == NULL)
    return terms;
  terms = fm_terms_new (text, (FmTermsHow) sqlite3_value_int (values[2]));
  sqlite3_set_auxdata (context, 1, terms, free_terms);
  /* SQLite may free it at once when it is out of memory. */
  return sqlite3_get_auxdata (context, 1);
}

static void
has_words (sqlite3_context *context, int n, sqlite3_value **values)
{
  const char *text = (const char *) sqlite3_value_text (values[0]);
  FmTerms *terms = text == NULL ? NULL : looked_for (context, values);

  sqlite3_result_int (context, terms != NULL && fm_terms_match (terms, text));
}

static void
has_words_in_address (sqlite3_context *context, int n, sqlite3_value **values)
{
  const char *text = (const char *) sqlite3_value_text (values[0]);
  FmTerms *terms = text == NULL ? NULL : looked_for (context, values);

  sqlite3_result_int (context, terms != NULL && fm_terms_match_addresses (terms, text));
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
  sqlite3_create_function (db, "fm_words", 3, SQLITE_UTF8 | SQLITE_DETERMINISTIC, NULL, has_words, NULL, NULL);
  sqlite3_create_function (db, "fm_address", 3, SQLITE_UTF8 | SQLITE_DETERMINISTIC, NULL, has_words_in_address, NULL, NULL);
  sqlite3_create_function (db, "fm_subject", 1, SQLITE_UTF8 | SQLITE_DETERMINISTIC, NULL, subject, NULL, NULL);
}
