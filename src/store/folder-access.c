/* Two sources of the same answer: rights where the server has ACL, which say what for whom, and else the flags of SELECT, which say only what can't be
 * kept. The refusal names the source, so that the user knows whom to ask. */
#include <fulmar/mail/flags.h>
#include <fulmar/store/folder-access.h>
#include <string.h>

/* Keywords by nature: kept where new keywords are. */
#define KEYWORD_FLAGS (FM_FLAG_FORWARDED | FM_FLAG_JUNK | FM_FLAG_NOTJUNK | FM_FLAG_MDNSENT)

static gboolean
has_any (const FmFolderInfo *folder, const char *letters)
{
  return strpbrk (folder->rights, letters) != NULL;
}

/* RFC 2086's `d` and `c` stand for what RFC 4314 split. */
static gboolean
has_right (const FmFolderInfo *folder, FmFolderWish wish, guint flags)
{
  switch (wish)
    {
    case FM_WISH_FLAGS:
      return (!(flags & FM_FLAG_SEEN) || has_any (folder, "s")) && (!(flags & FM_FLAG_DELETED) || has_any (folder, "td"))
             && (!(flags & ~(guint) (FM_FLAG_SEEN | FM_FLAG_DELETED)) || has_any (folder, "w"));
    case FM_WISH_INSERT:
      return has_any (folder, "i");
    case FM_WISH_REMOVE:
      return has_any (folder, "d") || (has_any (folder, "t") && has_any (folder, "e"));
    case FM_WISH_CREATE:
      return has_any (folder, "kc");
    case FM_WISH_DELETE:
      return has_any (folder, "xcd");
    }
  return TRUE;
}

static const char *
deed_of (FmFolderWish wish, guint flags)
{
  static const char *const deeds[]
      = { "change flags in it", "file mail into it", "take mail out of it", "make folders below it", "rename or delete it" };

  return wish != FM_WISH_FLAGS || flags & ~(guint) FM_FLAG_SEEN ? deeds[wish] : "mark mail read in it";
}

gboolean
fm_folder_access_is_read_only (const FmFolderInfo *folder)
{
  return folder->rights != NULL ? !has_any (folder, "swited") : (folder->access & FM_ACCESS_READ_ONLY) != 0;
}

gboolean
fm_folder_access_keeps_tags_here (const FmFolderInfo *folder)
{
  return folder->kind == FM_STORE_IMAP && (folder->access & FM_ACCESS_KNOWN) && !(folder->access & FM_ACCESS_KEYWORDS);
}

/* By what SELECT told alone. */
static char *
refusal_by_access (const FmFolderInfo *folder, FmFolderWish wish, guint flags)
{
  guint kept = folder->access & FM_FLAG_SERVER_MASK;

  if (wish != FM_WISH_FLAGS && wish != FM_WISH_REMOVE)
    return NULL;
  if (folder->access & FM_ACCESS_READ_ONLY)
    return g_strdup_printf ("%s/%s is read-only: the server lets nobody %s through this account", folder->account, folder->name,
                            deed_of (wish, flags));
  if (folder->access & FM_ACCESS_KEYWORDS)
    kept |= KEYWORD_FLAGS;
  if (kept != 0 && wish == FM_WISH_REMOVE && !(kept & FM_FLAG_DELETED))
    return g_strdup_printf ("%s/%s: the server lets you take no mail out of it", folder->account, folder->name);
  if (kept != 0 && wish == FM_WISH_FLAGS && (flags & FM_FLAG_SERVER_MASK & ~kept))
    return g_strdup_printf ("%s/%s: the server does not keep this mark there", folder->account, folder->name);
  return NULL;
}

char *
fm_folder_access_refusal (const FmFolderInfo *folder, FmFolderWish wish, guint flags)
{
  if (folder->rights == NULL)
    return folder->access & FM_ACCESS_KNOWN ? refusal_by_access (folder, wish, flags) : NULL;
  if (has_right (folder, wish, flags))
    return NULL;
  if (fm_folder_access_is_read_only (folder))
    return g_strdup_printf ("%s/%s is read-only: your rights are %s", folder->account, folder->name, folder->rights);
  return g_strdup_printf ("%s/%s: you may not %s: your rights are %s", folder->account, folder->name, deed_of (wish, flags),
                          folder->rights);
}
