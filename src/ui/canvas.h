/* The screen before the terminal: a grid of cells that views draw on and tests read. UI thread only.
 *
 * A cell holds one cluster every terminal agrees on: a base character and at most three combining marks. Emoji lose their ZWJ tails, skin
 * tones, variation selectors and tags; flags are drawn as letters; format characters vanish; what Unicode does not know is U+FFFD. So the
 * width Fulmar believes in is the width the terminal draws, and no text of a mail can move the columns. */
#pragma once
#include <glib.h>
#include "ui/look.h"

G_BEGIN_DECLS

#define FM_CANVAS_CLUSTER_MAX 20 /* bytes of UTF-8 with the NUL: four code points of four bytes */
#define FM_CANVAS_SIDE_MAX 1000  /* columns or rows: more than any terminal has, little enough to allocate */

typedef struct FmCanvas FmCanvas;

typedef struct {
  int x, y, width, height;
} FmRect;

typedef struct {
  char text[FM_CANVAS_CLUSTER_MAX]; /* UTF-8; " " when blank; "" in the right half of a wide character */
  guint8 width;                     /* 1, 2, or 0 in the right half */
  FmLook look;
} FmCell;

/* Line art and marks, each with an ASCII twin. */
typedef enum {
  FM_GLYPH_HLINE,
  FM_GLYPH_VLINE,
  FM_GLYPH_TOP_LEFT,
  FM_GLYPH_TOP_RIGHT,
  FM_GLYPH_BOTTOM_LEFT,
  FM_GLYPH_BOTTOM_RIGHT,
  FM_GLYPH_TEE_RIGHT, /* the vertical line with an arm to the right */
  FM_GLYPH_TEE_LEFT,
  FM_GLYPH_TEE_UP,
  FM_GLYPH_TEE_DOWN,
  FM_GLYPH_BRANCH, /* thread tree: one more child follows */
  FM_GLYPH_CORNER, /* thread tree: the last child */
  FM_GLYPH_TRUNK,  /* thread tree: an ancestor has more children */
  FM_GLYPH_ARROW,
  FM_GLYPH_CLOSED, /* a folded branch */
  FM_GLYPH_OPEN,
  FM_GLYPH_DOT,  /* filled: connected */
  FM_GLYPH_RING, /* hollow: not connected */
  FM_GLYPH_MIDDOT,
  FM_GLYPH_ELLIPSIS,
  FM_GLYPH_BAR_FULL,
  FM_GLYPH_BAR_EMPTY,
  FM_GLYPH_POINTER, /* the selected row of the pane that has the focus */
  FM_GLYPH_COUNT
} FmGlyph;

/* Sides are clamped to 1..FM_CANVAS_SIDE_MAX. ASCII: every cell stays within 7 bits, for locales without UTF-8. */
FmCanvas *fm_canvas_new (int width, int height, gboolean ascii);
void fm_canvas_free (FmCanvas *canvas);
void fm_canvas_resize (FmCanvas *canvas, int width, int height); /* blanks it */
int fm_canvas_width (const FmCanvas *canvas);
int fm_canvas_height (const FmCanvas *canvas);
gboolean fm_canvas_is_ascii (const FmCanvas *canvas);
FmRect fm_canvas_rect (const FmCanvas *canvas);

/* The cell at a place inside the canvas; valid until the next drawing. */
const FmCell *fm_canvas_cell (const FmCanvas *canvas, int x, int y);

/* Blanks of STYLE over RECT. Every verb clips to the canvas. */
void fm_canvas_fill (FmCanvas *canvas, FmRect rect, FmLook look);

/* Draws TEXT (any bytes; -1: to NUL) at X, Y inside CLIP. Returns the columns the text takes, cut to CLIP's right edge. A wide character that
 * does not fit becomes a blank. */
int fm_canvas_text (FmCanvas *canvas, FmRect clip, int x, int y, FmLook look, const char *text, gssize size_bytes);
/* The columns fm_canvas_text would take without clipping. */
int fm_canvas_text_width (const FmCanvas *canvas, const char *text, gssize size_bytes);
/* Text in exactly WIDTH columns: cut with an ellipsis, or padded with blanks. */
void fm_canvas_field (FmCanvas *canvas, FmRect clip, int x, int y, int width, FmLook look, const char *text);
/* The same with the text to the right. */
void fm_canvas_field_right (FmCanvas *canvas, FmRect clip, int x, int y, int width, FmLook look, const char *text);

/* The glyph's UTF-8 or ASCII text; static. */
const char *fm_canvas_glyph (const FmCanvas *canvas, FmGlyph glyph);
void fm_canvas_hline (FmCanvas *canvas, int x, int y, int length, FmLook look);
void fm_canvas_vline (FmCanvas *canvas, int x, int y, int length, FmLook look);
void fm_canvas_box (FmCanvas *canvas, FmRect rect, FmLook look, const char *title);

/* Gives the cells of RECT another look, their text kept. */
void fm_canvas_restyle (FmCanvas *canvas, FmRect rect, FmLook look);

/* Where the hardware cursor stands; hidden when outside. */
void fm_canvas_set_cursor (FmCanvas *canvas, int x, int y, gboolean visible);
gboolean fm_canvas_get_cursor (const FmCanvas *canvas, int *ret_x, int *ret_y);

/* Calls FUNC for each run of cells [x0, x1) of row Y in which AFTER differs from BEFORE, widened to whole wide characters; everything when
 * the sizes differ or BEFORE is NULL. */
typedef void (*FmCanvasRun) (const FmCanvas *after, int y, int x0, int x1, gpointer data);
void fm_canvas_diff (const FmCanvas *before, const FmCanvas *after, FmCanvasRun func, gpointer data);
void fm_canvas_copy (FmCanvas *to, const FmCanvas *from);

/* The whole canvas as text, a line a row, trailing blanks removed; for tests and screen dumps. Transfer: full. */
char *fm_canvas_dump (const FmCanvas *canvas);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (FmCanvas, fm_canvas_free)

G_END_DECLS
