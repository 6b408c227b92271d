/* The key decoder: any bytes, whole or one by one with quiet after each, give the same keys; every key is a sane one. (Terminal answers end by
 * quiet and a stalled paste by Ctrl-C: inputs with those are only run, not compared.) */
#include "ui/key-decoder.h"
#include "ui/key-name.h"
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
collect (const FmInput *input, gpointer data)
{
  GString *log = data;
  if (input->type == FM_INPUT_KEY)
    {
      g_assert_cmpuint (input->key.code, <, FM_KEY_END_OF_NAMED);
      g_assert_cmpuint (input->key.mods, <, 8);
      g_assert_true (input->key.code >= 0x20 && !(input->key.code >= 0x7f && input->key.code < 0xa0));
      g_autofree char *name = fm_key_name_format (&input->key, 1);
      g_assert_true (g_utf8_validate (name, -1, NULL));
      g_string_append_printf (log, "%u/%u ", input->key.code, input->key.mods);
    }
  else if (input->type == FM_INPUT_PASTE)
    {
      g_assert_true (g_utf8_validate (input->text, -1, NULL));
      g_string_append_printf (log, "paste %zu ", strlen (input->text));
    }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autoptr (GString) whole = g_string_new (NULL);
  g_autoptr (GString) slow = g_string_new (NULL);
  g_autoptr (FmKeyDecoder) first = fm_key_decoder_new (collect, whole);
  g_autoptr (FmKeyDecoder) second = fm_key_decoder_new (collect, slow);
  gboolean timed = memchr (data, 0x03, size) != NULL;
  fm_key_decoder_feed (first, data, size);
  for (size_t i = 0; i < size; i++)
    {
      timed |= data[i] == 0x1b && i + 1 < size && strchr ("]P_", data[i + 1]) != NULL;
      fm_key_decoder_feed (second, data + i, 1);
      if (fm_key_decoder_quiet_ms (second) >= 0)
        fm_key_decoder_quiet (second);
      g_assert_cmpint (fm_key_decoder_quiet_ms (second), <=, 0);
    }
  if (!timed)
    g_assert_cmpstr (whole->str, ==, slow->str);
  return 0;
}
