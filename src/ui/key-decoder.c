/* One state a byte. The promise that shapes it: a byte that follows Esc [ or Esc O is never a command, however late it comes, so those two
 * states never time out into the ground state; they only swallow up to the final byte of the sequence. Esc itself stays pending for its
 * letter. Only the strings a terminal may answer with (OSC, DCS, APC), which a person could begin by accident and would then type into
 * for ever, end by a second of quiet.
 *
 *   GROUND --ESC--> ESC --[--> CSI --final--> GROUND          ESC ESC: cancel, and SETTLED, where a late [ or O is still a sequence
 *                    |---O--> SS3 --final--> GROUND           CSI 200 ~ : PASTE until CSI 201 ~ */
#include "ui/key-decoder.h"
#include <fulmar/base/text.h>
#include <string.h>

#define PARAMS_MAX 8
#define PARAM_LIMIT 0x110000
#define ESC 0x1b
#define ESC_QUIET_MS 120
#define STRING_QUIET_MS 1000
#define PASTE_QUIET_MS 2000

typedef enum {
  GROUND,
  UTF8,
  ESC_SEEN,
  ESC_SETTLED,
  CSI,
  CSI_LINUX, /* Esc [ [ and one letter: F1 to F5 of the Linux console */
  CSI_MOUSE, /* Esc [ M and three bytes: the oldest mouse report */
  SS3,
  STRING,
  STRING_ESC,
  PASTE,
} State;

struct FmKeyDecoder {
  FmKeyDecoderFunc func;
  gpointer data;
  State state;
  gboolean esc_reported; /* FM_INPUT_ESC has been sent for the pending Esc */
  gboolean alt;          /* another Esc stood before the sequence */
  guint skip;            /* bytes left of a mouse report */
  char utf8[4];
  guint utf8_size, utf8_need;
  guint params[PARAMS_MAX];
  guint n_params;
  gboolean sub_param; /* after ':' the digits are not ours */
  char prefix;        /* one of < = > ? or 0 */
  gboolean intermediate;
  GString *paste;
  gboolean paste_truncated, paste_stalled;
  guint paste_match; /* bytes of the end marker seen */
};

static const char paste_end[] = "\033[201~";

FmKeyDecoder *
fm_key_decoder_new (FmKeyDecoderFunc func, gpointer data)
{
  FmKeyDecoder *decoder = g_new0 (FmKeyDecoder, 1);
  decoder->func = func;
  decoder->data = data;
  decoder->paste = g_string_new (NULL);
  return decoder;
}

void
fm_key_decoder_free (FmKeyDecoder *decoder)
{
  if (!decoder)
    return;
  g_string_free (decoder->paste, TRUE);
  g_free (decoder);
}

static void
emit (FmKeyDecoder *decoder, FmInputType type)
{
  decoder->func (&(FmInput){ .type = type }, decoder->data);
}

static void
emit_key (FmKeyDecoder *decoder, guint32 code, guint32 mods)
{
  decoder->func (&(FmInput){ .type = FM_INPUT_KEY, .key = { code, mods } }, decoder->data);
}

/* A character with its modifiers in one normal form, whichever way the terminal spelled it. */
static void
emit_char (FmKeyDecoder *decoder, gunichar c, guint32 mods)
{
  if (c == '\r')
    emit_key (decoder, FM_KEY_ENTER, mods);
  else if (c == '\t')
    emit_key (decoder, FM_KEY_TAB, mods);
  else if (c == 0x7f)
    emit_key (decoder, FM_KEY_BACKSPACE, mods);
  else if (c == ESC)
    emit (decoder, FM_INPUT_CANCEL);
  else if (c == 0)
    emit_key (decoder, ' ', mods | FM_MOD_CTRL);
  else if (c < 27)
    emit_key (decoder, c + 'a' - 1, mods | FM_MOD_CTRL);
  else if (c < 32)
    emit_key (decoder, c + '@', mods | FM_MOD_CTRL);
  else if (c >= 0x80 && c < 0xa0)
    return;
  else
    {
      if (mods & FM_MOD_CTRL && c < 128)
        c = (gunichar) g_ascii_tolower ((char) c);
      else if (mods & FM_MOD_SHIFT && c < 128)
        c = (gunichar) g_ascii_toupper ((char) c);
      emit_key (decoder, c, mods & ~(guint32) FM_MOD_SHIFT);
    }
}

/* xterm's modifier parameter: 1 + shift 1, alt 2, ctrl 4 (meta 8 counts as alt). */
static guint32
mods_of (guint param)
{
  guint bits = param > 0 ? param - 1 : 0;
  return (bits & 1 ? FM_MOD_SHIFT : 0) | (bits & (2 | 8) ? FM_MOD_ALT : 0) | (bits & 4 ? FM_MOD_CTRL : 0);
}

static guint32
letter_key (guchar final)
{
  switch (final)
    {
    case 'A':
      return FM_KEY_UP;
    case 'B':
      return FM_KEY_DOWN;
    case 'C':
      return FM_KEY_RIGHT;
    case 'D':
      return FM_KEY_LEFT;
    case 'H':
      return FM_KEY_HOME;
    case 'F':
      return FM_KEY_END;
    case 'P':
      return FM_KEY_F1;
    case 'Q':
      return FM_KEY_F1 + 1;
    case 'R':
      return FM_KEY_F1 + 2;
    case 'S':
      return FM_KEY_F1 + 3;
    default:
      return 0;
    }
}

/* The numbers before '~' (VT220, and rxvt for Home and End). */
static guint32
tilde_key (guint number)
{
  static const guint8 function_keys[]
      = { [11] = 1, 2, 3, 4, 5, [17] = 6, 7, 8, 9, 10, [23] = 11, 12, [25] = 13, 14, [28] = 15, 16, [31] = 17, 18, 19, 20 };
  switch (number)
    {
    case 1:
    case 7:
      return FM_KEY_HOME;
    case 2:
      return FM_KEY_INSERT;
    case 3:
      return FM_KEY_DELETE;
    case 4:
    case 8:
      return FM_KEY_END;
    case 5:
      return FM_KEY_PAGE_UP;
    case 6:
      return FM_KEY_PAGE_DOWN;
    default:
      break;
    }
  if (number < G_N_ELEMENTS (function_keys) && function_keys[number])
    return FM_KEY_F1 + function_keys[number] - 1;
  return 0;
}

/* kitty's and xterm's way of sending any key as a number. */
static void
emit_numbered (FmKeyDecoder *decoder, guint code, guint32 mods)
{
  if (code == 27)
    emit (decoder, FM_INPUT_CANCEL);
  else if (code == 13 || code == 57414)
    emit_key (decoder, FM_KEY_ENTER, mods);
  else if (code < 0xd800 || (code > 0xf8ff && code < 0x110000))
    emit_char (decoder, code, mods);
}

/* rxvt ends with '^' for Ctrl, '$' for Shift, '@' for both. */
static guint32
rxvt_mods (guchar final)
{
  return final == '^' ? FM_MOD_CTRL : final == '$' ? FM_MOD_SHIFT : final == '@' ? FM_MOD_CTRL | FM_MOD_SHIFT : 0;
}

static void
csi_done (FmKeyDecoder *decoder, guchar final)
{
  guint first = decoder->params[0];
  guint32 mods = mods_of (decoder->n_params > 1 ? decoder->params[1] : 0) | (decoder->alt ? FM_MOD_ALT : 0);
  guint32 key;
  decoder->state = GROUND;
  if (decoder->prefix || decoder->intermediate)
    return;
  if (final == '~' && first == 200)
    {
      decoder->state = PASTE;
      decoder->paste_match = 0;
      decoder->paste_truncated = decoder->paste_stalled = FALSE;
      g_string_truncate (decoder->paste, 0);
    }
  else if (final == '~' && first == 27 && decoder->n_params > 2)
    emit_numbered (decoder, decoder->params[2], mods);
  else if (final == 'u')
    emit_numbered (decoder, first, mods);
  else if (final == '~' || final == '^' || final == '$' || final == '@')
    {
      if ((key = tilde_key (first)))
        emit_key (decoder, key, mods | rxvt_mods (final));
    }
  else if (final == 'Z')
    emit_key (decoder, FM_KEY_TAB, mods | FM_MOD_SHIFT);
  else if (final == 'I')
    emit (decoder, FM_INPUT_FOCUS_IN);
  else if (final == 'O')
    emit (decoder, FM_INPUT_FOCUS_OUT);
  else if (final >= 'a' && final <= 'd')
    emit_key (decoder, letter_key ((guchar) (final - 32)), mods | FM_MOD_SHIFT);
  else if (final == 'M')
    {
      decoder->state = CSI_MOUSE;
      decoder->skip = 3;
    }
  else if ((key = letter_key (final)))
    emit_key (decoder, key, mods);
}

static void
csi_begin (FmKeyDecoder *decoder, gboolean alt)
{
  decoder->state = CSI;
  decoder->alt = alt;
  decoder->n_params = 0;
  decoder->prefix = 0;
  decoder->sub_param = decoder->intermediate = FALSE;
  memset (decoder->params, 0, sizeof decoder->params);
}

static void
csi_digit (FmKeyDecoder *decoder, guint digit)
{
  if (decoder->n_params == 0)
    decoder->n_params = 1;
  if (decoder->sub_param || decoder->n_params > PARAMS_MAX)
    return;
  guint *param = &decoder->params[decoder->n_params - 1];
  *param = MIN (*param * 10 + digit, PARAM_LIMIT);
}

static void
csi_byte (FmKeyDecoder *decoder, guchar byte)
{
  gboolean fresh = decoder->n_params == 0 && !decoder->prefix && !decoder->intermediate;
  if (byte == ESC)
    {
      decoder->state = ESC_SEEN;
      decoder->esc_reported = FALSE;
    }
  else if (byte < 0x20)
    decoder->state = GROUND; /* broken: swallowed whole */
  else if (byte >= 0x7f)
    decoder->intermediate = TRUE; /* broken too, and what follows up to its end is no command either */
  else if (fresh && byte == '[')
    decoder->state = CSI_LINUX;
  else if (byte >= '0' && byte <= '9')
    csi_digit (decoder, byte - '0');
  else if (byte == ';')
    {
      decoder->n_params = MIN (MAX (decoder->n_params, 1) + 1, PARAMS_MAX + 1);
      decoder->sub_param = FALSE;
    }
  else if (byte == ':')
    decoder->sub_param = TRUE;
  else if (byte >= '<' && byte <= '?')
    decoder->prefix = (char) byte;
  else if (byte == '$' && !decoder->prefix && decoder->n_params == 1)
    csi_done (decoder, byte);
  else if (byte < 0x30)
    decoder->intermediate = TRUE;
  else
    csi_done (decoder, byte);
}

static void
ss3_byte (FmKeyDecoder *decoder, guchar byte)
{
  guint32 mods = decoder->alt ? FM_MOD_ALT : 0, key;
  if (byte >= '0' && byte <= '9')
    return; /* a modifier some old terminals put here */
  decoder->state = GROUND;
  if (byte == ESC)
    {
      decoder->state = ESC_SEEN;
      decoder->esc_reported = FALSE;
    }
  else if (byte == 'M')
    emit_key (decoder, FM_KEY_ENTER, mods);
  else if (byte >= 'a' && byte <= 'd')
    emit_key (decoder, letter_key ((guchar) (byte - 32)), mods | FM_MOD_CTRL);
  else if (byte >= 'j' && byte <= 'y')
    emit_key (decoder, (guint32) ("*+,-./0123456789"[byte - 'j']), mods);
  else if ((key = letter_key (byte)))
    emit_key (decoder, key, mods);
}

static void
paste_done (FmKeyDecoder *decoder)
{
  g_autofree char *text = fm_text_sanitise_block (decoder->paste->str, (gssize) decoder->paste->len);
  FmInput input = { .type = FM_INPUT_PASTE, .text = text, .truncated = decoder->paste_truncated };
  decoder->state = GROUND;
  g_string_truncate (decoder->paste, 0);
  decoder->func (&input, decoder->data);
}

static void
paste_append (FmKeyDecoder *decoder, const char *bytes, gsize size)
{
  gsize room = FM_KEY_DECODER_PASTE_MAX - decoder->paste->len;
  if (size > room)
    decoder->paste_truncated = TRUE;
  g_string_append_len (decoder->paste, bytes, (gssize) MIN (size, room));
}

static void
paste_byte (FmKeyDecoder *decoder, guchar byte)
{
  if (decoder->paste_stalled && byte == 0x03)
    {
      decoder->state = GROUND;
      g_string_truncate (decoder->paste, 0);
      return;
    }
  decoder->paste_stalled = FALSE;
  if (byte == (guchar) paste_end[decoder->paste_match])
    {
      if (++decoder->paste_match == strlen (paste_end))
        paste_done (decoder);
      return;
    }
  paste_append (decoder, paste_end, decoder->paste_match);
  decoder->paste_match = byte == ESC ? 1 : 0;
  if (byte != ESC)
    paste_append (decoder, (const char *) &byte, 1);
}

static void
string_byte (FmKeyDecoder *decoder, guchar byte)
{
  if (byte == 0x07 || (decoder->state == STRING_ESC && byte == '\\'))
    decoder->state = GROUND;
  else
    decoder->state = byte == ESC ? STRING_ESC : STRING;
}

static void
ground_byte (FmKeyDecoder *decoder, guchar byte, guint32 mods)
{
  decoder->state = GROUND;
  if (byte == ESC)
    {
      decoder->state = ESC_SEEN;
      decoder->esc_reported = FALSE;
    }
  else if (byte < 0x80)
    emit_char (decoder, byte, mods);
  else if (byte >= 0xc2 && byte <= 0xf4)
    {
      decoder->state = UTF8;
      decoder->alt = (mods & FM_MOD_ALT) != 0;
      decoder->utf8[0] = (char) byte;
      decoder->utf8_size = 1;
      decoder->utf8_need = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
    }
}

static void
utf8_byte (FmKeyDecoder *decoder, guchar byte)
{
  if ((byte & 0xc0) != 0x80)
    {
      ground_byte (decoder, byte, 0);
      return;
    }
  decoder->utf8[decoder->utf8_size++] = (char) byte;
  if (decoder->utf8_size < decoder->utf8_need)
    return;
  gunichar c = g_utf8_get_char_validated (decoder->utf8, decoder->utf8_size);
  decoder->state = GROUND;
  if (c != (gunichar) -1 && c != (gunichar) -2)
    emit_char (decoder, c, decoder->alt ? FM_MOD_ALT : 0);
}

/* After Esc: the beginning of a sequence, or the letter that goes with it. */
static void
esc_byte (FmKeyDecoder *decoder, guchar byte)
{
  gboolean settled = decoder->state == ESC_SETTLED;
  if (byte == '[')
    csi_begin (decoder, settled);
  else if (byte == 'O')
    {
      decoder->state = SS3;
      decoder->alt = settled;
    }
  else if (settled)
    ground_byte (decoder, byte, 0);
  else if (byte == ESC)
    {
      decoder->state = ESC_SETTLED;
      decoder->esc_reported = FALSE;
    }
  else if (byte == ']' || byte == 'P' || byte == '_')
    decoder->state = STRING;
  else
    ground_byte (decoder, byte, FM_MOD_ALT);
}

static void
feed_byte (FmKeyDecoder *decoder, guchar byte)
{
  switch (decoder->state)
    {
    case GROUND:
      ground_byte (decoder, byte, 0);
      break;
    case UTF8:
      utf8_byte (decoder, byte);
      break;
    case ESC_SETTLED:
      if (!decoder->esc_reported && byte != '[' && byte != 'O')
        emit (decoder, FM_INPUT_CANCEL);
      esc_byte (decoder, byte);
      break;
    case ESC_SEEN:
      esc_byte (decoder, byte);
      break;
    case CSI:
      csi_byte (decoder, byte);
      break;
    case CSI_LINUX:
      decoder->state = GROUND;
      if (byte >= 'A' && byte <= 'E')
        emit_key (decoder, FM_KEY_F1 + (guint32) (byte - 'A'), 0);
      break;
    case CSI_MOUSE:
      if (--decoder->skip == 0)
        decoder->state = GROUND;
      break;
    case SS3:
      ss3_byte (decoder, byte);
      break;
    case STRING:
    case STRING_ESC:
      string_byte (decoder, byte);
      break;
    case PASTE:
      paste_byte (decoder, byte);
      break;
    }
}

void
fm_key_decoder_feed (FmKeyDecoder *decoder, const void *bytes, gsize size_bytes)
{
  const guchar *at = bytes;
  for (gsize i = 0; i < size_bytes; i++)
    feed_byte (decoder, at[i]);
}

int
fm_key_decoder_quiet_ms (const FmKeyDecoder *decoder)
{
  switch (decoder->state)
    {
    case ESC_SEEN:
    case ESC_SETTLED:
      return decoder->esc_reported ? -1 : ESC_QUIET_MS;
    case STRING:
    case STRING_ESC:
      return STRING_QUIET_MS;
    case PASTE:
      return decoder->paste_stalled ? -1 : PASTE_QUIET_MS;
    default:
      return -1;
    }
}

void
fm_key_decoder_quiet (FmKeyDecoder *decoder)
{
  if ((decoder->state == ESC_SEEN || decoder->state == ESC_SETTLED) && !decoder->esc_reported)
    {
      decoder->esc_reported = TRUE;
      emit (decoder, decoder->state == ESC_SEEN ? FM_INPUT_ESC : FM_INPUT_CANCEL);
    }
  else if (decoder->state == STRING || decoder->state == STRING_ESC)
    decoder->state = GROUND;
  else if (decoder->state == PASTE && !decoder->paste_stalled)
    {
      decoder->paste_stalled = TRUE;
      emit (decoder, FM_INPUT_PASTE_STALLED);
    }
}

void
fm_key_decoder_settle_esc (FmKeyDecoder *decoder)
{
  if (decoder->state == ESC_SEEN && decoder->esc_reported)
    decoder->state = ESC_SETTLED;
}
