/* One translator from notmuch_status_t to FM_ERROR. Almost all of them mean that the database on disk failed. */
#include "config.h"
#include "index/notmuch-error.h"
#include <string.h>
#include "fulmar/base/error.h"

static FmErrorCode
code_of (notmuch_status_t status)
{
  switch (status)
    {
    case NOTMUCH_STATUS_OUT_OF_MEMORY:
      return FM_ERROR_LIMIT;
    case NOTMUCH_STATUS_FILE_NOT_EMAIL:
    case NOTMUCH_STATUS_ILLEGAL_ARGUMENT:
    case NOTMUCH_STATUS_BAD_QUERY_SYNTAX:
      return FM_ERROR_INVALID;
    default:
      return FM_ERROR_STORAGE;
    }
}

void
fm_notmuch_error_set (GError **error, notmuch_status_t status, const char *what, const char *detail)
{
  g_autofree char *line = g_strdup (detail != NULL ? detail : "");
  g_strdelimit (g_strstrip (line), "\n\r\t", ' ');
  g_set_error (error, FM_ERROR, code_of (status), "%s: %s%s%s", what, notmuch_status_to_string (status), *line != '\0' ? ": " : "", line);
}
