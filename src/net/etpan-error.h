/* libetpan's error numbers end here. Private to the network layer. */
#pragma once
#include <glib.h>

/* Sets FM_ERROR from RESULT, a MAILIMAP_ERROR_ number: LIMIT when memory ran out, PROTOCOL for what could not be parsed. Always FALSE. */
gboolean fm_etpan_error_set (GError **error, int result);
