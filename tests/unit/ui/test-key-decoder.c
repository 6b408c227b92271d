/* The key decoder: terminals' dialects, and the promise that nothing but a key the user pressed becomes a command. Every sequence is fed
 * whole and byte by byte with quiet in between. */
#include "ui/key-decoder.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static void
describe (const FmInput *input, gpointer data)
{
  GString *log = data;
  switch (input->type)
    {
    case FM_INPUT_KEY:
      if (input->key.mods & FM_MOD_CTRL)
        g_string_append (log, "C-");
      if (input->key.mods & FM_MOD_ALT)
        g_string_append (log, "A-");
      if (input->key.mods & FM_MOD_SHIFT)
        g_string_append (log, "S-");
      if (input->key.code < FM_KEY_NAMED)
        g_string_append_unichar (log, input->key.code);
      else if (input->key.code >= FM_KEY_F1)
        g_string_append_printf (log, "F%u", input->key.code - FM_KEY_F1 + 1);
      else
        g_string_append (log, (const char *[]){ "Enter", "Tab", "Esc", "BS", "Up", "Down", "Right", "Left", "Home", "End", "PgUp", "PgDn",
                                                "Ins", "Del" }[input->key.code - FM_KEY_NAMED]);
      break;
    case FM_INPUT_ESC:
      g_string_append (log, "ESC?");
      break;
    case FM_INPUT_CANCEL:
      g_string_append (log, "CANCEL");
      break;
    case FM_INPUT_PASTE:
      g_string_append_printf (log, "paste(%s)%s", input->text, input->truncated ? "+" : "");
      break;
    case FM_INPUT_PASTE_STALLED:
      g_string_append (log, "stalled");
      break;
    case FM_INPUT_FOCUS_IN:
      g_string_append (log, "focus");
      break;
    case FM_INPUT_FOCUS_OUT:
      g_string_append (log, "blur");
      break;
    }
  g_string_append_c (log, ' ');
}

static void
assert_whole (const char *bytes, const char *expected)
{
  g_autoptr (GString) log = g_string_new (NULL);
  g_autoptr (FmKeyDecoder) decoder = fm_key_decoder_new (describe, log);
  fm_key_decoder_feed (decoder, bytes, strlen (bytes));
  assert_string_equal (log->str, expected);
}

/* Each byte alone; quiet after each where the decoder wants to know of it. */
static void
assert_slow (const char *bytes, const char *expected)
{
  g_autoptr (GString) log = g_string_new (NULL);
  g_autoptr (FmKeyDecoder) decoder = fm_key_decoder_new (describe, log);
  for (gsize i = 0; bytes[i]; i++)
    {
      fm_key_decoder_feed (decoder, bytes + i, 1);
      if (fm_key_decoder_quiet_ms (decoder) >= 0)
        fm_key_decoder_quiet (decoder);
    }
  assert_string_equal (log->str, expected);
}

static void
test_dialects (void **state)
{
  static const struct {
    const char *bytes, *expected;
  } cases[] = {
    { "aZ9 ", "a Z 9   " },
    { "\r\t\x7f\x08\x01\x1f", "Enter Tab BS C-h C-a C-_ " },
    { "é日👍", "é 日 👍 " },
    { "\033[A\033[B\033[C\033[D", "Up Down Right Left " },
    { "\033OA\033OB\033OC\033OD\033OH\033OF\033OM", "Up Down Right Left Home End Enter " },
    { "\033[1;5C\033[1;2D\033[1;3A\033[1;6H", "C-Right S-Left A-Up C-S-Home " },
    { "\033[5~\033[6~\033[2~\033[3~\033[1~\033[4~", "PgUp PgDn Ins Del Home End " },
    { "\033[5;5~\033[3;2~", "C-PgUp S-Del " },
    { "\033OP\033[15~\033[24~\033[[A\033[[E\033[11~\033[1;2P", "F1 F5 F12 F1 F5 F1 S-F1 " },
    { "\033[Z", "S-Tab " },
    { "\033[7~\033[8~\033[a\033Oa\033[5^\033[5$\033[5@", "Home End S-Up C-Up C-PgUp S-PgUp C-S-PgUp " }, /* rxvt */
    { "\033[97;5u\033[13;2u\033[118;3u\033[27;5;106~\033[97;2u", "C-a S-Enter A-v C-j A " },             /* kitty, modifyOtherKeys */
    { "\033[97:65;2:1u", "A " },
    { "\033[I\033[O", "focus blur " },
    { "\033[?62;22c\033[?2026;2$y\033[<0;10;10Mx", "x " }, /* answers and mouse reports are no keys */
    { "\033[M !!x", "x " },
    { "\033]11;rgb:0/0/0\033\\x\033P1$r0m\033\\y\033]0;t\007z", "x y z " },
    { "\033[99999999999999999999~x", "x " },
    { "\033[1;2;3;4;5;6;7;8;9;10;11;12Ax", "S-Up x " },
  };
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    assert_whole (cases[i].bytes, cases[i].expected);
}

static void
test_esc (void **state)
{
  assert_whole ("\033v", "A-v ");
  assert_whole ("\033s\033V", "A-s A-V ");
  assert_slow ("\033v", "ESC? A-v "); /* as mutt: the letter may come later */
  assert_whole ("\033\033x", "CANCEL x ");
  assert_slow ("\033\033x", "ESC? CANCEL x ");
  assert_whole ("\033\033[A", "A-Up ");
  assert_whole ("\033é", "A-é ");
}

/* "Bytes after Esc [ and Esc O are never commands however late": every byte is followed by quiet. */
static void
test_split (void **state)
{
  assert_slow ("\033[A", "ESC? Up ");
  assert_slow ("\033OA", "ESC? Up ");
  assert_slow ("\033[1;5C", "ESC? C-Right ");
  assert_slow ("\033\033[A", "ESC? CANCEL A-Up ");
  assert_slow ("\033[200~dq\033[201~x", "ESC? stalled stalled stalled stalled stalled stalled stalled stalled paste(dq) x ");
}

static void
test_settled (void **state)
{
  g_autoptr (GString) log = g_string_new (NULL);
  g_autoptr (FmKeyDecoder) decoder = fm_key_decoder_new (describe, log);
  fm_key_decoder_feed (decoder, "\033", 1);
  assert_true (fm_key_decoder_quiet_ms (decoder) > 60);
  fm_key_decoder_quiet (decoder);
  fm_key_decoder_settle_esc (decoder);
  assert_int_equal (fm_key_decoder_quiet_ms (decoder), -1);
  fm_key_decoder_feed (decoder, "j", 1);
  assert_string_equal (log->str, "ESC? j ");
  fm_key_decoder_feed (decoder, "\033", 1);
  fm_key_decoder_quiet (decoder);
  fm_key_decoder_settle_esc (decoder);
  fm_key_decoder_feed (decoder, "[", 1);
  fm_key_decoder_feed (decoder, "d", 1);
  assert_null (strstr (log->str, " d "));
}

static void
test_paste (void **state)
{
  assert_whole ("\033[200~dq\rx\033[20\033[201~j", "paste(dq\nx [20) j ");
  g_autoptr (GString) log = g_string_new (NULL);
  g_autoptr (FmKeyDecoder) decoder = fm_key_decoder_new (describe, log);
  fm_key_decoder_feed (decoder, "\033[200~abc\003", 10); /* Ctrl-C inside a running paste is text */
  fm_key_decoder_quiet (decoder);
  fm_key_decoder_feed (decoder, "\003j", 2);
  assert_string_equal (log->str, "stalled j ");
}

static void
test_paste_bounded (void **state)
{
  g_autoptr (GString) log = g_string_new (NULL);
  g_autoptr (FmKeyDecoder) decoder = fm_key_decoder_new (describe, log);
  g_autofree char *block = g_strnfill (1 << 20, 'd');
  fm_key_decoder_feed (decoder, "\033[200~", 6);
  for (int i = 0; i < 3; i++)
    fm_key_decoder_feed (decoder, block, 1 << 20);
  fm_key_decoder_feed (decoder, "\033[201~", 6);
  assert_true (log->len < FM_KEY_DECODER_PASTE_MAX + 20);
  assert_true (g_str_has_suffix (log->str, ")+ "));
}

static void
test_broken_utf8 (void **state)
{
  assert_whole ("\xc3x\xffy\xe2\x82z\xc3\xa9", "x y z é ");
  assert_whole ("\x80\x9b"
                "A\xc2\x9b",
                "A ");
}

static void
test_string_quiet (void **state)
{
  g_autoptr (GString) log = g_string_new (NULL);
  g_autoptr (FmKeyDecoder) decoder = fm_key_decoder_new (describe, log);
  fm_key_decoder_feed (decoder, "\033]dd", 4);
  assert_true (fm_key_decoder_quiet_ms (decoder) >= 1000);
  fm_key_decoder_quiet (decoder);
  fm_key_decoder_feed (decoder, "j", 1);
  assert_string_equal (log->str, "j ");
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_dialects),    cmocka_unit_test (test_esc),          cmocka_unit_test (test_split),
    cmocka_unit_test (test_settled),     cmocka_unit_test (test_paste),        cmocka_unit_test (test_paste_bounded),
    cmocka_unit_test (test_broken_utf8), cmocka_unit_test (test_string_quiet),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
