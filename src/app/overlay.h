/* The overlay: what the user has done to rows that is not on disk yet. Every row that is drawn is read through it, so a change shows in the
 * frame after its key, and it is dropped when the pen says DURABLE (or FAILED: then the row shows the truth again). UI thread only. */
#pragma once
#include <glib.h>

typedef struct FmOverlay FmOverlay;

/* value struct: one action's effect on each of its rows */
typedef struct {
  guint add, remove; /* FM_FLAG_* */
  gboolean gone;     /* leaves its folder */
} FmOverlayEffect;

FmOverlay *fm_overlay_new (void);
void fm_overlay_free (FmOverlay *overlay); /* accepts NULL */

void fm_overlay_add (FmOverlay *overlay, guint64 request, const gint64 *ids, gsize n, const FmOverlayEffect *effect);
void fm_overlay_drop (FmOverlay *overlay, guint64 request);

/* FLAGS with every pending change of row ID, in the order they were made. FALSE: nothing is pending. */
gboolean fm_overlay_apply (const FmOverlay *overlay, gint64 id, guint *flags, gboolean *ret_gone);
gboolean fm_overlay_is_empty (const FmOverlay *overlay);
