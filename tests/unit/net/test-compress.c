/* COMPRESS=DEFLATE against a scripted server whose half is zlib alone: what is sent with the agreement, in pieces of any size, refused, broken,
 * ended, and as a bomb. */
#include "fake-server.h"
#include <fulmar/base/error.h>
#include <fulmar/net/imap-session.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

static GString *told;

static void
on_message (gpointer data, const FmImapMessage *m)
{
  g_string_append_printf (told, "%u:%x;", m->uid, m->flags);
}

static void
on_exists (gpointer data, guint32 n)
{
  g_string_append_printf (told, "exists %u;", n);
}

static const FmImapEvents events = { .exists = on_exists, .message = on_message };

static FmImapSession *
open_with (FmFakeServer *fake, FmImapCompress compress)
{
  FmServer server = { "localhost", fm_fake_server_port (fake), FM_SECURITY_PLAIN_LOOPBACK, NULL, NULL };
  g_autoptr (FmSecret) secret = fm_secret_new ("hunter2-secret", -1);
  FmCredentials credentials = { "alice", secret, FM_CREDENTIALS_PASSWORD };
  FmImapOptions options = { &server, &credentials, NULL, NULL, 10000, 10000, &events, NULL, compress };

  g_string_truncate (told, 0);
  FmImapSession *session = fm_imap_session_open (&options, NULL, NULL);
  assert_non_null (session);
  return session;
}

/* --- the server's half --- */

typedef struct {
  FmFakePeer *peer;
  z_stream packer, unpacker;
} Half;

static void
half_begin (Half *half, FmFakePeer *peer)
{
  *half = (Half){ .peer = peer };
  assert_int_equal (deflateInit2 (&half->packer, 6, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
  assert_int_equal (inflateInit2 (&half->unpacker, -15), Z_OK);
}

static void
half_end (Half *half)
{
  deflateEnd (&half->packer);
  inflateEnd (&half->unpacker);
}

/* Transfer: full. */
static GByteArray *
half_pack (Half *half, const char *text, gsize size, int flush)
{
  GByteArray *out = g_byte_array_new ();
  guint8 room[4096];

  half->packer.next_in = (Bytef *) text;
  half->packer.avail_in = size;
  do
    {
      half->packer.next_out = room;
      half->packer.avail_out = sizeof room;
      deflate (&half->packer, flush);
      g_byte_array_append (out, room, sizeof room - half->packer.avail_out);
    }
  while (half->packer.avail_out == 0);
  return out;
}

static void
half_say (Half *half, const char *text)
{
  g_autoptr (GByteArray) packed = half_pack (half, text, strlen (text), Z_SYNC_FLUSH);
  fm_fake_server_send_bytes (half->peer, packed->data, packed->len);
}

/* One command line, as the client packed it; its tag is returned, NULL at the end. Transfer: full. */
static char *
half_hear (Half *half)
{
  g_autoptr (GString) line = g_string_new (NULL);

  while (!strchr (line->str, '\n'))
    {
      g_autofree char *byte = fm_fake_server_receive_bytes (half->peer, 1);
      guint8 room[1024];
      if (byte == NULL)
        return NULL;
      half->unpacker.next_in = (Bytef *) byte;
      half->unpacker.avail_in = 1;
      half->unpacker.next_out = room;
      half->unpacker.avail_out = sizeof room;
      int status = inflate (&half->unpacker, Z_SYNC_FLUSH);
      if (status != Z_OK && status != Z_BUF_ERROR)
        return NULL;
      g_string_append_len (line, (char *) room, sizeof room - half->unpacker.avail_out);
    }
  return g_strndup (line->str, strcspn (line->str, " "));
}

/* --- conversations --- */

/* What follows the OK is packed, and comes in one piece with it. */
static void
agree (Half *half, FmFakePeer *peer)
{
  g_autofree char *command = fm_fake_server_receive (peer);
  g_autofree char *answer = g_strdup_printf ("%.*s OK go\r\n", (int) strcspn (command, " "), command);
  g_autoptr (GByteArray) bytes = g_byte_array_new ();

  half_begin (half, peer);
  g_autoptr (GByteArray) packed = half_pack (half, "* 3 EXISTS\r\n", 12, Z_SYNC_FLUSH);
  g_byte_array_append (bytes, (guint8 *) answer, strlen (answer));
  g_byte_array_append (bytes, packed->data, packed->len);
  fm_fake_server_send_bytes (peer, bytes->data, bytes->len);
}

static void
talk_packed (FmFakePeer *peer, gpointer data)
{
  Half half;

  if (!fm_fake_server_imap_sign_in (peer, "COMPRESS=DEFLATE"))
    return;
  agree (&half, peer);
  for (guint round = 0; round < 2; round++)
    {
      g_autofree char *tag = half_hear (&half);
      if (tag == NULL)
        break;
      g_autoptr (GString) text = g_string_new (NULL);
      for (guint uid = 1; uid <= 4000; uid++)
        g_string_append_printf (text, "* %u FETCH (UID %u FLAGS (\\Seen))\r\n", uid, uid);
      g_string_append_printf (text, "%s OK\r\n", tag);
      half_say (&half, text->str);
    }
  fm_fake_server_wait_end (peer); /* with the client's last bytes unread, a close would take back what is still on its way */
  half_end (&half);
}

static void
speaks_packed (void **state)
{
  for (FmFakeDelivery delivery = FM_FAKE_WHOLE; delivery <= FM_FAKE_SPLIT; delivery++)
    {
      FmFakeServer *fake = fm_fake_server_start (talk_packed, NULL, delivery);
      FmImapSession *session = open_with (fake, FM_IMAP_COMPRESS_ALWAYS);
      FmImapRange all = { 1, 4000 };
      g_autoptr (GError) error = NULL;
      if (!fm_imap_session_fetch_flags (session, &all, 1, 0, &error))
        fail_msg ("%u: %s", delivery, error->message);
      assert_true (g_str_has_prefix (told->str, "exists 3;1:1;2:1;"));
      assert_true (g_str_has_suffix (told->str, ";3999:1;4000:1;"));
      g_string_truncate (told, 0);
      if (!fm_imap_session_fetch_flags (session, &all, 1, 0, &error))
        fail_msg ("%u again: %s", delivery, error->message);
      assert_true (g_str_has_suffix (told->str, ";3999:1;4000:1;"));
      fm_imap_session_free (session);
      g_autofree char *heard = fm_fake_server_stop (fake);
      assert_non_null (strstr (heard, "COMPRESS DEFLATE"));
      assert_null (strstr (heard, "UID FETCH"));
    }
}

static void
talk_plain (FmFakePeer *peer, gpointer data)
{
  if (!fm_fake_server_imap_sign_in (peer, "COMPRESS=DEFLATE"))
    return;
  if (data != NULL)
    g_free (fm_fake_server_answer (peer, data));
  for (guint round = 0; round < 2; round++)
    g_free (fm_fake_server_answer (peer, "* 1 FETCH (UID 1 FLAGS (\\Seen))\r\n%T OK\r\n"));
}

/* Refused: asked once, and everything goes on as it was. */
static void
refused_goes_on_plain (void **state)
{
  FmFakeServer *fake = fm_fake_server_start (talk_plain, (gpointer) "%T NO [COMPRESSIONACTIVE] TLS does it\r\n", FM_FAKE_WHOLE);
  FmImapSession *session = open_with (fake, FM_IMAP_COMPRESS_ALWAYS);
  FmImapRange all = { 1, 4000 };

  for (guint round = 0; round < 2; round++)
    assert_true (fm_imap_session_fetch_flags (session, &all, 1, 0, NULL));
  assert_string_equal (told->str, "1:1;1:1;");
  fm_imap_session_free (session);
  g_free (fm_fake_server_stop (fake));
}

/* A quick link, or one word against it: not asked. */
static void
not_worth_it (void **state)
{
  static const FmImapCompress ways[] = { FM_IMAP_COMPRESS_AUTO, FM_IMAP_COMPRESS_NEVER };

  for (guint i = 0; i < G_N_ELEMENTS (ways); i++)
    {
      FmFakeServer *fake = fm_fake_server_start (talk_plain, NULL, FM_FAKE_WHOLE);
      FmImapSession *session = open_with (fake, ways[i]);
      FmImapRange one = { 1, 1 };
      assert_true (fm_imap_session_fetch_flags (session, &one, 1, 0, NULL));
      fm_imap_session_free (session);
      g_autofree char *heard = fm_fake_server_stop (fake);
      assert_null (strstr (heard, "COMPRESS"));
    }
}

typedef enum { NONSENSE, THE_END, BOMB } Fault;

static void
talk_wrong (FmFakePeer *peer, gpointer data)
{
  const Fault *fault = data;
  Half half;

  if (!fm_fake_server_imap_sign_in (peer, "COMPRESS=DEFLATE"))
    return;
  agree (&half, peer);
  g_free (half_hear (&half));
  if (*fault == NONSENSE)
    fm_fake_server_send_bytes (peer, "\xff\xff\xff\xff\xff\xff\xff\xff", 8);
  else if (*fault == THE_END)
    {
      g_autoptr (GByteArray) last = half_pack (&half, "* OK bye\r\n", 10, Z_FINISH);
      fm_fake_server_send_bytes (peer, last->data, last->len);
      fm_fake_server_send (peer, "* 1 FETCH (UID 1 FLAGS ())\r\n");
    }
  else
    {
      g_autofree char *zeros = g_malloc0 (1 << 20);
      for (guint i = 0; i < 300; i++)
        {
          g_autoptr (GByteArray) packed = half_pack (&half, zeros, 1 << 20, Z_SYNC_FLUSH);
          if (!fm_fake_server_send_bytes (peer, packed->data, packed->len))
            break;
        }
    }
  fm_fake_server_wait_end (peer);
  half_end (&half);
}

static void
wrong_is_the_end (void **state)
{
  static const struct {
    Fault fault;
    int code;
    const char *words;
  } cases[] = { { NONSENSE, FM_ERROR_OFFLINE, "can't be unpacked" },
                { THE_END, FM_ERROR_OFFLINE, "can't be unpacked" },
                { BOMB, FM_ERROR_LIMIT, "line of more than" } };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      FmFakeServer *fake = fm_fake_server_start (talk_wrong, (gpointer) &cases[i].fault, FM_FAKE_WHOLE);
      FmImapSession *session = open_with (fake, FM_IMAP_COMPRESS_ALWAYS);
      FmImapRange all = { 1, 4000 };
      g_autoptr (GError) error = NULL;
      assert_false (fm_imap_session_fetch_flags (session, &all, 1, 0, &error));
      assert_int_equal (error->code, cases[i].code);
      if (strstr (error->message, cases[i].words) == NULL)
        fail_msg ("%u: %s", i, error->message);
      assert_false (fm_imap_session_is_alive (session));
      fm_imap_session_free (session);
      g_free (fm_fake_server_stop (fake));
    }
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (speaks_packed),
    cmocka_unit_test (refused_goes_on_plain),
    cmocka_unit_test (not_worth_it),
    cmocka_unit_test (wrong_is_the_end),
  };

  told = g_string_new (NULL);
  int failures = cmocka_run_group_tests (tests, NULL, NULL);
  g_string_free (told, TRUE);
  return failures;
}
