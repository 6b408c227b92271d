/* Writing the arguments of IMAP commands: UID sets and flag lists. Private to the network layer. */
#pragma once
#include <fulmar/net/imap-types.h>

/* As many of the ranges from *INDEX on as fit a set that servers accept (8 KB refuse); *INDEX moves on. NULL for an empty or zero range.
 * Transfer: full. */
char *fm_imap_build_set (const FmImapRange *ranges, gsize n_ranges, gsize *index);
/* "(\Seen $Forwarded word)". NULL if a keyword is not an atom. Transfer: full. */
char *fm_imap_build_flags (guint flags, const char *const *keywords);
gboolean fm_imap_build_is_atom (const char *word);
