/* How a cell looks: two colours and attributes, as plain values. Colours are abstract (the theme's wish); term-curses.c turns them into what
 * the terminal can do. */
#pragma once
#include <glib.h>

G_BEGIN_DECLS

/* A colour: the terminal's default, an index of its palette (0-255), or red/green/blue. */
typedef guint32 FmColour;
#define FM_COLOUR_DEFAULT 0u
#define FM_COLOUR_KIND_MASK 0xff000000u
#define FM_COLOUR_KIND_INDEX 0x01000000u
#define FM_COLOUR_KIND_RGB 0x02000000u
#define FM_COLOUR_INDEX(n) (FM_COLOUR_KIND_INDEX | (guint32) (n))
#define FM_COLOUR_RGB(rgb) (FM_COLOUR_KIND_RGB | (guint32) (rgb))

typedef enum {
  FM_ATTR_BOLD = 1 << 0,
  FM_ATTR_DIM = 1 << 1,
  FM_ATTR_ITALIC = 1 << 2,
  FM_ATTR_UNDERLINE = 1 << 3,
  FM_ATTR_REVERSE = 1 << 4,
} FmAttrs;

typedef struct {
  FmColour fg, bg;
  guint32 attrs; /* FmAttrs */
} FmLook;

static inline gboolean
fm_look_equal (FmLook a, FmLook b)
{
  return a.fg == b.fg && a.bg == b.bg && a.attrs == b.attrs;
}

G_END_DECLS
