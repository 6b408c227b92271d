/* The configuration file, read again when it changes: settings, keys and saved searches take effect at once, accounts at the next start. */
#pragma once
#include <fulmar/app/app.h>

typedef struct FmConfigWatch FmConfigWatch;

/* UI thread; with a running engine. NULL where the system can't watch files: nothing is lost but the convenience. */
FmConfigWatch *fm_config_watch_new (FmApp *app);
void fm_config_watch_free (FmConfigWatch *watch); /* accepts NULL */

/* Says what is wrong in CONFIG, as far as it fits. FALSE: nothing is. UI thread. */
gboolean fm_config_watch_complain (FmApp *app, const FmConfig *config);
