/* What lies over the panes and takes the keys: prompts, questions, menus, pages of text. The screen keeps a stack of them; the top one gets all
 * input. A widget that is done is taken off the stack first and answers then, so that an answer may open the next one. UI thread only. */
#pragma once
#include <fulmar/app/shell.h>
#include <glib.h>
#include "ui/canvas.h"
#include "ui/key-decoder.h"
#include "ui/theme.h"

G_BEGIN_DECLS

typedef struct FmWidget FmWidget;

typedef struct {
  void (*draw) (FmWidget *widget, FmCanvas *canvas, const FmTheme *theme);
  /* FALSE: done; the answer is in `result`, or NULL when cancelled. */
  gboolean (*input) (FmWidget *widget, const FmInput *input);
  void (*free) (FmWidget *widget);
} FmWidgetClass;

/* Implementations embed this first. */
struct FmWidget {
  const FmWidgetClass *klass;
  FmShellAnswer answer; /* may be NULL */
  gpointer answer_data;
  char *result;
};

/* Answers (exactly once) and frees. */
static inline void
fm_widget_finish (FmWidget *widget)
{
  if (widget->answer)
    widget->answer (widget->result, widget->answer_data);
  g_free (widget->result);
  widget->klass->free (widget);
}

/* Esc, Esc Esc, Ctrl-G and Ctrl-C leave any widget. */
static inline gboolean
fm_widget_is_cancel (const FmInput *input)
{
  if (input->type == FM_INPUT_ESC || input->type == FM_INPUT_CANCEL)
    return TRUE;
  return input->type == FM_INPUT_KEY && input->key.mods == FM_MOD_CTRL && (input->key.code == 'g' || input->key.code == 'c');
}

G_END_DECLS
