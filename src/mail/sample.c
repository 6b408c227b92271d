/* The demo's mail. */
#include <fulmar/base/paths.h>
#include <fulmar/mail/sample.h>
#include <string.h>

gboolean
fm_sample_write (const char *dir, GError **error)
{
  static const char *const folders[] = { "INBOX", "Sent", "Drafts", "Archive", "Junk", "Trash" };
  static const char message[] = "From: Grace Example <grace@example.org>\nTo: Ada Example <ada@example.org>\nSubject: Welcome aboard\n"
                                "Date: Sat, 21 Nov 2026 01:00:00 +0000\nMessage-ID: <welcome@example.org>\n\nHello Ada,\n\nthis is Fulmar.\n";
  g_autofree char *path = g_build_filename (dir, "INBOX", "cur", "1.demo:2,", NULL);

  for (guint i = 0; i < G_N_ELEMENTS (folders); i++)
    for (guint j = 0; j < 3; j++) {
      static const char *const parts[] = { "cur", "new", "tmp" };
      g_autofree char *sub = g_build_filename (dir, folders[i], parts[j], NULL);
      if (!fm_paths_make_private_dir (sub, error))
        return FALSE;
    }
  return fm_paths_write_file (path, message, strlen (message), error);
}
