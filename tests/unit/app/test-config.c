/* The configuration file: what a good line gives, and where a bad one is complained of. */
#include <fulmar/app/config.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

static FmConfig *
parse (const char *text)
{
  return fm_config_parse (text, -1, "fulmar.conf");
}

static const FmAccountSpec *
account (const FmConfig *config, guint n)
{
  GPtrArray *accounts = fm_config_accounts (config);
  assert_true (n < accounts->len);
  return accounts->pdata[n];
}

static void
accounts_are_read (void **state)
{
  g_autoptr (FmConfig) config
      = parse ("# a comment\n[account work]\naddress = Ada Example <ada@example.org>\n"
               "imap = imaps://ada%40example.org@mail.example.org\n"
               "smtp = smtp://ada@mail.example.org:2525\npassword_command = pass show '#x'; echo %\n"
               "offline = 90d\ncache_limit = 2g\nwatch = INBOX, Lists/*\n[account old]\naddress = ada@pop.example.net\n"
               "pop = pops://ada@pop.example.net:9995\nsmtp = sendmail:/usr/sbin/sendmail -t\nleave = 14d\npoll = 5m\n");
  assert_int_equal (fm_config_problems (config)->len, 0);
  const FmAccountSpec *work = account (config, 0), *old = account (config, 1);
  assert_string_equal (work->name, "work");
  assert_int_equal (work->kind, FM_ACCOUNT_IMAP);
  assert_string_equal (work->address, "ada@example.org");
  assert_string_equal (work->address_name, "Ada Example");
  assert_string_equal (work->incoming.user, "ada@example.org");
  assert_string_equal (work->incoming.host, "mail.example.org");
  assert_int_equal (work->incoming.port, 993);
  assert_int_equal (work->incoming.security, FM_SECURITY_TLS);
  assert_int_equal (work->smtp.port, 2525);
  assert_int_equal (work->smtp.security, FM_SECURITY_STARTTLS);
  assert_string_equal (work->password_command, "pass show '#x'; echo %");
  assert_int_equal (work->offline_days, 90);
  assert_int_equal (work->cache_limit_bytes, 2000000000);
  assert_string_equal (work->watch[1], "Lists/*");
  assert_int_equal (old->kind, FM_ACCOUNT_POP);
  assert_string_equal (old->sendmail_argv[0], "/usr/sbin/sendmail");
  assert_int_equal (old->leave, FM_LEAVE_DAYS);
  assert_int_equal (old->leave_days, 14);
  assert_int_equal (old->poll_s, 300);
}

static void
keys_and_searches_are_read (void **state)
{
  g_autoptr (FmConfig) config
      = parse ("[search Unread]\nquery = tag:unread and not tag:muted\n[keys list]\n<equal> = first\n,i = open-folder work/INBOX\n"
               "# = break-thread\n[ui]\nthreads = false\n");
  GPtrArray *searches = fm_config_searches (config), *keys = fm_config_keys (config);
  assert_int_equal (searches->len, 1);
  assert_string_equal (((FmSavedSearch *) searches->pdata[0])->query, "tag:unread and not tag:muted");
  assert_int_equal (keys->len, 2); /* a line that begins with # is a comment: <hash> is the key's name */
  const FmKeyBinding *first = keys->pdata[0], *second = keys->pdata[1];
  assert_string_equal (first->context, "list");
  assert_string_equal (first->keys, "<equal>");
  assert_string_equal (second->command, "open-folder work/INBOX");
  assert_int_equal (second->line, 5);
  assert_false (fm_config_get_bool (config, "threads"));
}

/* One complaint, at LINE, that says WORD; COLUMN 0: anywhere. */
static void
assert_complaint (const char *text, guint line, guint column, const char *word)
{
  g_autoptr (FmConfig) config = parse (text);
  GPtrArray *problems = fm_config_problems (config);
  if (problems->len != 1)
    fail_msg ("%u complaints, not one, about: %s", problems->len, text);
  const FmConfigProblem *problem = problems->pdata[0];
  assert_string_equal (problem->file, "fulmar.conf");
  if (problem->line != line || (column != 0 && problem->column != column) || strstr (problem->message, word) == NULL)
    fail_msg ("%u:%u: %s (about: %s)", problem->line, problem->column, problem->message, text);
}

#define GOOD "[account w]\naddress = a@x.org\nimap = imaps://a@x.org\n"

static void
complaints_point_at_the_place (void **state)
{
  assert_complaint (GOOD "adress = b@x.org\n", 4, 1, "address");
  assert_complaint (GOOD "offline = sometimes\n", 4, 11, "headers");
  assert_complaint (GOOD "cache_limit = 2 apples\n", 4, 15, "2G");
  assert_complaint (GOOD "cache_limit = 99999999999999999999G\n", 4, 15, "2G");
  assert_complaint (GOOD "poll = fast\n", 4, 8, "5m");
  assert_complaint (GOOD "leave = 0d\n", 4, 9, "14d");
  assert_complaint (GOOD "size_limit = 5\n", 4, 14, "5M");
  assert_complaint (GOOD "size_limit = -5M\n", 4, 14, "5M");
  assert_complaint (GOOD "size_limit = 99999999G\n", 4, 14, "5M");
  assert_complaint (GOOD "smtp = smtps://a@x.org:99999\n", 4, 24, "port");
  assert_complaint (GOOD "smtp = smtps://a:secret@x.org\n", 4, 16, "password");
  assert_complaint (GOOD "smtp = smtps://recent:a:secret@x.org\n", 4, 16, "password");
  assert_complaint (GOOD "smtp = smtp+plain://a@x.org\n", 4, 0, "loopback");
  assert_complaint (GOOD "pop = pops://a@x.org\n", 4, 7, "mailbox already");
  assert_complaint (GOOD "tls_pin = sha256:12\n", 4, 11, "64");
  assert_complaint (GOOD "tls_ca = /nonexistent/ca.pem\n", 4, 10, "not there");
  assert_complaint (GOOD "auth = magic\n", 4, 8, "oauth2");
  assert_complaint (GOOD "just words\n", 4, 0, "=");
  assert_complaint (GOOD "[ui]\nlayuot = wide\n", 5, 1, "layout");
  assert_complaint (GOOD "[ui]\nlayout = broad\n", 5, 10, "wide");
  assert_complaint (GOOD "[ui]\nmouse = perhaps\n", 5, 9, "true");
  assert_complaint (GOOD "[acount x]\n", 4, 0, "account");
  assert_complaint (GOOD "[ui\n", 4, 0, "]");
}

static void
good_lines_survive_bad_ones (void **state)
{
  g_autoptr (FmConfig) config = parse ("nonsense\n[account w]\naddress = a@x.org\nnonsense\n\xff\xfe = x\nimap = imaps://a@x.org\n[what is "
                                       "this]\nx = y\n[ui]\nthreads = false\n");
  assert_true (fm_config_problems (config)->len >= 4);
  assert_string_equal (account (config, 0)->incoming.host, "x.org");
  assert_false (fm_config_get_bool (config, "threads"));
  for (guint i = 0; i < fm_config_problems (config)->len; i++)
    assert_true (g_utf8_validate (((FmConfigProblem *) fm_config_problems (config)->pdata[i])->message, -1, NULL));
}

static void
settings_change_while_running (void **state)
{
  g_autoptr (FmConfig) config = parse ("");
  for (const char *const *name = fm_config_setting_names (); *name != NULL; name++)
    {
      const char *value = fm_config_get (config, *name);
      assert_non_null (value);
      assert_non_null (fm_config_setting_help (*name));
      g_autofree char *copy = g_strdup (value);
      g_autoptr (GError) error = NULL;
      if (*copy != '\0' && !fm_config_set (config, *name, copy, &error))
        fail_msg ("the default of %s is refused: %s", *name, error->message);
    }
  g_autoptr (GError) error = NULL;
  assert_false (fm_config_set (config, "threds", "true", &error));
  assert_non_null (strstr (error->message, "threads"));
  assert_true (fm_config_set (config, "threads", "false", NULL));
  assert_false (fm_config_get_bool (config, "threads"));
}

static void
a_missing_file_is_empty (void **state)
{
  g_autoptr (FmConfig) config = fm_config_load ("/nonexistent/fulmar.conf");
  assert_int_equal (fm_config_accounts (config)->len, 0);
  assert_int_equal (fm_config_problems (config)->len, 0);
  g_autoptr (FmConfig) unreadable = fm_config_load ("/");
  assert_int_equal (fm_config_problems (unreadable)->len, 1);
}

/* R19: what POP deletes on the server would be gone for IMAP too. */
static void
one_mailbox_twice_is_noticed (void **state)
{
  static const struct {
    const char *imap, *pop;
    gboolean same;
  } cases[] = {
    { "imap.gmail.com", "ada%40gmail.com@pop.gmail.com", TRUE },
    { "imap.gmail.com", "recent:ada%40gmail.com@pop.gmail.com", TRUE },
    { "imap.googlemail.com", "ADA%40gmail.com@pop.gmail.com", TRUE },
    { "mail.example.org", "ada%40gmail.com@pop3.example.org", TRUE },
    { "imap.example.co.uk", "ada%40gmail.com@pop.example.co.uk", TRUE },
    { "imap.gmx.net", "ada%40gmail.com@pop.gmx.com", TRUE },
    { "localhost:1143", "ada%40gmail.com@127.0.0.1:1110", TRUE },
    { "imap.gmail.com", "ada@pop.gmail.com", TRUE },
    { "imap.gmail.com", "eve%40gmail.com@pop.gmail.com", FALSE },
    { "imap.gmail.com", "ada%40gmail.com@pop.example.org", FALSE },
    { "imap.example.co.uk", "ada%40gmail.com@pop.other.co.uk", FALSE },
    { "mail.example.org", "ada%40example.org@pop.example.org", FALSE },
    { "10.0.0.1", "ada%40gmail.com@10.0.0.2", FALSE },
  };
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    for (guint is_strict = 0; is_strict <= 1; is_strict++)
      {
        g_autofree char *text = g_strdup_printf ("[account i]\nimap = imaps://ada%%40gmail.com@%s\n[account p]\naddress = ada@gmail.com\n"
                                                 "pop = pops://%s\nleave = %s\n",
                                                 cases[i].imap, cases[i].pop, is_strict ? "none" : "forever");
        g_autoptr (FmConfig) config = parse (text);
        GPtrArray *problems = fm_config_problems (config);
        const FmAccountSpec *pop = account (config, 1);
        if ((fm_config_policy_conflict (config, pop) != NULL) != cases[i].same)
          fail_msg ("%s and %s", cases[i].imap, cases[i].pop);
        assert_null (fm_config_policy_conflict (config, account (config, 0)));
        assert_int_equal (problems->len, cases[i].same && is_strict);
        assert_int_equal (pop->leave, is_strict && !cases[i].same ? FM_LEAVE_NONE : FM_LEAVE_FOREVER);
        if (problems->len > 0)
          {
            const FmConfigProblem *problem = problems->pdata[0];
            assert_int_equal (problem->line, 6);
            assert_non_null (strstr (problem->message, "`p` (POP) and `i` (IMAP) read the same mailbox"));
          }
      }
}

#define POP "[account p]\naddress = a@x.org\npop = pops://a@pop.x.org\n"

static void
policies_change_while_running (void **state)
{
  g_autoptr (FmConfig) config = parse (POP "leave = forever\n[account w]\naddress = a@y.org\nimap = imaps://a@y.org\n");
  g_autoptr (FmConfig) fresh = parse (POP "leave = 14d\nsize_limit = 5M\npoll = 1m\npassword_command = echo x\n");
  g_autoptr (FmConfig) moved = parse ("[account p]\naddress = a@x.org\npop = pops://b@pop.x.org\nleave = none\n");
  g_autoptr (FmAccountSpec) before = fm_account_spec_ref (fm_config_accounts (config)->pdata[0]);
  g_autoptr (GPtrArray) changed = fm_config_policy_take (config, fresh);
  const FmAccountSpec *now = account (config, 0);
  assert_int_equal (changed->len, 1);
  assert_ptr_equal (changed->pdata[0], now);
  assert_int_equal (now->leave, FM_LEAVE_DAYS);
  assert_int_equal (now->leave_days, 14);
  assert_int_equal (now->size_limit, 5000000);
  assert_int_equal (now->poll_s, 60);
  /* The rest is as it was, and what threads hold is not touched. */
  assert_null (now->password_command);
  assert_string_equal (now->incoming.host, "pop.x.org");
  assert_int_equal (before->leave, FM_LEAVE_FOREVER);
  g_autoptr (GPtrArray) again = fm_config_policy_take (config, fresh);
  assert_int_equal (again->len, 0);
  /* Another mailbox under the old name: not before the next start. */
  g_autoptr (GPtrArray) other = fm_config_policy_take (config, moved);
  assert_int_equal (other->len, 0);
  assert_int_equal (account (config, 0)->leave, FM_LEAVE_DAYS);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (accounts_are_read),
    cmocka_unit_test (keys_and_searches_are_read),
    cmocka_unit_test (complaints_point_at_the_place),
    cmocka_unit_test (good_lines_survive_bad_ones),
    cmocka_unit_test (settings_change_while_running),
    cmocka_unit_test (a_missing_file_is_empty),
    cmocka_unit_test (one_mailbox_twice_is_noticed),
    cmocka_unit_test (policies_change_while_running),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
