/* A prompt in the bottom line: text, secret, or command with a completion menu above it. */
#pragma once
#include "ui/widget.h"

G_BEGIN_DECLS

/* Whole replacement lines for what is typed. Transfer: full, strv. */
typedef char **(*FmWidgetPromptComplete) (const char *partial, gpointer data);

/* What is wrong with the text and at which byte, or NULL: it may be answered. Transfer: full. */
typedef char *(*FmWidgetPromptCheck) (const char *text, gsize *ret_position);

/* value struct */
typedef struct {
  FmPromptKind kind;
  const char *label, *initial;
  GPtrArray *history;              /* char *, oldest first; the answer is added; may be NULL; outlives the prompt */
  FmWidgetPromptComplete complete; /* may be NULL */
  gpointer complete_data;
  FmWidgetPromptCheck check; /* asked before the answer is given: what is wrong is said above the line, the cursor on it; may be NULL */
  FmShellAnswer answer;
  gpointer answer_data;
} FmWidgetPromptOptions;

FmWidget *fm_widget_prompt_new (const FmWidgetPromptOptions *options);

/* A question answered by one letter of KEYS. */
FmWidget *fm_widget_prompt_new_ask (const char *question, const char *keys, FmShellAnswer answer, gpointer data);

G_END_DECLS
