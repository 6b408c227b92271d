/* A one-shot cancel that another thread may pull: an atomic flag plus an eventfd that every wait polls beside its own descriptor. */
#pragma once
#include <glib.h>

G_BEGIN_DECLS

typedef struct FmCancel FmCancel;

FmCancel *fm_cancel_new (void);
FmCancel *fm_cancel_ref (FmCancel *cancel);
void fm_cancel_unref (FmCancel *cancel); /* accepts NULL */

/* Any thread; idempotent. */
void fm_cancel_trigger (FmCancel *cancel);
gboolean fm_cancel_is_set (const FmCancel *cancel); /* NULL: never set */

/* A descriptor readable for ever once triggered; owned by the cancel. NULL: -1. */
int fm_cancel_fd (const FmCancel *cancel);

/* FALSE with FM_ERROR_CANCELLED once triggered. */
gboolean fm_cancel_check (const FmCancel *cancel, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (FmCancel, fm_cancel_unref)

G_END_DECLS
