/* What the engine tells, on the UI thread. */
#pragma once
#include "app/app-private.h"

void fm_app_events_init (FmApp *app);                   /* the tables of what is awaited and of the accounts' states */
void fm_app_events_take (gpointer event, gpointer app); /* an FmPortTake; consumes EVENT */
const char *fm_app_events_state_word (FmAccountState state);
