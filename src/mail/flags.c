/* One table is the flags' names everywhere: on the server, in maildir file names, in --json. */
#include "fulmar/mail/flags.h"
#include <string.h>

typedef struct {
  guint flag;
  const char *imap;
  char maildir; /* 0: has no letter */
  const char *json;
} FlagNames;

/* In the order of their maildir letters, which the maildir convention wants sorted. */
static const FlagNames names[] = {
  { FM_FLAG_DRAFT, "\\Draft", 'D', "draft" },
  { FM_FLAG_FLAGGED, "\\Flagged", 'F', "flagged" },
  { FM_FLAG_FORWARDED, "$Forwarded", 'P', "forwarded" },
  { FM_FLAG_ANSWERED, "\\Answered", 'R', "answered" },
  { FM_FLAG_SEEN, "\\Seen", 'S', "seen" },
  { FM_FLAG_DELETED, "\\Deleted", 'T', "deleted" },
  { FM_FLAG_JUNK, "$Junk", 0, NULL },
  { FM_FLAG_NOTJUNK, "$NotJunk", 0, NULL },
  { FM_FLAG_MDNSENT, "$MDNSent", 0, NULL },
};

/* Spellings that other clients left on servers before the keywords were registered. */
static const struct {
  const char *name;
  guint flag;
} aliases[] = {
  { "Forwarded", FM_FLAG_FORWARDED },
  { "Junk", FM_FLAG_JUNK },
  { "NonJunk", FM_FLAG_NOTJUNK },
  { "NotJunk", FM_FLAG_NOTJUNK },
};

guint
fm_flags_from_imap_name (const char *name)
{
  if (name == NULL)
    return 0;
  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    if (g_ascii_strcasecmp (name, names[i].imap) == 0)
      return names[i].flag;
  for (gsize i = 0; i < G_N_ELEMENTS (aliases); i++)
    if (g_ascii_strcasecmp (name, aliases[i].name) == 0)
      return aliases[i].flag;
  return 0;
}

const char *
fm_flags_imap_name (guint flag)
{
  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    if (names[i].flag == flag)
      return names[i].imap;
  return NULL;
}

char *
fm_flags_keyword_label (const char *keyword)
{
  /* Thunderbird's five, which others show as well. */
  static const char *const labels[] = { "important", "work", "personal", "to do", "later" };
  const char *digit = keyword + strlen ("$Label");

  if (g_ascii_strncasecmp (keyword, "$Label", strlen ("$Label")) == 0 && *digit >= '1' && *digit <= '5' && digit[1] == '\0')
    return g_strdup_printf ("%s (%s)", labels[*digit - '1'], keyword);
  return g_strdup (keyword);
}

guint
fm_flags_from_maildir (const char *letters)
{
  guint flags = 0;

  for (; letters != NULL && *letters != '\0'; letters++)
    for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
      if (names[i].maildir == *letters)
        flags |= names[i].flag;
  return flags;
}

char *
fm_flags_to_maildir (guint flags)
{
  char letters[G_N_ELEMENTS (names) + 1];
  gsize n = 0;

  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    if (names[i].maildir != 0 && (flags & names[i].flag) != 0)
      letters[n++] = names[i].maildir;
  return g_strndup (letters, n);
}

const char *
fm_flags_json_name (guint flag)
{
  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    if (names[i].flag == flag)
      return names[i].json;
  return NULL;
}
