/* Servers that negotiate STARTTLS badly, or are made to by someone on the way: scripts of what they offer and answer, for POP3, SMTP and IMAP.
 * The client insists on STARTTLS. Whatever happens, it neither hangs nor says a name or a password in clear, and it ends signed in exactly where
 * the upgrade can be had. The scripts are not part of this tree: without them the test is skipped. */
#include "fake-server.h"
#include <fulmar/base/error.h>
#include <fulmar/net/imap-session.h>
#include <fulmar/net/pop-session.h>
#include <fulmar/net/smtp-session.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define SKIPPED 77

typedef enum { POP, SMTP, IMAP } Protocol;

static char *corpus;
static FmFakeCa *ca;
static gnutls_certificate_credentials_t certificate;

/* One script; the server's thread writes the last three. */
typedef struct {
  Protocol protocol;
  char *greeting, *offers, *offers_tls, *answer; /* ANSWER to STARTTLS, NULL: yes */
  gboolean hides_offers, hides_upgrade, goes_on;
  GString *clear; /* what the client said before TLS */
  gboolean is_private, signed_in;
} Case;

/* The file without its comments. */
static char *
read_case (const char *path)
{
  g_autofree char *text = NULL;
  g_autoptr (GRegex) comment = g_regex_new ("^\\s*//.*$", G_REGEX_MULTILINE, 0, NULL);
  assert_true (g_file_get_contents (path, &text, NULL, NULL));
  return g_regex_replace_literal (comment, text, -1, 0, "", 0, NULL);
}

/* What follows "KEY:", matched by PATTERN's first group, with its escapes undone; NULL if it isn't there. */
static char *
value_of (const char *text, const char *key, const char *pattern)
{
  g_autofree char *whole = g_strdup_printf ("\\b%s:\\s*%s", key, pattern);
  g_autoptr (GRegex) regex = g_regex_new (whole, G_REGEX_DOTALL, 0, NULL);
  g_autoptr (GMatchInfo) match = NULL;
  if (!g_regex_match (regex, text, 0, &match))
    return NULL;
  g_autofree char *raw = g_match_info_fetch (match, 1);
  g_auto (GStrv) escapes = g_strsplit (raw, "\\x1b", -1);
  g_autofree char *joined = g_strjoinv ("\033", escapes);
  return g_strcompress (joined);
}

#define STRING "\"((?:[^\"\\\\]|\\\\.)*)\""
#define LIST "\\[(.*?)\\]\\s*,\\s*\\n"

/* Each capability of LIST on the wire, each after BEFORE and before AFTER. */
static char *
offers_of (const char *text, const char *key, Protocol protocol)
{
  g_autofree char *list = value_of (text, key, LIST);
  g_autoptr (GString) out = g_string_new (NULL);
  g_autoptr (GRegex) item = g_regex_new (protocol == POP ? STRING
                                                         : "StartTls|StartTLS|Imap4Rev1|LoginDisabled|LoginReferrals|MailboxReferrals|"
                                                           "Plain|Login\\b|IMAP4|Idle",
                                         0, 0, NULL);
  g_autoptr (GMatchInfo) match = NULL;
  static const char *const wire[][2] = { { "StartTls", "STARTTLS" }, { "StartTLS", "STARTTLS" }, { "Imap4Rev1", "IMAP4rev1" },
                                         { "Plain", "AUTH=PLAIN" },  { "Login", "AUTH=LOGIN" },  { "LoginDisabled", "LOGINDISABLED" } };
  for (gboolean more = g_regex_match (item, list != NULL ? list : "", 0, &match); more; more = g_match_info_next (match, NULL))
    {
      g_autofree char *word = g_match_info_fetch (match, protocol == POP ? 1 : 0);
      const char *shown = word;
      for (gsize i = 0; i < G_N_ELEMENTS (wire); i++)
        if (g_str_equal (word, wire[i][0]))
          shown = wire[i][1];
      if (protocol == POP)
        g_string_append_printf (out, "%s\r\n", shown);
      else if (protocol == SMTP)
        g_string_append_printf (out, "250-%s\r\n", shown);
      else
        g_string_append_printf (out, " %s", shown);
    }
  return g_string_free (g_steal_pointer (&out), FALSE);
}

static void
case_load (Case *self, const char *path, Protocol protocol)
{
  g_autofree char *text = read_case (path);
  g_autofree char *hidden = value_of (text, "hide_commands", LIST);
  const char *key = protocol == POP ? "capa" : protocol == SMTP ? "capabilities" : "caps";
  g_autofree char *key_tls = g_strconcat (key, "_tls", NULL);

  *self = (Case){ .protocol = protocol, .clear = g_string_new (NULL) };
  self->offers = offers_of (text, key, protocol);
  self->offers_tls = offers_of (text, key_tls, protocol);
  self->answer = value_of (text, protocol == IMAP ? "starttls_response" : "stls_response", protocol == IMAP ? "Some\\(" STRING : STRING);
  self->goes_on = strstr (text, "tls_make_transition: true") != NULL || self->answer == NULL;
  self->hides_offers = hidden != NULL && (strstr (hidden, "capa") != NULL || strstr (hidden, "ehlo") != NULL);
  self->hides_upgrade = hidden != NULL && strstr (hidden, "starttls") != NULL;
  if (protocol == POP)
    self->greeting = value_of (text, "greeting", STRING);
  else if (protocol == SMTP)
    self->greeting = g_strdup ("220 ready\r\n");
  else
    self->greeting = g_strdup (strstr (text, "PreAuth") != NULL ? "* PREAUTH ready\r\n" : "* OK ready\r\n");
  assert_non_null (self->greeting);
}

static void
case_clear (Case *self)
{
  g_free (self->greeting);
  g_free (self->offers);
  g_free (self->offers_tls);
  g_free (self->answer);
  g_string_free (self->clear, TRUE);
}

/* The reply to one command; %T is its tag. Transfer: full. */
static char *
reply_of (Case *self, const char *verb)
{
  const char *offers = self->is_private ? self->offers_tls : self->offers;
  static const char *const yes[] = { "+OK\r\n", "250 ok\r\n", "%T OK done\r\n" }, *const no[]
                                                                                  = { "-ERR no\r\n", "502 no\r\n", "%T BAD no\r\n" };

  if (g_str_has_prefix (verb, "CAPA") || g_str_has_prefix (verb, "EHLO"))
    {
      if (self->hides_offers)
        return g_strdup (no[self->protocol]);
      if (self->protocol == POP)
        return g_strdup_printf ("+OK\r\n%s.\r\n", offers);
      if (self->protocol == IMAP)
        return g_strdup_printf ("* CAPABILITY%s\r\n%%T OK done\r\n", offers);
      return g_strdup_printf ("250-fake\r\n%s250 HELP\r\n", offers);
    }
  if (g_str_has_prefix (verb, "AUTH") || g_str_has_prefix (verb, "PASS") || g_str_has_prefix (verb, "LOGIN"))
    self->signed_in = TRUE;
  return g_strdup (g_str_has_prefix (verb, "AUTH") && self->protocol == SMTP ? "235 in\r\n" : yes[self->protocol]);
}

static void
send_tagged (FmFakePeer *peer, const char *text, const char *tag)
{
  g_auto (GStrv) pieces = g_strsplit (text, "%T", -1);
  g_autofree char *half = g_strjoinv (tag, pieces);
  g_auto (GStrv) more = g_strsplit (half, "<tag>", -1);
  g_autofree char *all = g_strjoinv (tag, more);
  fm_fake_server_send (peer, all);
}

/* FALSE: the connection is over. */
static gboolean
upgrade (FmFakePeer *peer, Case *self, const char *tag)
{
  static const char *const yes[] = { "+OK go on\r\n", "220 go on\r\n", "%T OK go on\r\n" };
  send_tagged (peer, self->answer != NULL ? self->answer : yes[self->protocol], tag);
  if (!self->goes_on)
    return TRUE;
  self->is_private = fm_fake_server_start_tls (peer, certificate);
  return self->is_private;
}

static void
serve (FmFakePeer *peer, gpointer data)
{
  Case *self = data;

  if (!fm_fake_server_send (peer, self->greeting))
    return;
  for (;;)
    {
      g_autofree char *line = fm_fake_server_receive (peer);
      if (line == NULL)
        return;
      if (!self->is_private)
        g_string_append_printf (self->clear, "%s\n", line);
      g_autofree char *tag = self->protocol == IMAP ? g_strndup (line, strcspn (line, " ")) : g_strdup ("");
      const char *verb = self->protocol == IMAP && line[strlen (tag)] != '\0' ? line + strlen (tag) + 1 : line;
      if (!self->hides_upgrade && (g_str_has_prefix (verb, "STLS") || g_str_has_prefix (verb, "STARTTLS")))
        {
          if (!upgrade (peer, self, tag))
            return;
          continue;
        }
      if (g_str_has_prefix (verb, "AUTH") && self->protocol != SMTP && strstr (verb, "AHVz") == NULL)
        {
          fm_fake_server_send (peer, "+ \r\n");
          g_autofree char *initial = fm_fake_server_receive (peer);
          if (initial == NULL)
            return;
          if (!self->is_private)
            g_string_append_printf (self->clear, "%s\n", initial);
        }
      g_autofree char *reply = reply_of (self, verb);
      send_tagged (peer, reply, tag);
    }
}

static gboolean
open_session (Case *self, FmFakeServer *fake, GError **error)
{
  FmServer server = { "127.0.0.1", fm_fake_server_port (fake), FM_SECURITY_STARTTLS, fm_fake_server_ca_file (ca), NULL };
  g_autoptr (FmSecret) secret = fm_secret_new ("password", -1);
  FmCredentials credentials = { "username", secret, FM_CREDENTIALS_PASSWORD };
  static const FmImapEvents events = { 0 };
  FmPopOptions pop = { .server = &server, .credentials = &credentials, .connect_timeout_ms = 3000, .timeout_ms = 3000 };
  FmSmtpOptions smtp = { .server = &server, .credentials = &credentials, .connect_timeout_ms = 3000, .timeout_ms = 3000 };
  FmImapOptions imap = { &server, &credentials, "fulmar", "0.1", 3000, 3000, &events, NULL };
  gboolean is_open = FALSE;

  if (self->protocol == POP)
    {
      g_autoptr (FmPopSession) session = fm_pop_session_open (&pop, NULL, error);
      is_open = session != NULL;
    }
  else if (self->protocol == SMTP)
    {
      g_autoptr (FmSmtpSession) session = fm_smtp_session_open (&smtp, NULL, error);
      is_open = session != NULL;
    }
  else
    {
      FmImapSession *session = fm_imap_session_open (&imap, NULL, error);
      is_open = session != NULL;
      if (session != NULL)
        fm_imap_session_free (session);
    }
  return is_open;
}

/* Whether the upgrade can be had; what becomes of the sign-in after it is the server's matter. */
static gboolean
can_upgrade (const Case *self)
{
  gboolean greets
      = g_str_has_prefix (self->greeting, "+OK") || g_str_has_prefix (self->greeting, "220") || g_str_has_prefix (self->greeting, "* OK");
  gboolean agrees = self->answer == NULL || g_str_has_prefix (self->answer, "+OK ");
  return greets && agrees && self->goes_on && !self->hides_upgrade
         && (strstr (self->offers, "STLS") != NULL || strstr (self->offers, "STARTTLS") != NULL);
}

static void
assert_case (const char *path, Protocol protocol, FmFakeDelivery delivery, guint *n_open, guint *n_private)
{
  static const char *const secrets[] = { "username", "password", "dXNlcm5hbWU", "cGFzc3dvcmQ", "AHVzZXJuYW1l" };
  g_autoptr (GError) error = NULL;
  Case self;

  case_load (&self, path, protocol);
  FmFakeServer *fake = fm_fake_server_start (serve, &self, delivery);
  gboolean is_open = open_session (&self, fake, &error);
  g_free (fm_fake_server_stop (fake));
  if (g_getenv ("FULMAR_TEST_VERBOSE") != NULL)
    printf ("%s: %s%s\n", path, self.is_private ? "private, " : "", is_open ? "open" : error->message);
  for (gsize i = 0; i < G_N_ELEMENTS (secrets); i++)
    if (strstr (self.clear->str, secrets[i]) != NULL)
      fail_msg ("%s: the client said in clear:\n%s", path, self.clear->str);
  if (is_open && !(self.is_private && self.signed_in))
    fail_msg ("%s: open without TLS", path);
  if (!can_upgrade (&self) && self.is_private)
    fail_msg ("%s: TLS where none was to be had", path);
  *n_open += is_open;
  *n_private += self.is_private;
  case_clear (&self);
}

static guint
assert_folder (const char *folder, Protocol protocol, guint *n_open, guint *n_private)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;
  guint n = 0;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename (folder, name, NULL);
      if (g_file_test (path, G_FILE_TEST_IS_DIR))
        n += assert_folder (path, protocol, n_open, n_private);
      if (!g_str_has_suffix (name, ".ron"))
        continue;
      for (FmFakeDelivery delivery = FM_FAKE_WHOLE; delivery <= FM_FAKE_SPLIT; delivery++)
        assert_case (path, protocol, delivery, n_open, n_private);
      n++;
    }
  return n;
}

static void
nothing_in_clear (void **state)
{
  static const char *const names[] = { "pop3", "smtp", "imap" };
  static const guint at_least[] = { 41, 7, 23 };

  ca = fm_fake_server_ca_new ();
  certificate = fm_fake_server_ca_issue (ca, "127.0.0.1", -3600, 3600);
  for (Protocol protocol = POP; protocol <= IMAP; protocol++)
    {
      guint n_open = 0, n_private = 0;
      g_autofree char *folder = g_build_filename (corpus, "protocol", "fake-mail-server", "testcases", names[protocol], NULL);
      guint n = assert_folder (folder, protocol, &n_open, &n_private);
      printf ("%s: %u scripts, three deliveries each: %u upgraded, %u signed in\n", names[protocol], n, n_private, n_open);
      assert_true (n >= at_least[protocol] && n_open > 0);
    }
  fm_fake_server_ca_free (ca);
}

int
main (void)
{
  const struct CMUnitTest tests[] = { cmocka_unit_test (nothing_in_clear) };
  const char *named = g_getenv ("FULMAR_CORPUS");

  corpus = g_strdup (named != NULL ? named : FM_TEST_CORPUS);
  if (!g_file_test (corpus, G_FILE_TEST_IS_DIR))
    return SKIPPED;
  int failures = cmocka_run_group_tests (tests, NULL, NULL);
  g_free (corpus);
  return failures;
}
