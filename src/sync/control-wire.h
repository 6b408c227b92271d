/* Requests as bytes, for the control socket. */
#pragma once
#include "sync/control.h"

/* REQUEST_ID is the client's own number of it; 0 where no answer is wanted. */
GBytes *fm_control_wire_encode (guint64 request_id, const FmControlRequest *request);

/* A decoded request, which owns what REQUEST points to. */
typedef struct {
  guint64 request_id;
  FmControlRequest request;
  GError *action_error; /* ACT: the frame is sound but its action is not: to be answered; else NULL */
  char *account;
  char **folders;
} FmControlWire;

/* Validates every bound; NULL: the peer does not speak this protocol. Transfer: full. */
FmControlWire *fm_control_wire_decode (const guint8 *data, gsize size);
void fm_control_wire_free (FmControlWire *wire); /* accepts NULL */

G_DEFINE_AUTOPTR_CLEANUP_FUNC (FmControlWire, fm_control_wire_free)
