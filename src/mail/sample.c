/* The sample is written down in sample.txt as a person would jot mails down, and this file turns the notes into Maildirs:
 *
 *   ! mira +60 Mira Solberg <mira@example.org>      a person: key, minutes east of UTC, name, address
 *   @ dinner INBOX mira 3d5h to=ada flags=U         a mail: id, folder, from, age; then what differs from the usual
 *   Dinner on Friday?                               its subject; an empty line in a reply means Re: and the parent's
 *   Long lines are wrapped as a mail program would.
 *   @ - Sent ada +2h re=dinner                      a reply two hours after its parent; "<<" quotes the parent's first paragraph
 *
 * Parents stand before their replies. */
#include "fulmar/mail/sample.h"
#include "fulmar/base/clock.h"
#include "fulmar/base/error.h"
#include "mail/sample-private.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const folders[] = {
  "INBOX", "Sent", "Drafts", "Archive", "Junk", "Trash", "Travel", "Lists/fulmar-devel", "Lists/book-club",
};

static void
free_mail (gpointer data)
{
  FmSampleMail *mail = data;
  char *fields[] = { mail->id,   mail->folder,  mail->from,   mail->to,      mail->cc,  mail->flags,
                     mail->kind, mail->charset, mail->attach, mail->subject, mail->body };

  for (guint i = 0; i < G_N_ELEMENTS (fields); i++)
    g_free (fields[i]);
  g_free (mail);
}

FmSampleMail *
fm_sample_book_add (FmSampleBook *book, const char *id, const char *folder, const char *from, gint64 date_utc)
{
  FmSampleMail *mail = g_new0 (FmSampleMail, 1);

  mail->id = g_strdup (id);
  mail->folder = g_strdup (folder);
  mail->from = g_strdup (from);
  mail->to = g_strdup (g_str_has_prefix (folder, "Lists/") ? strchr (folder, '/') + 1 : "ada");
  mail->flags = g_strdup ("");
  mail->kind = g_strdup ("plain");
  mail->charset = g_strdup ("utf-8");
  mail->date_utc = date_utc;
  mail->number = book->mails->len + 1;
  g_ptr_array_add (book->mails, mail);
  if (!g_str_equal (id, "-"))
    g_hash_table_insert (book->by_id, mail->id, mail);
  return mail;
}

/* "3d5h" in seconds. */
static gint64
parse_age (const char *text)
{
  gint64 seconds = 0;

  while (g_ascii_isdigit (*text))
    {
      char *unit;
      gint64 value = g_ascii_strtoll (text, &unit, 10);
      seconds += value * (*unit == 'd' ? 86400 : *unit == 'h' ? 3600 : 60);
      text = *unit == '\0' ? unit : unit + 1;
    }
  return seconds;
}

static void
set_field (char **field, const char *value)
{
  g_free (*field);
  *field = g_strdup (value);
}

static void
set_property (FmSampleBook *book, FmSampleMail *mail, const char *property)
{
  const struct {
    const char *name;
    char **field;
  } fields[] = {
    { "to=", &mail->to },     { "cc=", &mail->cc },           { "flags=", &mail->flags },
    { "kind=", &mail->kind }, { "charset=", &mail->charset }, { "attach=", &mail->attach },
  };

  if (g_str_has_prefix (property, "re="))
    mail->parent = g_hash_table_lookup (book->by_id, property + 3);
  for (guint i = 0; i < G_N_ELEMENTS (fields); i++)
    if (g_str_has_prefix (property, fields[i].name))
      set_field (fields[i].field, property + strlen (fields[i].name));
}

static FmSampleMail *
begin_mail (FmSampleBook *book, const char *line)
{
  g_auto (GStrv) words = g_strsplit (line, " ", -1);
  FmSampleMail *mail;

  g_assert (g_strv_length (words) >= 5);
  mail = fm_sample_book_add (book, words[1], words[2], words[3], 0);
  for (guint i = 5; words[i] != NULL; i++)
    set_property (book, mail, words[i]);
  if (words[4][0] == '+' && mail->parent != NULL)
    mail->date_utc = MIN (mail->parent->date_utc + parse_age (words[4] + 1), book->now_utc - 60);
  else
    mail->date_utc = book->now_utc - parse_age (words[4]);
  return mail;
}

static void
set_subject (FmSampleMail *mail, const char *line)
{
  if (*line != '\0' || mail->parent == NULL)
    mail->subject = g_strdup (line);
  else
    mail->subject = g_strconcat (g_str_has_prefix (mail->parent->subject, "Re: ") ? "" : "Re: ", mail->parent->subject, NULL);
}

static void
add_person (FmSampleBook *book, const char *line)
{
  g_auto (GStrv) words = g_strsplit (line, " ", 4);

  g_assert (g_strv_length (words) == 4);
  g_hash_table_insert (book->zones, g_strdup (words[1]), GINT_TO_POINTER ((int) g_ascii_strtoll (words[2], NULL, 10)));
  g_hash_table_insert (book->people, g_strdup (words[1]), g_strdup (words[3]));
}

static void
end_mail (FmSampleMail *mail, GString *body)
{
  if (mail == NULL)
    return;
  g_strchomp (body->str);
  mail->body = g_strconcat (body->str + strspn (body->str, "\n"), "\n", NULL);
  g_string_truncate (body, 0);
}

static void
read_notes (FmSampleBook *book)
{
  g_auto (GStrv) lines = g_strsplit (fm_sample_text, "\n", -1);
  g_autoptr (GString) body = g_string_new (NULL);
  FmSampleMail *mail = NULL;

  for (guint i = 0; lines[i] != NULL; i++)
    if (g_str_has_prefix (lines[i], "! "))
      add_person (book, lines[i]);
    else if (g_str_has_prefix (lines[i], "@ "))
      {
        end_mail (mail, body);
        mail = begin_mail (book, lines[i]);
        set_subject (mail, lines[i + 1] != NULL ? lines[++i] : "");
      }
    else
      g_string_append_printf (body, "%s\n", lines[i]);
  end_mail (mail, body);
}

static gboolean
make_folder (const char *dir, const char *folder, GError **error)
{
  static const char *const parts[] = { "cur", "new", "tmp" };

  for (guint i = 0; i < G_N_ELEMENTS (parts); i++)
    {
      g_autofree char *path = g_build_filename (dir, folder, parts[i], NULL);
      if (g_mkdir_with_parents (path, 0700) != 0)
        {
          fm_error_set_errno (error, FM_ERROR_STORAGE, errno, "can't make %s", path);
          return FALSE;
        }
    }
  return TRUE;
}

/* The file's path: cur/ with its letters in the order Maildirs want, or new/ for what came today and was not seen by anyone. */
static char *
mail_path (const char *dir, const FmSampleBook *book, const FmSampleMail *mail)
{
  gboolean is_unread = strchr (mail->flags, 'U') != NULL;
  gboolean is_new = is_unread && mail->flags[1] == '\0' && book->now_utc - mail->date_utc < 86400;
  g_autofree char *name = g_strdup_printf ("%" G_GINT64_FORMAT ".M%06uP1.sample", mail->date_utc, mail->number);
  GString *letters = g_string_new (is_new ? "" : ":2,");

  for (const char *letter = "DFPRST"; !is_new && *letter != '\0'; letter++)
    if (*letter == 'S' ? !is_unread : strchr (mail->flags, *letter) != NULL)
      g_string_append_c (letters, *letter);
  g_string_prepend (letters, name);
  char *path = g_build_filename (dir, mail->folder, is_new ? "new" : "cur", letters->str, NULL);
  g_string_free (letters, TRUE);
  return path;
}

static gboolean
write_mail (const char *dir, const FmSampleBook *book, const FmSampleMail *mail, GError **error)
{
  g_autofree char *path = mail_path (dir, book, mail);
  GString *bytes = fm_sample_mime_build (book, mail);
  const struct timespec times[2] = { { .tv_sec = mail->date_utc }, { .tv_sec = mail->date_utc } };
  int fd = open (path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  gboolean written = fd >= 0 && write (fd, bytes->str, bytes->len) == (ssize_t) bytes->len && futimens (fd, times) == 0;

  if (!written)
    fm_error_set_errno (error, FM_ERROR_STORAGE, errno, "can't write %s", path);
  if (fd >= 0)
    close (fd);
  g_string_free (bytes, TRUE);
  return written;
}

gboolean
fm_sample_write (const char *dir, GError **error)
{
  FmSampleBook book = { g_ptr_array_new_with_free_func (free_mail), g_hash_table_new (g_str_hash, g_str_equal),
                        g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free),
                        g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL), fm_clock_now_utc () };
  gboolean done = TRUE;

  read_notes (&book);
  fm_sample_series_add (&book);
  for (guint i = 0; done && i < G_N_ELEMENTS (folders); i++)
    done = make_folder (dir, folders[i], error);
  for (guint i = 0; done && i < book.mails->len; i++)
    done = write_mail (dir, &book, g_ptr_array_index (book.mails, i), error);
  g_hash_table_unref (book.by_id);
  g_hash_table_unref (book.people);
  g_hash_table_unref (book.zones);
  g_ptr_array_unref (book.mails);
  return done;
}
