/* The words of an IMAP response: a cursor over a complete response in memory, which never reads past its end and never recurses. */
#pragma once
#include <glib.h>

typedef struct {
  const char *p, *end;
  GPtrArray *keep; /* owns the strings that had to be copied */
} FmImapLex;

typedef struct {
  const char *bytes; /* NULL: NIL. NUL-terminated only if copied: see length */
  gsize length;
} FmImapText;

/* Skips blanks. */
void fm_imap_lex_blank (FmImapLex *lex);
/* Takes C if it is next. */
gboolean fm_imap_lex_char (FmImapLex *lex, char c);
/* Takes a run of bytes up to a blank, parenthesis or the end; brackets with all they hold count as part of it. FALSE: empty. */
gboolean fm_imap_lex_word (FmImapLex *lex, FmImapText *ret_word);
gboolean fm_imap_lex_is (FmImapText word, const char *name);
/* A quoted string, a literal, an atom or NIL. */
gboolean fm_imap_lex_string (FmImapLex *lex, FmImapText *ret_text);
/* The same without NIL: where a string must stand, the word is a name like any other (RFC 3501, astring). FALSE too for an empty one. */
gboolean fm_imap_lex_astring (FmImapLex *lex, FmImapText *ret_text);
/* Takes a number up to MAX, refusing greater ones instead of wrapping. */
gboolean fm_imap_lex_number (FmImapLex *lex, guint64 max, guint64 *ret_number);
gboolean fm_imap_lex_number_of (FmImapText word, guint64 max, guint64 *ret_number);
/* Takes one value of any kind: a string, or a list of whatever depth. */
gboolean fm_imap_lex_skip (FmImapLex *lex);
/* "(a b c)" of atoms and strings, as a NULL-terminated array kept by the lex. */
gboolean fm_imap_lex_list (FmImapLex *lex, GPtrArray *ret_words);
/* A NUL-terminated copy kept by the lex. */
const char *fm_imap_lex_keep (FmImapLex *lex, FmImapText text);
