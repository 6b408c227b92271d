/* Names of files in a Maildir (cr.yp.to/proto/maildir.html): the flags live after ":2,", one ASCII letter each, in ASCII order. Only six
 * letters are ours to change; Dovecot, for one, stores keywords as a-z beside them. */
#include "sync/maildir-name.h"
#include "fulmar/base/clock.h"
#include "fulmar/mail/flags.h"

#include <string.h>
#include <unistd.h>

#define INFO ":2,"
#define OUR_LETTERS "DFPRST"

gsize
fm_maildir_name_key_length (const char *file_name)
{
  const char *info = strstr (file_name, INFO);
  return info == NULL ? strlen (file_name) : (gsize) (info - file_name);
}

char *
fm_maildir_name_key (const char *file_name)
{
  return g_strndup (file_name, fm_maildir_name_key_length (file_name));
}

static const char *
letters_of (const char *file_name)
{
  const char *info = file_name + fm_maildir_name_key_length (file_name);
  return *info == '\0' ? "" : info + strlen (INFO);
}

guint
fm_maildir_name_flags (const char *file_name)
{
  return fm_flags_from_maildir (letters_of (file_name));
}

static int
compare_letters (const void *a, const void *b)
{
  return *(const unsigned char *) a - *(const unsigned char *) b;
}

char *
fm_maildir_name_with_flags (const char *file_name, guint flags)
{
  g_autofree char *ours = fm_flags_to_maildir (flags);
  GString *letters = g_string_new (ours);
  for (const char *at = letters_of (file_name); *at != '\0'; at++)
    if (strchr (OUR_LETTERS, *at) == NULL && strchr (letters->str, *at) == NULL)
      g_string_append_c (letters, *at);
  qsort (letters->str, letters->len, 1, compare_letters);
  g_autofree char *key = fm_maildir_name_key (file_name);
  g_string_prepend (letters, INFO);
  g_string_prepend (letters, key);
  return g_string_free (letters, FALSE);
}

/* '/' and ':' may not stand in a unique part (the Maildir page: replace them by their octal codes). */
static char *
safe_host (void)
{
  char host[128] = "localhost";
  if (gethostname (host, sizeof host - 1) != 0 || host[0] == '\0')
    return g_strdup ("localhost");
  host[sizeof host - 1] = '\0';
  GString *safe = g_string_new (NULL);
  for (const unsigned char *at = (const unsigned char *) host; *at != '\0'; at++)
    {
      if (*at == '/' || *at == ':' || *at == ',' || *at < 0x21 || *at >= 0x7f)
        g_string_append_printf (safe, "\\%03o", *at);
      else
        g_string_append_c (safe, (char) *at);
    }
  return g_string_free (safe, FALSE);
}

char *
fm_maildir_name_unique (void)
{
  static guint counter;
  g_autofree char *host = safe_host ();
  gint64 now = g_get_real_time ();
  return g_strdup_printf ("%" G_GINT64_FORMAT ".M%" G_GINT64_FORMAT "P%ldQ%uR%08x.%s", now / G_USEC_PER_SEC, now % G_USEC_PER_SEC,
                          (long) getpid (), g_atomic_int_add (&counter, 1), g_random_int (), host);
}

gint64
fm_maildir_name_size (const char *file_name)
{
  gsize length = fm_maildir_name_key_length (file_name);
  const char *field = g_strstr_len (file_name, (gssize) length, ",S=");
  if (field == NULL)
    return -1;
  gint64 size = 0;
  const char *at = field + 3;
  if (!g_ascii_isdigit (*at))
    return -1;
  for (; g_ascii_isdigit (*at) && at < file_name + length; at++)
    {
      if (size > G_MAXINT64 / 100)
        return -1;
      size = size * 10 + (*at - '0');
    }
  return size;
}

gboolean
fm_maildir_name_is_message (const char *file_name)
{
  return file_name[0] != '.' && file_name[0] != '\0' && strlen (file_name) < 256 && strpbrk (file_name, "\n\r/") == NULL;
}
