/* fulmar send: what git send-email, cron and scripts call as sendmail. The message is read from standard input, completed (Message-ID, Date),
 * its Bcc taken out of the bytes, put into the outbox, and sent by whoever holds the lease: the running screen, or this very process. */
#include "cli/cli-private.h"
#include <errno.h>
#include <fulmar/mail/address.h>
#include <fulmar/mail/outgoing.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MAX_MESSAGE_BYTES (256u << 20)
#define SEND_AT_MOST_S 30

typedef struct {
  gboolean from_headers, wait;
  const char *sender;
  GPtrArray *addresses;
} SendOptions;

/* sendmail's habitual options: -t -i -oi -f ADDRESS; others that change nothing here are accepted. After -- all are addresses. */
static gboolean
parse (int argc, char **argv, SendOptions *options)
{
  for (int i = 1; i < argc; i++)
    {
      const char *word = argv[i];
      if (strcmp (word, "--wait") == 0)
        options->wait = TRUE;
      else if ((strcmp (word, "-f") == 0 || strcmp (word, "-r") == 0) && i + 1 < argc)
        options->sender = argv[++i];
      else if (word[0] == '-' && word[1] && strchr ("FNRV", word[1])) /* full name, notifications: an argument follows, here or next */
        i += word[2] == '\0' && i + 1 < argc;
      else if (g_str_has_prefix (word, "-f") && word[2])
        options->sender = word + 2;
      else if (strcmp (word, "-t") == 0)
        options->from_headers = TRUE;
      else if (strcmp (word, "-i") == 0 || strcmp (word, "-bm") == 0 || g_str_has_prefix (word, "-o"))
        continue;
      else if (strcmp (word, "--") == 0)
        {
          while (++i < argc)
            g_ptr_array_add (options->addresses, argv[i]);
        }
      else if (*word == '-')
        {
          fm_cli_session_complain ("there is no option %s: usage: fulmar send [-t] [-f SENDER] [--wait] [ADDRESS...] <message", word);
          return FALSE;
        }
      else
        g_ptr_array_add (options->addresses, (gpointer) word);
    }
  return TRUE;
}

static GBytes *
read_input (void)
{
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  g_autofree guint8 *block = g_malloc (1 << 16);
  ssize_t n;

  while ((n = read (STDIN_FILENO, block, 1 << 16)) != 0)
    {
      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0 || bytes->len > MAX_MESSAGE_BYTES)
        {
          fm_cli_session_complain (n < 0 ? "standard input can't be read" : "the message is longer than 256 MB");
          return NULL;
        }
      g_byte_array_append (bytes, block, n);
    }
  return g_byte_array_free_to_bytes (g_steal_pointer (&bytes));
}

/* -a, else the account whose address is the sender's, else the first that can send. */
static const FmAccountSpec *
choose_account (FmCliSession *session, const FmCliGlobals *globals, const char *sender)
{
  GPtrArray *accounts = fm_config_accounts (fm_app_config (fm_cli_session_app (session)));
  const FmAccountSpec *first = NULL;

  for (guint i = 0; i < accounts->len; i++)
    {
      const FmAccountSpec *spec = g_ptr_array_index (accounts, i);
      gboolean sends = spec->smtp.host || spec->sendmail_argv;
      if (globals->account && strcmp (globals->account, spec->name) == 0)
        {
          if (!sends)
            fm_cli_session_complain ("account %s can't send: it has no `smtp =`", spec->name);
          return sends ? spec : NULL;
        }
      if (!globals->account && sends && sender && spec->address && fm_address_equal (spec->address, sender))
        return spec;
      if (!first && sends)
        first = spec;
    }
  if (!first)
    fm_cli_session_complain ("no account can send: none has `smtp =`");
  return first;
}

static int
hand_over (FmCliSession *session, const FmAccountSpec *spec, FmOutgoingMessage *message, const SendOptions *options)
{
  FmEngine *engine = fm_app_engine (fm_cli_session_app (session));
  gboolean open = FALSE;
  FmSendOptions send = {
    .account = spec->name,
    .message = fm_outgoing_bytes (message),
    .sender = options->sender ? options->sender : fm_outgoing_sender (message),
    .recipients = fm_outgoing_recipients (message),
  };

  if (!*send.sender)
    send.sender = spec->address;
  fm_cli_session_wait_for (session, spec->name);
  if (!send.recipients[0])
    {
      fm_cli_session_complain ("nobody to send it to: name addresses, or use -t with To, Cc or Bcc in the message");
      return 1;
    }
  if (!fm_cli_session_wait (session, fm_engine_act (engine, fm_action_new_send (&send)), NULL, NULL))
    return 1;
  if (options->wait)
    return fm_cli_session_wait_sent (session, fm_cli_session_outgoing (session), 0, &open) ? 0 : 1;
  /* It is safe on the disk; while nobody else runs, this process tries to send it before it ends. */
  if (fm_engine_is_leader (engine) && !fm_cli_session_wait_sent (session, fm_cli_session_outgoing (session), SEND_AT_MOST_S, &open) && open)
    fm_cli_session_complain ("it is queued: `fulmar sync` or an open screen goes on with it, `fulmar queue` shows it");
  return 0;
}

static FmOutgoingMessage *
prepare (GBytes *input, const SendOptions *options, const FmAccountSpec *spec, GError **error)
{
  return fm_outgoing_prepare (input, options->from_headers, (const char *const *) options->addresses->pdata, spec->address_name,
                              spec->address, error);
}

int
fm_cli_send_run (const FmCliGlobals *globals, int argc, char **argv)
{
  g_autoptr (GPtrArray) addresses = g_ptr_array_new ();
  SendOptions options = { .addresses = addresses };
  g_autoptr (GBytes) input = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (FmOutgoingMessage) message = NULL;
  const FmAccountSpec *spec;
  FmCliSession *session;
  int status = 1;

  if (!parse (argc, argv, &options))
    return 2;
  g_ptr_array_add (addresses, NULL);
  if (!(input = read_input ()) || !(session = fm_cli_session_open (globals, FM_CLI_NETWORK)))
    return 1;
  spec = choose_account (session, globals, options.sender);
  if (spec)
    {
      message = prepare (input, &options, spec, &error);
      if (message && !options.sender && !globals->account)
        {
          const FmAccountSpec *senders = choose_account (session, globals, fm_outgoing_sender (message));
          spec = senders ? senders : spec;
        }
      if (message)
        status = hand_over (session, spec, message, &options);
      else
        fm_cli_session_complain ("%s", error->message);
    }
  fm_cli_session_free (session);
  return status;
}
