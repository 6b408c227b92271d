/* The error domain: a quark, the codes' names, and errno put into words. */
#include <fulmar/base/error.h>

static const char *const code_names[] = {
  [FM_ERROR_OFFLINE] = "offline",     [FM_ERROR_TIMEOUT] = "timeout", [FM_ERROR_AUTH] = "auth",       [FM_ERROR_TLS] = "tls",
  [FM_ERROR_PROTOCOL] = "protocol",   [FM_ERROR_REFUSED] = "refused", [FM_ERROR_STORAGE] = "storage", [FM_ERROR_NOT_FOUND] = "not-found",
  [FM_ERROR_CANCELLED] = "cancelled", [FM_ERROR_LIMIT] = "limit",     [FM_ERROR_INVALID] = "invalid",
};

G_DEFINE_QUARK (fulmar_error, fm_error)

const char *
fm_error_code_name (FmErrorCode code)
{
  if ((guint) code >= G_N_ELEMENTS (code_names))
    return "unknown";
  return code_names[code];
}

void
fm_error_set_errno (GError **error, FmErrorCode code, int saved_errno, const char *what_format, ...)
{
  g_autofree char *what = NULL;
  va_list args;

  va_start (args, what_format);
  what = g_strdup_vprintf (what_format, args);
  va_end (args);
  g_set_error (error, FM_ERROR, code, "%s: %s", what, g_strerror (saved_errno));
}
