/* From a connected socket to a signed-in session. Private to the network layer. */
#pragma once
#include "imap-engine.h"

/* Greeting, STARTTLS, sign-in, capabilities; queues ID and ENABLE. */
gboolean fm_imap_open_sign_in (FmImapSession *session, GError **error);
