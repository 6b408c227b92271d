/* Sets are cut at 4,000 bytes: well under what any server takes for a line, and no slower. */
#include "imap-build.h"
#include <string.h>

#define MAX_SET_BYTES 4000

char *
fm_imap_build_set (const FmImapRange *ranges, gsize n_ranges, gsize *index)
{
  g_autoptr (GString) set = g_string_new (NULL);

  for (; *index < n_ranges && set->len < MAX_SET_BYTES; (*index)++)
    {
      FmImapRange range = ranges[*index];
      if (range.first == 0 || range.last < range.first)
        return NULL;
      g_string_append_printf (set, "%s%u", set->len > 0 ? "," : "", range.first);
      if (range.last > range.first)
        g_string_append_printf (set, ":%u", range.last);
    }
  return set->len > 0 ? g_string_free (g_steal_pointer (&set), FALSE) : NULL;
}

gboolean
fm_imap_build_is_atom (const char *word)
{
  if (*word == '\0')
    return FALSE;
  for (; *word != '\0'; word++)
    if (*word <= ' ' || *word == 0x7f || strchr ("(){%*\"\\]", *word) != NULL)
      return FALSE;
  return TRUE;
}

char *
fm_imap_build_flags (guint flags, const char *const *keywords)
{
  g_autoptr (GString) list = g_string_new ("(");

  for (guint bit = 1; bit != 0 && bit <= FM_FLAG_SERVER_MASK; bit <<= 1)
    if ((flags & FM_FLAG_SERVER_MASK & bit) && fm_flags_imap_name (bit) != NULL)
      g_string_append_printf (list, "%s%s", list->len > 1 ? " " : "", fm_flags_imap_name (bit));
  for (; keywords != NULL && *keywords != NULL; keywords++)
    {
      if (!fm_imap_build_is_atom (*keywords))
        return NULL;
      g_string_append_printf (list, "%s%s", list->len > 1 ? " " : "", *keywords);
    }
  return g_string_free (g_string_append_c (g_steal_pointer (&list), ')'), FALSE);
}
