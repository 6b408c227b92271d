/* COMPRESS=DEFLATE (RFC 4978), when it pays. It costs one round trip in which nothing else may be asked, so it is not asked for when the session
 * opens, where somebody waits for the first screen, but before the first big answer; and not where the answers come in less time than it takes
 * to unpack them, which is the case on this machine and on a quick local network. Credentials have left before it by its place in the session:
 * nobody can put their own text beside them into one window. */
#include "imap-compress.h"
#include <fulmar/base/log.h>

#define WORTH_BYTES (64 * 1024)
#define QUICK_TURN_US 2000

static gboolean
is_worth_it (FmImapSession *session, guint64 expected_bytes)
{
  if (session->has_tried_compress || !(session->state->caps & FM_IMAP_CAP_COMPRESS) || session->compress == FM_IMAP_COMPRESS_NEVER)
    return FALSE;
  if (session->compress == FM_IMAP_COMPRESS_ALWAYS)
    return TRUE;
  return expected_bytes >= WORTH_BYTES && fm_stream_counters (session->stream).quickest_turn_us >= QUICK_TURN_US;
}

gboolean
fm_imap_compress_expect (FmImapSession *session, guint64 expected_bytes, GError **error)
{
  g_autoptr (GError) refused = NULL;

  if (!is_worth_it (session, expected_bytes))
    return TRUE;
  session->has_tried_compress = TRUE;
  if (!fm_imap_engine_command (session, g_strdup ("COMPRESS DEFLATE"), &refused))
    {
      if (session->death == NULL)
        {
          fm_log_debug ("imap: not compressed: %s", refused->message);
          return TRUE;
        }
      g_propagate_error (error, g_steal_pointer (&refused));
      return FALSE;
    }
  fm_stream_start_deflate (session->stream);
  return TRUE;
}
