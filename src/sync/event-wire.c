/* Events as bytes, for the control socket: every field in a fixed order, integers little-endian, strings and lists preceded by their length,
 * 0xffffffff for absent. The decoder fails once on an overrun and stays failed. */
#include "sync/event-wire.h"
#include "fulmar/base/error.h"

#include <string.h>

#define ABSENT G_MAXUINT32
#define MAX_TEXT_BYTES (64 * 1024)
#define MAX_IDS (1024 * 1024)

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
fm_event_wire_encode (const FmEvent *event)
{
  GByteArray *out = g_byte_array_new ();
  put_u32 (out, event->kind);
  put_u64 (out, event->reply_to);
  put_text (out, event->account);
  put_u64 (out, (guint64) event->folder_id);
  put_u64 (out, (guint64) event->msg_id);
  put_u64 (out, (guint64) event->group_id);
  put_u64 (out, (guint64) event->count);
  put_u64 (out, (guint64) event->total);
  put_u32 (out, event->state);
  put_text (out, event->text);
  put_u32 (out, event->error == NULL ? ABSENT : (guint32) event->error->code);
  put_text (out, event->error == NULL ? NULL : event->error->message);
  put_u32 (out, event->ids == NULL ? ABSENT : event->ids->len);
  for (guint i = 0; event->ids != NULL && i < event->ids->len; i++)
    put_u64 (out, (guint64) g_array_index (event->ids, gint64, i));
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

static GArray *
take_ids (Reader *reader)
{
  guint32 n = take_u32 (reader);
  if (reader->failed || n == ABSENT)
    return NULL;
  if (n > MAX_IDS || (gsize) (reader->end - reader->at) < (gsize) n * sizeof (gint64))
    {
      reader->failed = TRUE;
      return NULL;
    }
  GArray *ids = g_array_sized_new (FALSE, FALSE, sizeof (gint64), n);
  for (guint32 i = 0; i < n; i++)
    {
      gint64 id = (gint64) take_u64 (reader);
      g_array_append_val (ids, id);
    }
  return ids;
}

FmEvent *
fm_event_wire_decode (GBytes *bytes, GError **error)
{
  gsize size;
  static const guint8 nothing[1];
  const guint8 *data = g_bytes_get_data (bytes, &size);
  gboolean is_empty = data == NULL;
  if (is_empty)
    data = nothing;
  Reader reader = { data, data + size, is_empty };
  guint32 kind = take_u32 (&reader);
  g_autoptr (FmEvent) event = fm_event_new (kind, take_u64 (&reader));
  event->account = take_text (&reader);
  event->folder_id = (gint64) take_u64 (&reader);
  event->msg_id = (gint64) take_u64 (&reader);
  event->group_id = (gint64) take_u64 (&reader);
  event->count = (gint64) take_u64 (&reader);
  event->total = (gint64) take_u64 (&reader);
  guint32 state = take_u32 (&reader);
  event->state = state;
  event->text = take_text (&reader);
  guint32 code = take_u32 (&reader);
  g_autofree char *message = take_text (&reader);
  if (code != ABSENT)
    event->error = g_error_new_literal (FM_ERROR, (int) code, message == NULL ? "" : message);
  event->ids = take_ids (&reader);
  if (reader.failed || reader.at != reader.end || kind > FM_EVENT_LEADER || kind == FM_EVENT_COMPUTED || state > FM_STATE_LOCAL
      || (code != ABSENT && code > FM_ERROR_INVALID))
    {
      g_set_error_literal (error, FM_ERROR, FM_ERROR_INVALID, "an event over the control socket is malformed");
      return NULL;
    }
  return g_steal_pointer (&event);
}
