/* The closed list of [ui] settings: name, kind, default, help. One table for the config reader, `:set`, completion and the manual. */
#pragma once
#include <glib.h>

typedef enum { FM_SETTING_TEXT, FM_SETTING_BOOL, FM_SETTING_INT, FM_SETTING_CHOICE } FmSettingKind;

typedef struct {
  const char *name;
  FmSettingKind kind;
  const char *initial;
  const char *choices; /* CHOICE: separated by '|'; TEXT: likewise, as suggestions; INT: "LEAST|MOST" */
  const char *help;
} FmSetting;

/* The table; *ret_n entries. Static. */
const FmSetting *fm_settings_all (guint *ret_n);
const FmSetting *fm_settings_find (const char *name);
const char *const *fm_settings_names (void);

/* What it can be, as far as that is a list; empty: anything. Transfer: full. */
char **fm_settings_suggest (const FmSetting *setting);
/* VALUE in its canonical spelling ("yes" -> "true"), or NULL with FM_ERROR_INVALID that names what is allowed. Transfer: full. */
char *fm_settings_check (const FmSetting *setting, const char *value, GError **error);
