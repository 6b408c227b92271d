/* Two zlib streams and the bytes that the unpacking one has not taken yet. Nothing is unpacked ahead of who reads: its output goes straight into
 * the reader's memory, as much as there is room for. */
#include "deflate.h"
#include <string.h>
#include <zlib.h>

#define WINDOW_BITS (-15) /* raw: neither zlib's nor gzip's header */
#define MEMORY_LEVEL 8
#define ROOM_BYTES 4096

struct FmDeflate {
  z_stream packer, unpacker;
  GByteArray *fed;
  gsize taken;     /* fed[taken..] is still to be unpacked */
  gboolean is_cut; /* the last step filled its room: zlib may hold more */
  gboolean is_over;
};

static voidpf
allocate (voidpf opaque, uInt items, uInt size)
{
  return g_malloc_n (items, size);
}

static void
release (voidpf opaque, voidpf memory)
{
  g_free (memory);
}

FmDeflate *
fm_deflate_new (void)
{
  FmDeflate *codec = g_new0 (FmDeflate, 1);

  codec->packer.zalloc = codec->unpacker.zalloc = allocate;
  codec->packer.zfree = codec->unpacker.zfree = release;
  int packer = deflateInit2 (&codec->packer, Z_DEFAULT_COMPRESSION, Z_DEFLATED, WINDOW_BITS, MEMORY_LEVEL, Z_DEFAULT_STRATEGY);
  int unpacker = inflateInit2 (&codec->unpacker, WINDOW_BITS);
  g_assert (packer == Z_OK && unpacker == Z_OK); /* nothing but memory can fail, and GLib's never does */
  codec->fed = g_byte_array_new ();
  return codec;
}

void
fm_deflate_free (FmDeflate *codec)
{
  if (codec == NULL)
    return;
  deflateEnd (&codec->packer);
  inflateEnd (&codec->unpacker);
  g_byte_array_unref (codec->fed);
  g_free (codec);
}

void
fm_deflate_pack (FmDeflate *codec, const guint8 *bytes, gsize size_bytes, GByteArray *out)
{
  z_stream *z = &codec->packer;

  z->next_in = (Bytef *) bytes;
  z->avail_in = size_bytes;
  do
    {
      gsize length = out->len;
      g_byte_array_set_size (out, length + ROOM_BYTES);
      z->next_out = out->data + length;
      z->avail_out = ROOM_BYTES;
      deflate (z, Z_SYNC_FLUSH);
      g_byte_array_set_size (out, length + ROOM_BYTES - z->avail_out);
    }
  while (z->avail_out == 0);
}

void
fm_deflate_feed (FmDeflate *codec, const guint8 *bytes, gsize size_bytes)
{
  if (codec->taken == codec->fed->len)
    {
      g_byte_array_set_size (codec->fed, 0);
      codec->taken = 0;
    }
  g_byte_array_append (codec->fed, bytes, size_bytes);
}

gssize
fm_deflate_unpack (FmDeflate *codec, guint8 *to, gsize room_bytes)
{
  z_stream *z = &codec->unpacker;

  if (codec->is_over)
    return -1;
  z->next_in = codec->fed->data + codec->taken;
  z->avail_in = codec->fed->len - codec->taken;
  z->next_out = to;
  z->avail_out = room_bytes;
  int status = inflate (z, Z_SYNC_FLUSH);
  codec->taken = codec->fed->len - z->avail_in;
  codec->is_cut = z->avail_out == 0;
  codec->is_over = status != Z_OK && status != Z_BUF_ERROR;
  gssize n = room_bytes - z->avail_out;
  return n == 0 && codec->is_over ? -1 : n;
}

gboolean
fm_deflate_has_pending (const FmDeflate *codec)
{
  return codec->is_cut || codec->is_over || codec->taken < codec->fed->len;
}
