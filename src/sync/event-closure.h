/* What a COMPUTED event carries: the result of a pool thread's work and the owner's callback for it. */
#pragma once
#include <fulmar/sync/event.h>

typedef struct {
  void (*done) (gpointer result, const GError *error, gpointer data); /* FmEngineDone */
  gpointer result;                                                    /* meaningful only without an error */
  GError *error;
  gpointer data;
  GDestroyNotify free_data;
} FmEventClosure;
