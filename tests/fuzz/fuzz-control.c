/* Requests and events over the control socket: hostile bytes, and what is understood survives another trip. */
#include "sync/control-wire.h"
#include "sync/event-wire.h"
#include <stdint.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autoptr (FmControlWire) wire = fm_control_wire_decode (data, size);
  if (wire != NULL && wire->action_error == NULL)
    {
      g_autoptr (GBytes) bytes = fm_control_wire_encode (wire->request_id, &wire->request);
      gsize again_size;
      const guint8 *again = g_bytes_get_data (bytes, &again_size);
      g_autoptr (FmControlWire) back = fm_control_wire_decode (again, again_size);
      g_assert_nonnull (back);
      g_assert_cmpint (back->request.verb, ==, wire->request.verb);
    }
  g_autoptr (GBytes) frame = g_bytes_new (data, size);
  g_autoptr (FmEvent) event = fm_event_wire_decode (frame, NULL);
  if (event != NULL)
    {
      g_autoptr (GBytes) bytes = fm_event_wire_encode (event);
      g_autoptr (FmEvent) back = fm_event_wire_decode (bytes, NULL);
      g_assert_nonnull (back);
    }
  return 0;
}
