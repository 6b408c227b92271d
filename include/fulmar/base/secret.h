/* A password or token: in locked memory where the system allows, wiped when freed, never printed. Frozen and shared between threads. */
#pragma once
#include <glib.h>

G_BEGIN_DECLS

typedef struct FmSecret FmSecret;

FmSecret *fm_secret_new (const char *text, gssize size_bytes);
FmSecret *fm_secret_ref (FmSecret *secret);
void fm_secret_unref (FmSecret *secret); /* accepts NULL */

/* NUL-terminated; valid as long as the secret. */
const char *fm_secret_peek (const FmSecret *secret);
gsize fm_secret_length (const FmSecret *secret);

/* Overwrites memory in a way the compiler keeps. */
void fm_secret_wipe (void *memory, gsize size_bytes);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (FmSecret, fm_secret_unref)

G_END_DECLS
