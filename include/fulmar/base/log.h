/* The log file: one line an event, time, level, thread. Layers below app log at debug only and never print. Thread-safe. Control bytes are
 * escaped; callers never pass secrets (the protocol trace redacts them before it comes here). */
#pragma once
#include <glib.h>

G_BEGIN_DECLS

typedef enum { FM_LOG_DEBUG, FM_LOG_INFO, FM_LOG_WARNING, FM_LOG_ERROR } FmLogLevel;

/* Opens PATH (0600, appended; moved to PATH.1 at 4 MB). NULL: nothing is written. Called once, before threads start. */
gboolean fm_log_open (const char *path, FmLogLevel least, GError **error);
void fm_log_close (void);
gboolean fm_log_enabled (FmLogLevel level);

void fm_log_write (FmLogLevel level, const char *format, ...) G_GNUC_PRINTF (2, 3);
#define fm_log_debug(...) fm_log_write (FM_LOG_DEBUG, __VA_ARGS__)
#define fm_log_info(...) fm_log_write (FM_LOG_INFO, __VA_ARGS__)
#define fm_log_warning(...) fm_log_write (FM_LOG_WARNING, __VA_ARGS__)
#define fm_log_error(...) fm_log_write (FM_LOG_ERROR, __VA_ARGS__)

G_END_DECLS
