/* One line of text under the user's hands: emacs keys, wide characters, a kill buffer. Pure: no screen, no prompt. */
#pragma once
#include <glib.h>
#include "ui/canvas.h"
#include "ui/key.h"

G_BEGIN_DECLS

#define FM_LINE_EDIT_MAX_BYTES 65536

typedef struct FmLineEdit FmLineEdit;

FmLineEdit *fm_line_edit_new (const char *initial);
void fm_line_edit_free (FmLineEdit *edit); /* wipes its text */

const char *fm_line_edit_text (const FmLineEdit *edit);
gsize fm_line_edit_cursor (const FmLineEdit *edit); /* in bytes */
void fm_line_edit_set (FmLineEdit *edit, const char *text);
/* To the character that holds the byte at AT; past the end: to the end. */
void fm_line_edit_set_cursor (FmLineEdit *edit, gsize at);
/* Sanitised to one line; what does not fit is left out. */
void fm_line_edit_insert (FmLineEdit *edit, const char *text);

/* TRUE if KEY is one of editing. */
gboolean fm_line_edit_key (FmLineEdit *edit, FmKey key);

/* Draws in RECT (one row), scrolled so that the cursor is seen; SECRET shows stars. Returns the cursor's column. */
int fm_line_edit_draw (const FmLineEdit *edit, FmCanvas *canvas, FmRect rect, FmLook look, gboolean secret);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (FmLineEdit, fm_line_edit_free)

G_END_DECLS
