/* Keeps from libetpan what it would read wrongly. Private to the network layer. */
#pragma once
#include "imap-lex.h"

/* Whether libetpan may be asked about a response. FALSE: it has a number of more than 32 bits where libetpan would wrap it round, a NUL outside a
 * literal, where libetpan would cut a string short, or a BODY[...] section that libetpan would lose memory over. Then
 * RET_ECHO is the section "HEADER.FIELDS (...)" of the first BODY[...] that has such a one (not its brackets): names of fields and nothing else, so
 * that libetpan need not see them. bytes NULL: none. */
gboolean fm_etpan_guard_admits (const char *text, gsize length, FmImapText *ret_echo);

/* The same for "[CODE args] text". */
gboolean fm_etpan_guard_admits_code (const char *text, gsize length);
