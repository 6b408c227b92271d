/* The readers of POP3 and SMTP on any bytes, whole and in pieces: the same message whatever the pieces, no bound broken, no unclean text. */
#include "net/pop-parse.h"
#include "net/smtp-parse.h"
#include <fulmar/base/sink.h>

#include <string.h>

int LLVMFuzzerTestOneInput (const guint8 *bytes, size_t size_bytes);

static GBytes *
take_message (const char *bytes, gsize size, gsize piece, gsize *ret_taken)
{
  g_autoptr (FmSink) sink = fm_sink_new_memory (1 << 24);
  FmPopDots dots = { 0 };
  gboolean done = FALSE;
  gsize at = 0;
  while (at < size && !done)
    {
      gsize taken, n = MIN (piece, size - at);
      if (!fm_pop_parse_dots (&dots, bytes + at, n, sink, &taken, &done, NULL) || taken > n)
        __builtin_trap ();
      at += taken;
    }
  *ret_taken = at;
  fm_sink_commit (sink, NULL);
  return fm_sink_memory_steal (sink);
}

static void
lines (const char *bytes, gsize size)
{
  g_auto (FmSmtpReply) reply = { 0 };
  const char *p = bytes, *end = bytes + size;
  while (p < end)
    {
      const char *lf = memchr (p, '\n', (gsize) (end - p));
      gsize length = (gsize) ((lf == NULL ? end : lf) - p);
      g_autofree char *code = NULL, *text = NULL, *uidl = NULL;
      guint32 number;
      guint64 octets;
      gboolean done = FALSE;
      if (fm_pop_parse_status (p, length, NULL, &code, &text, NULL) && !g_utf8_validate (text, -1, NULL))
        __builtin_trap ();
      fm_pop_parse_list_line (p, length, &number, &octets);
      if (fm_pop_parse_uidl_line (p, length, &number, &uidl) && uidl != NULL && (*uidl == '\0' || strlen (uidl) > 512))
        __builtin_trap ();
      if (!fm_smtp_parse_line (&reply, p, length, &done, NULL) || done)
        {
          g_autofree char *words = fm_smtp_parse_describe (&reply);
          if (!g_utf8_validate (words, -1, NULL) || strpbrk (words, "\r\n") != NULL)
            __builtin_trap ();
          fm_smtp_parse_reply_clear (&reply);
        }
      p = lf == NULL ? end : lf + 1;
    }
}

int
LLVMFuzzerTestOneInput (const guint8 *bytes, size_t size_bytes)
{
  gsize whole_taken, split_taken;
  g_autoptr (GBytes) whole = take_message ((const char *) bytes, size_bytes, size_bytes + 1, &whole_taken);
  g_autoptr (GBytes) split = take_message ((const char *) bytes, size_bytes, 1 + size_bytes % 3, &split_taken);
  if (whole_taken != split_taken || !g_bytes_equal (whole, split))
    __builtin_trap ();
  lines ((const char *) bytes, size_bytes);
  g_autofree char *text = g_strndup ((const char *) bytes, size_bytes);
  gboolean utf8;
  g_autofree char *address = fm_smtp_parse_address (text, &utf8, NULL);
  if (address != NULL && strpbrk (address, "\r\n") != NULL)
    __builtin_trap ();
  return 0;
}
