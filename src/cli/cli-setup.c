/* fulmar setup: a few questions, a live sign-in, and a section appended to the config file. Answers may be piped. Nothing is written before the last
 * question has been answered, so that Ctrl-C at any time leaves everything as it was. */
#include "cli/cli-private.h"
#include <errno.h>
#include <fcntl.h>
#include <fulmar/base/cancel.h>
#include <fulmar/base/paths.h>
#include <fulmar/sync/probe.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define MAX_ANSWER_BYTES 4096

typedef struct {
  const char *domains; /* space-separated */
  const char *imap, *pop, *smtp;
  gboolean local_user; /* the incoming user name is the part before the @ */
  gboolean oauth2;     /* passwords are not taken */
  const char *hint;
} Provider;

static const Provider providers[] = {
  { "gmail.com googlemail.com", "imaps://imap.gmail.com:993", "pops://pop.gmail.com:995", "smtps://smtp.gmail.com:465", FALSE, FALSE,
    "Gmail wants an app password (myaccount.google.com/apppasswords, with 2-step verification on), or auth = oauth2." },
  { "outlook.com hotmail.com live.com msn.com", "imaps://outlook.office365.com:993", "pops://outlook.office365.com:995",
    "smtp://smtp-mail.outlook.com:587", FALSE, TRUE,
    "Outlook.com takes OAuth2 only: a command that prints an access token (as oama or mutt_oauth2.py)." },
  { "yahoo.com ymail.com", "imaps://imap.mail.yahoo.com:993", "pops://pop.mail.yahoo.com:995", "smtps://smtp.mail.yahoo.com:465", FALSE,
    FALSE, "Yahoo wants an app password (Account security, Generate app password)." },
  { "aol.com", "imaps://imap.aol.com:993", "pops://pop.aol.com:995", "smtps://smtp.aol.com:465", FALSE, FALSE,
    "AOL wants an app password." },
  { "icloud.com me.com mac.com", "imaps://imap.mail.me.com:993", NULL, "smtp://smtp.mail.me.com:587", TRUE, FALSE,
    "iCloud wants an app-specific password (account.apple.com); it has no POP." },
  { "fastmail.com fastmail.fm", "imaps://imap.fastmail.com:993", "pops://pop.fastmail.com:995", "smtps://smtp.fastmail.com:465", FALSE,
    FALSE, "Fastmail wants an app password (Settings, Privacy & Security)." },
  { "zoho.com", "imaps://imap.zoho.com:993", "pops://pop.zoho.com:995", "smtps://smtp.zoho.com:465", FALSE, FALSE, NULL },
  { "zoho.eu zohomail.eu", "imaps://imap.zoho.eu:993", "pops://pop.zoho.eu:995", "smtps://smtp.zoho.eu:465", FALSE, FALSE, NULL },
  { "gmx.net gmx.de gmx.at gmx.ch", "imaps://imap.gmx.net:993", "pops://pop.gmx.net:995", "smtps://mail.gmx.net:465", FALSE, FALSE,
    "GMX: switch POP3/IMAP on first (E-Mail, Settings, POP3/IMAP)." },
  { "mailbox.org", "imaps://imap.mailbox.org:993", "pops://pop3.mailbox.org:995", "smtps://smtp.mailbox.org:465", FALSE, FALSE, NULL },
  { "posteo.de posteo.net", "imaps://posteo.de:993", "pops://posteo.de:995", "smtps://posteo.de:465", FALSE, FALSE, NULL },
  { "one.com", "imaps://imap.one.com:993", NULL, "smtps://send.one.com:465", FALSE, FALSE, NULL },
};

/* --- asking --- */

static struct termios usual_terminal;

static void
restore_and_die (int number)
{
  tcsetattr (STDIN_FILENO, TCSANOW, &usual_terminal);
  signal (number, SIG_DFL);
  raise (number);
}

/* One line, byte by byte, so that nothing is taken that a child is to read. Transfer: full; NULL at the end of the input. */
static char *
read_line (void)
{
  g_autoptr (GString) line = g_string_new (NULL);
  char byte;
  ssize_t n;

  while ((n = read (STDIN_FILENO, &byte, 1)) != 0 && byte != '\n')
    {
      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0 || line->len >= MAX_ANSWER_BYTES)
        return NULL;
      g_string_append_c (line, byte);
    }
  if (n == 0 && line->len == 0)
    return NULL;
  if (!g_utf8_validate (line->str, line->len, NULL) || strlen (line->str) != line->len)
    return NULL;
  return g_strstrip (g_string_free (g_steal_pointer (&line), FALSE));
}

/* The answer, or SUGGESTION (may be NULL) for an empty one. NULL: no more answers. */
static char *
ask (const char *question, const char *suggestion)
{
  char *answer;

  if (suggestion && *suggestion)
    printf ("%s [%s]: ", question, suggestion);
  else
    printf ("%s: ", question);
  fflush (stdout);
  answer = read_line ();
  if (!isatty (STDIN_FILENO))
    printf ("\n");
  if (!answer || *answer || !suggestion)
    return answer;
  g_free (answer);
  return g_strdup (suggestion);
}

static FmSecret *
ask_secret (const char *question)
{
  static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
  gboolean tty = isatty (STDIN_FILENO) && tcgetattr (STDIN_FILENO, &usual_terminal) == 0;
  struct termios silent = usual_terminal;
  FmSecret *secret = NULL;
  char *answer;

  for (guint i = 0; tty && i < G_N_ELEMENTS (signals); i++)
    signal (signals[i], restore_and_die);
  silent.c_lflag &= ~(tcflag_t) ECHO;
  if (tty)
    tcsetattr (STDIN_FILENO, TCSAFLUSH, &silent);
  answer = ask (question, NULL);
  if (tty)
    {
      tcsetattr (STDIN_FILENO, TCSAFLUSH, &usual_terminal);
      printf ("\n");
    }
  for (guint i = 0; tty && i < G_N_ELEMENTS (signals); i++)
    signal (signals[i], SIG_DFL);
  if (answer && *answer)
    secret = fm_secret_new (answer, -1);
  if (answer)
    fm_secret_wipe (answer, strlen (answer));
  g_free (answer);
  return secret;
}

/* --- the account --- */

typedef struct {
  char *address, *person, *protocol, *incoming, *smtp, *user, *command, *name;
  gboolean oauth2;
  FmSecret *secret;
  const Provider *provider;
} Answers;

static void
answers_clear (Answers *answers)
{
  char *texts[] = { answers->address, answers->person, answers->protocol, answers->incoming,
                    answers->smtp,    answers->user,   answers->command,  answers->name };

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    g_free (texts[i]);
  fm_secret_unref (answers->secret);
}

static const Provider *
provider_of (const char *domain)
{
  for (guint i = 0; i < G_N_ELEMENTS (providers); i++)
    {
      g_auto (GStrv) domains = g_strsplit (providers[i].domains, " ", -1);
      for (guint d = 0; domains[d]; d++)
        if (g_ascii_strcasecmp (domains[d], domain) == 0)
          return &providers[i];
    }
  return NULL;
}

static gboolean
address_is_sane (const char *address)
{
  const char *at = strrchr (address, '@');

  if (!at || at == address || (!strchr (at, '.') && strcmp (at, "@localhost") != 0) || at[1] == '.')
    return FALSE;
  for (const char *p = address; *p; p++)
    if ((guchar) *p <= 0x20 || *p == 0x7f || strchr ("<>(),;\"\\", *p))
      return FALSE;
  return TRUE;
}

static gboolean
ask_who (Answers *answers)
{
  const char *domain;

  do
    {
      g_free (answers->address);
      if (!(answers->address = ask ("Your mail address", NULL)))
        return FALSE;
      if (!address_is_sane (answers->address))
        printf ("An address looks like ada@example.org.\n");
    }
  while (!address_is_sane (answers->address));
  if (!(answers->person = ask ("Your name, as others shall see it (may be empty)", NULL)))
    return FALSE;
  domain = strrchr (answers->address, '@') + 1;
  answers->provider = provider_of (domain);
  if (answers->provider && answers->provider->hint)
    printf ("%s\n", answers->provider->hint);
  return TRUE;
}

static gboolean
ask_servers (Answers *answers)
{
  const char *domain = strrchr (answers->address, '@') + 1;
  const Provider *p = answers->provider;
  g_autofree char *imap = p ? g_strdup (p->imap) : g_strdup_printf ("imaps://imap.%s:993", domain);
  g_autofree char *pop = p ? g_strdup (p->pop) : g_strdup_printf ("pops://pop.%s:995", domain);
  g_autofree char *smtp = p ? g_strdup (p->smtp) : g_strdup_printf ("smtps://smtp.%s:465", domain);

  printf ("IMAP keeps mail on the server, the same on all your devices: choose it if you can.\n"
          "POP fetches the inbox to this machine; folders and what was read stay here.\n");
  if (!(answers->protocol = ask ("imap or pop", "imap")))
    return FALSE;
  if (!(answers->incoming = ask ("Incoming server", strcmp (answers->protocol, "pop") == 0 ? pop : imap))
      || !(answers->smtp = ask ("Sending server", smtp)))
    return FALSE;
  return TRUE;
}

static gboolean
ask_sign_in (Answers *answers)
{
  g_autofree char *local = g_strndup (answers->address, strrchr (answers->address, '@') - answers->address);

  answers->oauth2 = answers->provider && answers->provider->oauth2;
  if (!(answers->user = ask ("User name", answers->provider && answers->provider->local_user ? local : answers->address)))
    return FALSE;
  answers->command = ask (answers->oauth2 ? "Command that prints an access token"
                                          : "Command that prints the password, as `pass show mail/work` (empty: type it)",
                          NULL);
  if (!answers->command)
    return FALSE;
  if (!*answers->command && !answers->oauth2 && !(answers->secret = ask_secret ("Password")))
    return FALSE;
  return TRUE;
}

static gboolean
name_is_taken (FmConfig *config, const char *name)
{
  GPtrArray *accounts = fm_config_accounts (config);

  for (guint i = 0; i < accounts->len; i++)
    if (strcmp (((FmAccountSpec *) g_ptr_array_index (accounts, i))->name, name) == 0)
      return TRUE;
  return FALSE;
}

static gboolean
ask_name (Answers *answers, FmConfig *config)
{
  const char *domain = strrchr (answers->address, '@') + 1;
  g_autofree char *first = g_strndup (domain, strcspn (domain, "."));
  gboolean good;

  do
    {
      g_free (answers->name);
      if (!(answers->name = ask ("A short name for the account", name_is_taken (config, first) ? answers->address : first)))
        return FALSE;
      good = *answers->name && !strpbrk (answers->name, "/[]#\t") && !name_is_taken (config, answers->name);
      if (!good)
        printf ("That name is taken, empty, or has one of / [ ] # in it.\n");
    }
  while (!good);
  return TRUE;
}

/* "imaps://host:993" with the user put in; anything else as it is. Transfer: full. */
static char *
with_user (const char *url, const char *user)
{
  g_autofree char *escaped = g_uri_escape_string (user, NULL, FALSE);
  const char *host = strstr (url, "://");

  if (!host || g_str_has_prefix (url, "sendmail:") || strchr (host, '@'))
    return g_strdup (url);
  return g_strdup_printf ("%.*s://%s@%s", (int) (host - url), url, escaped, host + 3);
}

static char *
section_of (const Answers *answers)
{
  const char *smtp_user = answers->provider && answers->provider->local_user ? answers->address : answers->user;
  g_autofree char *incoming = with_user (answers->incoming, answers->user), *smtp = with_user (answers->smtp, smtp_user);
  GString *text = g_string_new (NULL);

  g_string_append_printf (text, "[account %s]\n", answers->name);
  if (*answers->person)
    g_string_append_printf (text, "address = %s <%s>\n", answers->person, answers->address);
  else
    g_string_append_printf (text, "address = %s\n", answers->address);
  g_string_append_printf (text, "%s = %s\n", strcmp (answers->protocol, "pop") == 0 ? "pop" : "imap", incoming);
  if (*smtp)
    g_string_append_printf (text, "smtp = %s\n", smtp);
  if (answers->oauth2)
    g_string_append (text, "auth = oauth2\n");
  if (*answers->command)
    g_string_append_printf (text, "%s = %s\n", answers->oauth2 ? "token_command" : "password_command", answers->command);
  return g_string_free (text, FALSE);
}

/* TRUE: it works, or is wanted nevertheless. */
static gboolean
try_it (FmConfig *parsed, const Answers *answers, const char *data_dir)
{
  const FmAccountSpec *spec = g_ptr_array_index (fm_config_accounts (parsed), 0);
  FmCancel *cancel = fm_cancel_new ();
  g_autoptr (GPtrArray) steps = NULL;
  g_autofree char *answer = NULL;
  gboolean good = TRUE;

  printf ("Trying it ...\n");
  fflush (stdout);
  steps = fm_probe_account (spec, data_dir, answers->secret, cancel);
  fm_cancel_unref (cancel);
  for (guint i = 0; i < steps->len; i++)
    {
      const FmProbeStep *step = g_ptr_array_index (steps, i);
      g_autofree char *detail = fm_text_sanitise_line (step->detail ? step->detail : "", -1);
      printf ("%s %s: %s\n", step->good ? "ok  " : "BAD ", step->what, detail);
      if (step->remedy)
        printf ("     -> %s\n", step->remedy);
      good &= step->good;
    }
  if (good)
    return TRUE;
  answer = ask ("Keep it nevertheless? (y/n)", "n");
  return answer && g_ascii_tolower (*answer) == 'y';
}

/* After what is there, in one write, never over it. */
static gboolean
append_section (const char *path, const char *section, GError **error)
{
  g_autofree char *dir = g_path_get_dirname (path), *text = NULL;
  gboolean fresh = access (path, F_OK) != 0, good;
  int fd;

  if (!fm_paths_make_private_dir (dir, error))
    return FALSE;
  fd = open (path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  text = g_strdup_printf ("%s%s", fresh ? "" : "\n\n", section);
  good = fd >= 0 && write (fd, text, strlen (text)) == (ssize_t) strlen (text) && fsync (fd) == 0;
  if (!good)
    fm_error_set_errno (error, FM_ERROR_STORAGE, errno, "%s can't be written", path);
  if (fd >= 0)
    close (fd);
  return good;
}

/* The new account and one that is there read the same mailbox by different protocols: allowed, but who does not know should. */
static void
warn_of_same_mailbox (FmConfig *config, FmConfig *parsed)
{
  const FmAccountSpec *added = g_ptr_array_index (fm_config_accounts (parsed), 0);
  GPtrArray *accounts = fm_config_accounts (config);

  for (guint i = 0; i < accounts->len; i++)
    {
      const FmAccountSpec *other = g_ptr_array_index (accounts, i);
      if (other->kind != added->kind && fm_account_spec_same_mailbox (added, other))
        printf ("The account %s reads the same mailbox by %s. Each mail will be here twice, and POP will leave everything on the server;\n"
                "one of the two accounts is enough, IMAP if you can.\n",
                other->name, other->kind == FM_ACCOUNT_POP ? "POP" : "IMAP");
    }
}

static int
finish (const Answers *answers, FmConfig *config, const char *path, const char *data_dir)
{
  g_autofree char *section = section_of (answers);
  g_autoptr (FmConfig) parsed = fm_config_parse (section, -1, "the new section");
  g_autoptr (GError) error = NULL;

  if (fm_config_problems (parsed)->len > 0 || fm_config_accounts (parsed)->len != 1)
    {
      const FmConfigProblem *problem = fm_config_problems (parsed)->len > 0 ? g_ptr_array_index (fm_config_problems (parsed), 0) : NULL;
      fm_cli_session_complain ("%s: nothing was written", problem ? problem->message : "that is no account");
      return 1;
    }
  warn_of_same_mailbox (config, parsed);
  if (!try_it (parsed, answers, data_dir))
    {
      fm_cli_session_complain ("nothing was written");
      return 1;
    }
  if ((answers->secret && !fm_probe_store_secret (data_dir, answers->name, answers->secret, &error))
      || !append_section (path, section, &error))
    {
      fm_cli_session_complain ("%s", error->message);
      return 1;
    }
  if (answers->secret)
    printf ("The password is in %s/secrets, readable by you alone; password_command with a password manager is safer.\n", data_dir);
  printf ("The account %s is in %s. Open it: fulmar\n", answers->name, path);
  return 0;
}

int
fm_cli_setup_run (const FmCliGlobals *globals, int argc, char **argv)
{
  g_autofree char *path = globals->config_file ? g_strdup (globals->config_file) : fm_paths_config_file (), *data_dir = NULL;
  g_autoptr (FmConfig) config = NULL;
  Answers answers = { 0 };
  int status = 1;

  if (argc > 1)
    {
      fm_cli_session_complain ("usage: fulmar setup");
      return 2;
    }
  config = fm_config_load (path);
  data_dir = fm_config_store (config) ? g_strdup (fm_config_store (config)) : fm_paths_data_dir ();
  if (ask_who (&answers) && ask_servers (&answers) && ask_sign_in (&answers) && ask_name (&answers, config))
    status = finish (&answers, config, path, data_dir);
  else
    fm_cli_session_complain ("no more answers: nothing was written");
  answers_clear (&answers);
  return status;
}
