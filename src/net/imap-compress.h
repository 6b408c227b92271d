/* When a session's connection is compressed. Private to the network layer. */
#pragma once
#include "imap-engine.h"

/* About EXPECTED_BYTES of answers are asked for next: compresses the connection from here on if that pays. FALSE: the connection is lost. */
gboolean fm_imap_compress_expect (FmImapSession *session, guint64 expected_bytes, GError **error);
