/* The keys of an [account NAME] section. */
#pragma once
#include <fulmar/sync/account-spec.h>
#include <glib.h>

/* Names of all account keys, NULL-terminated, static. */
const char *const *fm_config_account_keys (void);

/* Sets one key. FM_ERROR_INVALID says what is wrong and what to write; *RET_OFFSET is the byte of VALUE where it is. */
gboolean fm_config_account_set (FmAccountSpec *spec, const char *key, const char *value, gsize *ret_offset, GError **error);

/* What a whole section lacks, or NULL: "no imap, pop, maildir, mbox or notmuch". Static. */
const char *fm_config_account_missing (const FmAccountSpec *spec);
