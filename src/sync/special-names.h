/* Which folder is the trash where no server says: by what people and programs call it, in the languages of common clients and providers. */
#pragma once
#include <glib.h>

typedef enum {
  FM_SPECIAL_NAMES_NONE,
  FM_SPECIAL_NAMES_INBOX,
  FM_SPECIAL_NAMES_SENT,
  FM_SPECIAL_NAMES_DRAFTS,
  FM_SPECIAL_NAMES_TRASH,
  FM_SPECIAL_NAMES_JUNK,
  FM_SPECIAL_NAMES_ARCHIVE,
} FmSpecialNames;

/* What a folder's name says it is. Only its last component counts, and only where it stands at the top, under INBOX, or under "[Gmail]" or "[Google Mail]".
 * DELIM 0: no hierarchy. */
FmSpecialNames fm_special_names_find (const char *folder_name, char delim);

/* How sure the name is: lower is better, for choosing among several ("Trash" before "Bin"); G_MAXUINT if it is no such name. */
guint fm_special_names_rank (const char *folder_name, char delim, FmSpecialNames kind);

/* The name to create a missing one with ("Trash"). Static. */
const char *fm_special_names_default (FmSpecialNames kind);
