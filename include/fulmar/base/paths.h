/* Where Fulmar's files lie: the XDG directories, or everything under $FULMAR_HOME. Directories are made 0700, files 0600. */
#pragma once
#include <glib.h>

G_BEGIN_DECLS

/* Transfer: full, all. FULMAR_HOME puts the config at DIR/fulmar.conf, data at DIR/data, the log at DIR/fulmar.log. */
char *fm_paths_config_file (void);
char *fm_paths_data_dir (void);
char *fm_paths_log_file (void);

/* Makes DIR and its parents, 0700. FM_ERROR_STORAGE names the path and why. */
gboolean fm_paths_make_private_dir (const char *dir, GError **error);

/* "~/x" and "~" expanded against HOME; anything else copied. Transfer: full. */
char *fm_paths_expand (const char *path);

/* A name safe as one path component: no separators, controls, leading dots; bounded to MAX_BYTES; never empty. Transfer: full. */
char *fm_paths_safe_name (const char *name, gsize max_bytes);

/* Writes a whole small file crash-safely: temporary name, fsync, rename, fsync of the directory; mode 0600. */
gboolean fm_paths_write_file (const char *path, const void *bytes, gsize size_bytes, GError **error);

G_END_DECLS
