/* The header of a message file of a Maildir. */
#pragma once
#include <fulmar/mail/envelope.h>
#include <sys/stat.h>

/* RET_ST is the file's. NULL: it is gone, unreadable or no file. Any thread. Transfer: full. */
FmEnvelope *fm_maildir_header_read (const char *path, struct stat *ret_st);
