/* From keys to command lines. The default table is made from the commands' own default keys, so that help, hints and manual can't disagree
 * with it; `keymap = alpine` is a whole second table. UI thread only. */
#pragma once
#include <fulmar/app/config.h>
#include <glib.h>
#include "ui/key.h"

G_BEGIN_DECLS

typedef struct FmKeymap FmKeymap;

typedef enum {
  FM_KEYMAP_UNKNOWN, /* bound to nothing: what was pending is forgotten */
  FM_KEYMAP_MORE,    /* the beginning of a sequence, or a digit of a count */
  FM_KEYMAP_RUN,     /* ret_command with ret_count */
  FM_KEYMAP_JUMP,    /* digits and Enter: ret_count */
} FmKeymapResult;

FmKeymap *fm_keymap_new (void);
void fm_keymap_free (FmKeymap *keymap);

/* The set called NAME ("mutt", "alpine"). FALSE if there is none. */
gboolean fm_keymap_load_set (FmKeymap *keymap, const char *name);

/* Binds KEYS to a command line in each of CONTEXTS (FM_CONTEXT_ bits); "none" frees the keys. Refuses, with FM_ERROR_INVALID, keys that are
 * the beginning of a bound sequence and sequences that begin with bound keys. */
gboolean fm_keymap_bind (FmKeymap *keymap, guint contexts, const char *keys, const char *command, GError **error);

/* The [keys ...] sections of the config: the good lines are bound, each bad one is a message in PROBLEMS (char *, Transfer: full). */
void fm_keymap_load_config (FmKeymap *keymap, FmConfig *config, GPtrArray *problems);

/* "list", "pager", ... "global" as FM_CONTEXT_ bits, 0 if unknown. */
guint fm_keymap_context (const char *name);

/* One more key in CONTEXT (one bit). ret_command belongs to the keymap. */
FmKeymapResult fm_keymap_feed (FmKeymap *keymap, guint context, FmKey key, const char **ret_command, int *ret_count);
/* What is typed and waits for more, for the bottom line; NULL if nothing. Transfer: full. */
char *fm_keymap_pending (const FmKeymap *keymap);
/* What may follow that, as "v:fold-thread  t:tag-thread"; AFTER_ESC: a lone Esc waits for its letter. Transfer: full. */
char *fm_keymap_continuations (const FmKeymap *keymap, guint context, gboolean after_esc);
void fm_keymap_reset (FmKeymap *keymap);

/* The first key that runs COMMAND in CONTEXT, for hints: NULL if unbound. And all of them, ", " between. Transfer: full. */
char *fm_keymap_key_for (const FmKeymap *keymap, guint context, const char *command);
char *fm_keymap_keys_for (const FmKeymap *keymap, guint context, const char *command);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (FmKeymap, fm_keymap_free)

G_END_DECLS
