/* Messages and their parts as files. PART is the part's index, -1: the whole message. */
#pragma once
#include <fulmar/app/reading.h>
#include <fulmar/store/db.h>

gboolean fm_export_to_fd (FmStoreReader *reader, gint64 msg_id, gint part, int fd, GError **error);
/* A new file (0600), or, with OVERWRITE, over the one that is there; never through a symbolic link. What failed leaves no new file. */
gboolean fm_export_to_file (FmStoreReader *reader, gint64 msg_id, gint part, const char *path, gboolean overwrite, GError **error);
/* A new file called NAME, or name-2, name-3 where that is taken. Returns the name it got. Transfer: full. */
char *fm_export_to_directory (FmStoreReader *reader, gint64 msg_id, gint part, const char *directory, const char *name, GError **error);
/* A safe name for a part's file: its own, or one made of what is known. Transfer: full. */
char *fm_export_name (const FmReadingPart *part);
