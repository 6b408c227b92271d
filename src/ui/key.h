/* What arrives from the keyboard, as plain values. */
#pragma once
#include <glib.h>

G_BEGIN_DECLS

typedef enum {
  FM_MOD_SHIFT = 1, /* only where the terminal says so for a named key; letters carry their case */
  FM_MOD_ALT = 2,   /* also Esc and then the key */
  FM_MOD_CTRL = 4,
} FmMods;

/* Codes above Unicode name the keys that are no characters. */
enum {
  FM_KEY_NAMED = 0x110000,
  FM_KEY_ENTER = FM_KEY_NAMED,
  FM_KEY_TAB,
  FM_KEY_ESC, /* never decoded; a name for key lists */
  FM_KEY_BACKSPACE,
  FM_KEY_UP,
  FM_KEY_DOWN,
  FM_KEY_RIGHT,
  FM_KEY_LEFT,
  FM_KEY_HOME,
  FM_KEY_END,
  FM_KEY_PAGE_UP,
  FM_KEY_PAGE_DOWN,
  FM_KEY_INSERT,
  FM_KEY_DELETE,
  FM_KEY_F1, /* F1 to F24 follow one another */
  FM_KEY_F24 = FM_KEY_F1 + 23,
  FM_KEY_END_OF_NAMED
};

typedef struct {
  guint32 code; /* a Unicode character (Ctrl with letters: the small letter) or FM_KEY_* */
  guint32 mods; /* FmMods */
} FmKey;

static inline gboolean
fm_key_equal (FmKey a, FmKey b)
{
  return a.code == b.code && a.mods == b.mods;
}

G_END_DECLS
