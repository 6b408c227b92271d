/* What may be done in a folder, judged by what its server told: the user's rights (RFC 4314) where it has ACL, else whether SELECT was read-only and
 * which flags are kept for good. What nobody told is allowed. Any thread. */
#pragma once
#include <fulmar/store/folder-store.h>

G_BEGIN_DECLS

/* The value of `access`: the FmFlags that PERMANENTFLAGS named (none: it was not told), and these. */
typedef enum {
  FM_ACCESS_KNOWN = 1 << 16,
  FM_ACCESS_READ_ONLY = 1 << 17,
  FM_ACCESS_KEYWORDS = 1 << 18, /* new keywords are taken */
} FmFolderAccess;

typedef enum {
  FM_WISH_FLAGS,  /* to change these flags */
  FM_WISH_INSERT, /* to file mail into it */
  FM_WISH_REMOVE, /* to take mail out of it */
  FM_WISH_CREATE, /* to make a folder below it */
  FM_WISH_DELETE, /* to rename or delete it */
} FmFolderWish;

/* Why not: "work/lists is read-only: your rights are lr". FLAGS: FmFlags, with FM_WISH_FLAGS. NULL: it may be. Transfer: full. */
char *fm_folder_access_refusal (const FmFolderInfo *folder, FmFolderWish wish, guint flags);
/* Nothing in it can be changed. */
gboolean fm_folder_access_is_read_only (const FmFolderInfo *folder);
/* Tags that are put on its mail stay on this machine. */
gboolean fm_folder_access_keeps_tags_here (const FmFolderInfo *folder);

G_END_DECLS
