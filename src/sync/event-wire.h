/* Events as bytes, for the control socket. COMPUTED never crosses. */
#pragma once
#include <fulmar/sync/event.h>

GBytes *fm_event_wire_encode (const FmEvent *event);
/* Validates every bound: FM_ERROR_INVALID. Transfer: full. */
FmEvent *fm_event_wire_decode (GBytes *bytes, GError **error);
