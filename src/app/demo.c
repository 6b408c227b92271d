/* `fulmar --demo`: sample mail written by us lies in a Maildir under a fresh temporary directory, its store beside it; everything works on it
 * as on one's own, no connection is ever made, and all of it goes when the program ends. */
#include "app/demo.h"
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <fulmar/base/error.h>
#include <fulmar/mail/sample.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static FmAccountSpec *
demo_account (const char *maildir)
{
  FmAccountSpec *spec = fm_account_spec_new ("demo", FM_ACCOUNT_MAILDIR);

  spec->address_name = g_strdup ("Ada Example");
  spec->address = g_strdup ("ada@example.org");
  spec->path = g_strdup (maildir);
  /* Writing and answering can be tried to the end: the mail goes nowhere but to Sent. */
  spec->sendmail_argv = g_strsplit ("true", " ", -1);
  return spec;
}

char *
fm_demo_make (FmConfig *config, GError **error)
{
  g_autofree char *dir = g_strdup_printf ("%s/fulmar-demo-XXXXXX", g_get_tmp_dir ());
  g_autofree char *maildir = NULL;

  if (!g_mkdtemp_full (dir, 0700))
    {
      fm_error_set_errno (error, FM_ERROR_STORAGE, errno, "the demo's directory can't be made under %s", g_get_tmp_dir ());
      return NULL;
    }
  maildir = g_build_filename (dir, "Mail", NULL);
  if (!fm_sample_write (maildir, error))
    {
      fm_demo_remove (dir);
      return NULL;
    }
  fm_config_add_account (config, demo_account (maildir));
  fm_config_add_search (config, "Unread", "is:unread and not folder:Junk");
  fm_config_add_search (config, "Starred", "is:flagged");
  fm_config_add_search (config, "Attachments", "is:attachment");
  return g_steal_pointer (&dir);
}

static int
remove_entry (const char *path, const struct stat *info, int type, struct FTW *walk)
{
  remove (path);
  return 0;
}

void
fm_demo_remove (const char *dir)
{
  nftw (dir, remove_entry, 32, FTW_DEPTH | FTW_PHYS);
}
