/* The translator of libetpan's numbers. Only its parser is used, on bytes already in memory, so only what a parser can say needs words; the
 * numbers of its own connections and commands never arise. */
#include "etpan-error.h"
#include "etpan-private.h"
#include <fulmar/base/error.h>

gboolean
fm_etpan_error_set (GError **error, int result)
{
  switch (result)
    {
    case MAILIMAP_ERROR_MEMORY:
      g_set_error (error, FM_ERROR, FM_ERROR_LIMIT, "not enough memory for what the server sent");
      break;
    case MAILIMAP_ERROR_NEEDS_MORE_DATA:
      g_set_error (error, FM_ERROR, FM_ERROR_PROTOCOL, "the response ends too early");
      break;
    case MAILIMAP_ERROR_PARSE:
      g_set_error (error, FM_ERROR, FM_ERROR_PROTOCOL, "the response can't be parsed");
      break;
    default:
      g_set_error (error, FM_ERROR, FM_ERROR_PROTOCOL, "the response can't be parsed (error %d)", result);
    }
  return FALSE;
}
