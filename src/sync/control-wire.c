/* A request's bytes: a mark, the verb, numbers, the account, the folders, and for ACT the action's own bytes to the end. Integers are
 * little-endian; a string is preceded by its length, 0xffffffff for an absent one. */
#include "sync/control-wire.h"

#include <string.h>

#define MARK 0x314c4d46u /* "FML1" */
#define ABSENT G_MAXUINT32
#define MAX_TEXT_BYTES 4096
#define MAX_FOLDERS 10000

static void
put_u32 (GByteArray *out, guint32 value)
{
  guint32 le = GUINT32_TO_LE (value);
  g_byte_array_append (out, (const guint8 *) &le, sizeof le);
}

static void
put_u64 (GByteArray *out, guint64 value)
{
  guint64 le = GUINT64_TO_LE (value);
  g_byte_array_append (out, (const guint8 *) &le, sizeof le);
}

static void
put_text (GByteArray *out, const char *text)
{
  put_u32 (out, text == NULL ? ABSENT : (guint32) strlen (text));
  if (text != NULL)
    g_byte_array_append (out, (const guint8 *) text, strlen (text));
}

GBytes *
fm_control_wire_encode (guint64 request_id, const FmControlRequest *request)
{
  GByteArray *out = g_byte_array_new ();
  put_u32 (out, MARK);
  put_u32 (out, request->verb);
  put_u64 (out, request_id);
  put_u64 (out, (guint64) request->id);
  put_u64 (out, request->request_id);
  put_text (out, request->account);
  put_u32 (out, request->folders == NULL ? ABSENT : g_strv_length ((char **) request->folders));
  for (guint i = 0; request->folders != NULL && request->folders[i] != NULL; i++)
    put_text (out, request->folders[i]);
  if (request->action != NULL)
    {
      g_autoptr (GBytes) action = fm_action_to_bytes (request->action);
      gsize size;
      const guint8 *data = g_bytes_get_data (action, &size);
      g_byte_array_append (out, data, (guint) size);
    }
  return g_byte_array_free_to_bytes (out);
}

typedef struct {
  const guint8 *at, *end;
  gboolean failed;
} Reader;

static void
take (Reader *reader, void *into, gsize size)
{
  if (reader->failed || (gsize) (reader->end - reader->at) < size)
    {
      reader->failed = TRUE;
      memset (into, 0, size);
      return;
    }
  memcpy (into, reader->at, size);
  reader->at += size;
}

static guint32
take_u32 (Reader *reader)
{
  guint32 le;
  take (reader, &le, sizeof le);
  return GUINT32_FROM_LE (le);
}

static guint64
take_u64 (Reader *reader)
{
  guint64 le;
  take (reader, &le, sizeof le);
  return GUINT64_FROM_LE (le);
}

static char *
take_text (Reader *reader)
{
  guint32 size = take_u32 (reader);
  if (reader->failed || size == ABSENT)
    return NULL;
  const char *at = (const char *) reader->at;
  if (size > MAX_TEXT_BYTES || (gsize) (reader->end - reader->at) < size || !g_utf8_validate_len (at, size, NULL))
    {
      reader->failed = TRUE;
      return NULL;
    }
  reader->at += size;
  return g_strndup (at, size);
}

static char **
take_folders (Reader *reader)
{
  guint32 n = take_u32 (reader);
  if (reader->failed || n == ABSENT)
    return NULL;
  if (n > MAX_FOLDERS || n > (gsize) (reader->end - reader->at) / sizeof (guint32))
    {
      reader->failed = TRUE;
      return NULL;
    }
  char **folders = g_new0 (char *, n + 1);
  for (guint32 i = 0; i < n && !reader->failed; i++)
    if ((folders[i] = take_text (reader)) == NULL)
      reader->failed = TRUE;
  return folders;
}

void
fm_control_wire_free (FmControlWire *wire)
{
  if (wire == NULL)
    return;
  fm_action_unref (wire->request.action);
  g_clear_error (&wire->action_error);
  g_free (wire->account);
  g_strfreev (wire->folders);
  g_free (wire);
}

FmControlWire *
fm_control_wire_decode (const guint8 *data, gsize size)
{
  Reader reader = { data, data + size, data == NULL };
  if (take_u32 (&reader) != MARK)
    return NULL;
  g_autoptr (FmControlWire) wire = g_new0 (FmControlWire, 1);
  guint32 verb = take_u32 (&reader);
  wire->request_id = take_u64 (&reader);
  wire->request.id = (gint64) take_u64 (&reader);
  wire->request.request_id = take_u64 (&reader);
  wire->request.account = wire->account = take_text (&reader);
  wire->folders = take_folders (&reader);
  wire->request.folders = (const char *const *) wire->folders;
  if (reader.failed || verb > FM_CONTROL_SEARCH || (wire->request_id & FM_CONTROL_TOKEN_BIT) != 0
      || (verb != FM_CONTROL_ACT && reader.at != reader.end))
    return NULL;
  wire->request.verb = verb;
  if (verb == FM_CONTROL_ACT)
    {
      g_autoptr (GBytes) action = g_bytes_new_static (reader.at, (gsize) (reader.end - reader.at));
      wire->request.action = fm_action_from_bytes (action, &wire->action_error);
    }
  return g_steal_pointer (&wire);
}
