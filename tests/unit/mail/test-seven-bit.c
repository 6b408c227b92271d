/* A message for a server that takes less: what it says is the same afterwards, and what is signed is not touched. */
#include <sys/mman.h>
#include <unistd.h>
#include "fulmar/base/error.h"
#include "fulmar/mail/message.h"
#include "fulmar/mail/seven-bit.h"
#include "test.h"

static int
file_of (const char *text, gsize size)
{
  int fd = memfd_create ("test", MFD_CLOEXEC);

  assert_int_equal (write (fd, text, size), size);
  return fd;
}

static GBytes *
bytes_of (int fd)
{
  off_t size = lseek (fd, 0, SEEK_END);
  char *bytes = g_malloc (size + 1);

  assert_int_equal (pread (fd, bytes, size, 0), size);
  bytes[size] = '\0';
  return g_bytes_new_take (bytes, size);
}

static guint
needs_of (int fd)
{
  guint needs = G_MAXUINT;

  assert_true (fm_seven_bit_survey (fd, &needs, NULL));
  return needs;
}

/* Every leaf of both, decoded. */
static void
assert_says_the_same (GBytes *before, GBytes *after)
{
  g_autoptr (FmMessage) a = fm_message_open_bytes (before, NULL), b = fm_message_open_bytes (after, NULL);

  assert_int_equal (fm_message_n_parts (a), fm_message_n_parts (b));
  for (guint i = 0; i < fm_message_n_parts (a); i++)
    {
      g_autofree char *x = NULL, *y = NULL;
      if (!fm_message_part (a, i)->is_leaf)
        continue;
      x = fm_message_part_text (a, i, 1 << 20, NULL, NULL);
      y = fm_message_part_text (b, i, 1 << 20, NULL, NULL);
      assert_string_equal (x, y);
    }
}

static const char signed_part[]
    = "Content-Type: multipart/signed; boundary=S; protocol=\"application/pgp-signature\"\n\n--S\nContent-Type: text/plain; "
      "charset=utf-8\nContent-Transfer-Encoding: %s\n\n%s\n--S\nContent-Type: application/pgp-signature\n\nsig\n--S--\n";

static void
converts (void **state)
{
  static char long_line[4000];
  memset (long_line, 'x', sizeof long_line - 1);
  g_autofree char *long_mail = g_strdup_printf ("Subject: a\n\nshort\n%s\nend\n", long_line);
  static const char nul[] = "Subject: a\nContent-Type: application/x-thing\n\na\0b\n";
  const struct {
    const char *text;
    gsize size;
    guint needs;
    const char *holds; /* in the result */
  } cases[] = {
    { "Subject: a\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\nGr\xc3\xbc\xc3\x9f\x65, and more words in "
      "plain letters\n.\n",
      0, FM_SEVEN_BIT_HIGH, "Gr=C3=BC=C3=9Fe" },
    { "Subject: a\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n\xd0\xb4\xd0\xb0\r\n\r\n.\r\n", 0, FM_SEVEN_BIT_HIGH,
      "=D0=B4=D0=B0\r\n\r\n." },
    { "Subject: a\nContent-Type: text/plain; charset=iso-8859-1\n\nGr\xfc\xdf\x65, and more words in plain letters\n", 0, FM_SEVEN_BIT_HIGH,
      "Gr=FC=DFe" },
    { "Subject: a\n\nGr\xc3\xbc\xc3\x9f\x65\n", 0, FM_SEVEN_BIT_HIGH, "charset=utf-8" },
    { "Subject: a\n\nGr\xfc\xdf\x65, and more words in plain letters\n", 0, FM_SEVEN_BIT_HIGH, "charset=unknown-8bit" },
    { long_mail, 0, FM_SEVEN_BIT_LONG, "=\r\n" },
    { nul, sizeof nul - 1, FM_SEVEN_BIT_NUL, "Content-Transfer-Encoding: " },
    { "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=B\nContent-Transfer-Encoding: 8bit\n\npre\n--B\nContent-Type: "
      "text/plain; "
      "charset=utf-8\n\n\xc3\xbc\n--B\nContent-Type: image/png\nContent-Transfer-Encoding: base64\n\nAAAA\n--B\nContent-Type: "
      "message/rfc822\nContent-Transfer-Encoding: 8bit\n\nSubject: in\nContent-Type: text/plain; charset=utf-8\n\n\xc3\xa4\n--B--\n",
      0, FM_SEVEN_BIT_HIGH, "\r\nAAAA\r\n" },
  };
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      gsize size = cases[i].size > 0 ? cases[i].size : strlen (cases[i].text);
      int fd = file_of (cases[i].text, size);
      assert_int_equal (needs_of (fd), cases[i].needs);
      int fit = fm_seven_bit_convert (fd, NULL);
      assert_true (fit >= 0);
      assert_int_equal (needs_of (fit), 0);
      g_autoptr (GBytes) before = bytes_of (fd), after = bytes_of (fit);
      const char *result = g_bytes_get_data (after, NULL);
      assert_non_null (strstr (result, cases[i].holds));
      assert_non_null (strstr (result, "MIME-Version: 1.0"));
      assert_null (strstr (result, "Encoding: 8bit"));
      assert_says_the_same (before, after);
      close (fd);
      close (fit);
    }
}

static void
leaves_what_is_signed (void **state)
{
  g_autofree char *broken = g_strdup_printf (signed_part, "8bit", "Gr\xc3\xbc\xc3\x9f\x65");
  g_autofree char *inner = g_strdup_printf (signed_part, "7bit", "From here =3D  \nit stays");
  g_autofree char *mixed = g_strdup_printf ("MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=B\n\n--B\nContent-Type: "
                                            "text/plain; charset=utf-8\n\n\xc3\xbc\n--B\n%s\n--B--\n",
                                            inner);
  g_autoptr (GError) error = NULL;
  int fd = file_of (broken, strlen (broken));

  assert_int_equal (fm_seven_bit_convert (fd, &error), -1);
  assert_true (g_error_matches (error, FM_ERROR, FM_ERROR_INVALID));
  assert_non_null (strstr (error->message, "signed"));
  close (fd);
  fd = file_of (mixed, strlen (mixed));
  int fit = fm_seven_bit_convert (fd, NULL);
  g_autoptr (GBytes) after = bytes_of (fit);
  g_auto (GStrv) lines = g_strsplit (inner, "\n", -1);
  g_autofree char *crlf = g_strjoinv ("\r\n", lines);
  assert_non_null (strstr (g_bytes_get_data (after, NULL), crlf));
  assert_int_equal (needs_of (fit), 0);
  close (fit);
  close (fd);
}

int
main (void)
{
  const struct CMUnitTest tests[] = { cmocka_unit_test (converts), cmocka_unit_test (leaves_what_is_signed) };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
