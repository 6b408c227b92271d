/* A user action as a frozen value, and its form on the control socket. The wire form is a version byte, the kind, and every field in a fixed
 * order, each integer little-endian and each string, list or block preceded by its length; absent strings and blocks have the length
 * 0xffffffff. A reader that overruns fails once and stays failed, so decoding needs one check at the end. */
#include "fulmar/sync/action.h"
#include "fulmar/base/error.h"
#include "fulmar/mail/flags.h"

#include <string.h>
#include <sys/random.h>

#define WIRE_VERSION 3
#define WIRE_ABSENT G_MAXUINT32
#define MAX_IDS (4 * 1024 * 1024)
#define MAX_STRINGS 10000
#define MAX_STRING_BYTES (64 * 1024)
#define MAX_MESSAGE_BYTES (256u * 1024 * 1024)

struct FmAction {
  FmActionKind kind;
  guint64 origin;
  gint64 *ids;
  gsize n_ids;
  guint add, remove;
  char **add_keywords, **remove_keywords;
  gint64 folder_id;
  gint64 date_utc;
  GBytes *message;
  char *account, *name, *new_name;
  char *sender;
  char **recipients;
  gint64 replied_id, forwarded_id, draft_id;
  int hold_s;
};

static FmAction *
action_new (FmActionKind kind)
{
  FmAction *action = g_atomic_rc_box_new0 (FmAction);
  action->kind = kind;
  /* From the kernel: GLib's generator would go on the same way in two halves of a fork. */
  if (getrandom (&action->origin, sizeof action->origin, 0) != sizeof action->origin)
    action->origin = (guint64) g_get_real_time ();
  return action;
}

static void
action_clear (gpointer data)
{
  FmAction *action = data;
  g_free (action->ids);
  g_strfreev (action->add_keywords);
  g_strfreev (action->remove_keywords);
  g_clear_pointer (&action->message, g_bytes_unref);
  g_free (action->account);
  g_free (action->name);
  g_free (action->new_name);
  g_free (action->sender);
  g_strfreev (action->recipients);
}

FmAction *
fm_action_ref (FmAction *action)
{
  return g_atomic_rc_box_acquire (action);
}

void
fm_action_unref (FmAction *action)
{
  if (action != NULL)
    g_atomic_rc_box_release_full (action, action_clear);
}

static void
copy_ids (FmAction *action, const gint64 *msg_ids, gsize n)
{
  action->ids = g_memdup2 (msg_ids, n * sizeof *msg_ids);
  action->n_ids = n;
}

FmAction *
fm_action_new_flags (const gint64 *msg_ids, gsize n, guint add, guint remove, const char *const *add_keywords,
                     const char *const *remove_keywords)
{
  FmAction *action = action_new (FM_ACTION_FLAGS);
  copy_ids (action, msg_ids, n);
  action->add = add;
  action->remove = remove & ~add;
  /* An empty list is none. */
  action->add_keywords = add_keywords && *add_keywords ? g_strdupv ((char **) add_keywords) : NULL;
  action->remove_keywords = remove_keywords && *remove_keywords ? g_strdupv ((char **) remove_keywords) : NULL;
  return action;
}

FmAction *
fm_action_new_transfer (FmActionKind kind, const gint64 *msg_ids, gsize n, gint64 folder_id)
{
  FmAction *action = action_new (kind);
  copy_ids (action, msg_ids, n);
  action->folder_id = folder_id;
  return action;
}

FmAction *
fm_action_new_simple (FmActionKind kind, const gint64 *msg_ids, gsize n)
{
  FmAction *action = action_new (kind);
  copy_ids (action, msg_ids, n);
  return action;
}

FmAction *
fm_action_new_outgoing (FmActionKind kind, const gint64 *outgoing_ids, gsize n)
{
  FmAction *action = action_new (kind);
  copy_ids (action, outgoing_ids, n);
  return action;
}

FmAction *
fm_action_new_append (gint64 folder_id, GBytes *message, guint flags, gint64 internal_date_utc)
{
  FmAction *action = action_new (FM_ACTION_APPEND);
  action->folder_id = folder_id;
  action->message = g_bytes_ref (message);
  action->add = flags;
  action->date_utc = internal_date_utc;
  return action;
}

FmAction *
fm_action_new_draft (const char *account, GBytes *message, gint64 replaces_id, gint64 internal_date_utc)
{
  FmAction *action = action_new (FM_ACTION_DRAFT);
  action->account = g_strdup (account);
  action->message = g_bytes_ref (message);
  action->add = FM_FLAG_DRAFT | FM_FLAG_SEEN;
  action->draft_id = replaces_id;
  action->date_utc = internal_date_utc;
  return action;
}

FmAction *
fm_action_new_folder (FmActionKind kind, const char *account, const char *name, const char *new_name)
{
  FmAction *action = action_new (kind);
  action->account = g_strdup (account);
  action->name = g_strdup (name);
  action->new_name = g_strdup (new_name);
  return action;
}

FmAction *
fm_action_new_history (FmActionKind kind, gint64 group_id)
{
  FmAction *action = action_new (kind);
  copy_ids (action, &group_id, group_id != 0);
  return action;
}

FmAction *
fm_action_new_empty (gint64 folder_id, gint64 up_to_id, guint64 count)
{
  FmAction *action = action_new (FM_ACTION_EMPTY);
  gint64 ids[] = { up_to_id, (gint64) count };
  action->folder_id = folder_id;
  copy_ids (action, ids, G_N_ELEMENTS (ids));
  return action;
}

FmAction *
fm_action_new_send (const FmSendOptions *options)
{
  FmAction *action = action_new (FM_ACTION_SEND);
  action->account = g_strdup (options->account);
  action->message = g_bytes_ref (options->message);
  action->sender = g_strdup (options->sender);
  action->recipients = g_strdupv ((char **) options->recipients);
  action->replied_id = options->replied_id;
  action->forwarded_id = options->forwarded_id;
  action->draft_id = options->draft_id;
  action->hold_s = options->hold_s;
  return action;
}

FmActionKind
fm_action_kind (const FmAction *action)
{
  return action->kind;
}

guint64
fm_action_origin (const FmAction *action)
{
  return action->origin;
}

const gint64 *
fm_action_ids (const FmAction *action, gsize *ret_n)
{
  *ret_n = action->n_ids;
  return action->ids;
}

guint
fm_action_add_flags (const FmAction *action)
{
  return action->add;
}

guint
fm_action_remove_flags (const FmAction *action)
{
  return action->remove;
}

const char *const *
fm_action_add_keywords (const FmAction *action)
{
  return (const char *const *) action->add_keywords;
}

const char *const *
fm_action_remove_keywords (const FmAction *action)
{
  return (const char *const *) action->remove_keywords;
}

gint64
fm_action_folder (const FmAction *action)
{
  return action->folder_id;
}

gint64
fm_action_date (const FmAction *action)
{
  return action->date_utc;
}

gint64
fm_action_replaces (const FmAction *action)
{
  return action->draft_id;
}

GBytes *
fm_action_message (const FmAction *action)
{
  return action->message;
}

const char *
fm_action_account (const FmAction *action)
{
  return action->account;
}

const char *
fm_action_name (const FmAction *action)
{
  return action->name;
}

const char *
fm_action_new_name (const FmAction *action)
{
  return action->new_name;
}

void
fm_action_send_options (const FmAction *action, FmSendOptions *ret_options)
{
  *ret_options = (FmSendOptions){
    .account = action->account,
    .message = action->message,
    .sender = action->sender,
    .recipients = (const char *const *) action->recipients,
    .replied_id = action->replied_id,
    .forwarded_id = action->forwarded_id,
    .draft_id = action->draft_id,
    .hold_s = action->hold_s,
  };
}

static void
put_u32 (GByteArray *out, guint32 value)
{
  guint32 le = GUINT32_TO_LE (value);
  g_byte_array_append (out, (const guint8 *) &le, sizeof le);
}

static void
put_i64 (GByteArray *out, gint64 value)
{
  gint64 le = GINT64_TO_LE (value);
  g_byte_array_append (out, (const guint8 *) &le, sizeof le);
}

static void
put_string (GByteArray *out, const char *text)
{
  put_u32 (out, text == NULL ? WIRE_ABSENT : (guint32) strlen (text));
  if (text != NULL)
    g_byte_array_append (out, (const guint8 *) text, strlen (text));
}

static void
put_strv (GByteArray *out, char **strings)
{
  put_u32 (out, strings == NULL ? WIRE_ABSENT : g_strv_length (strings));
  for (guint i = 0; strings != NULL && strings[i] != NULL; i++)
    put_string (out, strings[i]);
}

GBytes *
fm_action_to_bytes (const FmAction *action)
{
  GByteArray *out = g_byte_array_new ();
  put_u32 (out, WIRE_VERSION);
  put_u32 (out, action->kind);
  put_i64 (out, (gint64) action->origin);
  put_u32 (out, (guint32) action->n_ids);
  for (gsize i = 0; i < action->n_ids; i++)
    put_i64 (out, action->ids[i]);
  put_u32 (out, action->add);
  put_u32 (out, action->remove);
  put_strv (out, action->add_keywords);
  put_strv (out, action->remove_keywords);
  put_i64 (out, action->folder_id);
  put_i64 (out, action->date_utc);
  put_string (out, action->account);
  put_string (out, action->name);
  put_string (out, action->new_name);
  put_string (out, action->sender);
  put_strv (out, action->recipients);
  put_i64 (out, action->replied_id);
  put_i64 (out, action->forwarded_id);
  put_i64 (out, action->draft_id);
  put_u32 (out, (guint32) action->hold_s);
  gsize size = 0;
  const guint8 *message = action->message == NULL ? NULL : g_bytes_get_data (action->message, &size);
  put_u32 (out, action->message == NULL ? WIRE_ABSENT : (guint32) size);
  if (size > 0)
    g_byte_array_append (out, message, (guint) size);
  return g_byte_array_free_to_bytes (out);
}

typedef struct {
  const guint8 *at, *end;
  gboolean failed;
} Reader;

static const guint8 *
take (Reader *reader, gsize size)
{
  if (reader->failed || (gsize) (reader->end - reader->at) < size)
    {
      reader->failed = TRUE;
      return NULL;
    }
  const guint8 *at = reader->at;
  reader->at += size;
  return at;
}

static guint32
take_u32 (Reader *reader)
{
  guint32 le = 0;
  const guint8 *at = take (reader, sizeof le);
  if (at != NULL)
    memcpy (&le, at, sizeof le);
  return GUINT32_FROM_LE (le);
}

static gint64
take_i64 (Reader *reader)
{
  gint64 le = 0;
  const guint8 *at = take (reader, sizeof le);
  if (at != NULL)
    memcpy (&le, at, sizeof le);
  return GINT64_FROM_LE (le);
}

static char *
take_string (Reader *reader)
{
  guint32 size = take_u32 (reader);
  if (reader->failed || size == WIRE_ABSENT)
    return NULL;
  const char *at = size > MAX_STRING_BYTES ? NULL : (const char *) take (reader, size);
  if (at == NULL || !g_utf8_validate_len (at, size, NULL))
    {
      reader->failed = TRUE;
      return NULL;
    }
  return g_strndup (at, size);
}

static char **
take_strv (Reader *reader)
{
  guint32 n = take_u32 (reader);
  if (reader->failed || n == WIRE_ABSENT)
    return NULL;
  if (n > MAX_STRINGS)
    {
      reader->failed = TRUE;
      return NULL;
    }
  char **strings = g_new0 (char *, n + 1);
  for (guint32 i = 0; i < n && !reader->failed; i++)
    if ((strings[i] = take_string (reader)) == NULL)
      reader->failed = TRUE;
  return strings;
}

static void
take_ids (Reader *reader, FmAction *action)
{
  guint32 n = take_u32 (reader);
  const guint8 *at = n > MAX_IDS ? NULL : take (reader, (gsize) n * sizeof (gint64));
  if (at == NULL)
    {
      reader->failed = TRUE;
      return;
    }
  action->ids = g_memdup2 (at, (gsize) n * sizeof (gint64));
  action->n_ids = n;
  for (guint32 i = 0; i < n; i++)
    action->ids[i] = GINT64_FROM_LE (action->ids[i]);
}

static void
take_message (Reader *reader, FmAction *action)
{
  guint32 size = take_u32 (reader);
  if (reader->failed || size == WIRE_ABSENT)
    return;
  const guint8 *at = size > MAX_MESSAGE_BYTES ? NULL : take (reader, size);
  if (at == NULL)
    reader->failed = TRUE;
  else
    action->message = g_bytes_new (at, size);
}

/* Fields that the kind can't do without; a hostile peer may have left them out. */
static gboolean
is_complete (const FmAction *action)
{
  switch (action->kind)
    {
    case FM_ACTION_MOVE:
    case FM_ACTION_COPY:
      return action->folder_id > 0;
    case FM_ACTION_APPEND:
      return action->folder_id > 0 && action->message != NULL;
    case FM_ACTION_DRAFT:
      return action->account != NULL && action->message != NULL;
    case FM_ACTION_FOLDER_CREATE:
    case FM_ACTION_FOLDER_DELETE:
    case FM_ACTION_FOLDER_SUBSCRIBE:
    case FM_ACTION_FOLDER_UNSUBSCRIBE:
      return action->account != NULL && action->name != NULL;
    case FM_ACTION_FOLDER_RENAME:
      return action->account != NULL && action->name != NULL && action->new_name != NULL;
    case FM_ACTION_SEND:
      return action->account != NULL && action->message != NULL && action->sender != NULL && action->recipients != NULL
             && action->recipients[0] != NULL;
    case FM_ACTION_OUTBOX_RETRY:
    case FM_ACTION_OUTBOX_RESEND:
    case FM_ACTION_OUTBOX_SENT:
    case FM_ACTION_OUTBOX_DRAFT:
    case FM_ACTION_OUTBOX_DROP:
      return action->n_ids > 0;
    case FM_ACTION_EMPTY:
      return action->folder_id > 0 && action->n_ids == 2 && action->ids[0] > 0 && action->ids[1] >= 0;
    case FM_ACTION_FLAGS:
    case FM_ACTION_TRASH:
    case FM_ACTION_ARCHIVE:
    case FM_ACTION_JUNK:
    case FM_ACTION_NOT_JUNK:
    case FM_ACTION_DELETE:
    case FM_ACTION_UNDO:
    case FM_ACTION_REDO:
      return TRUE;
    default:
      return FALSE;
    }
}

FmAction *
fm_action_from_bytes (GBytes *bytes, GError **error)
{
  gsize size;
  const guint8 *data = g_bytes_get_data (bytes, &size);
  Reader reader = { data, data + size, data == NULL };
  if (take_u32 (&reader) != WIRE_VERSION)
    {
      g_set_error_literal (error, FM_ERROR, FM_ERROR_INVALID,
                           "the request comes from another version of the program: restart the older one");
      return NULL;
    }
  g_autoptr (FmAction) action = action_new (take_u32 (&reader));
  action->origin = (guint64) take_i64 (&reader);
  take_ids (&reader, action);
  action->add = take_u32 (&reader);
  action->remove = take_u32 (&reader);
  action->add_keywords = take_strv (&reader);
  action->remove_keywords = take_strv (&reader);
  action->folder_id = take_i64 (&reader);
  action->date_utc = take_i64 (&reader);
  action->account = take_string (&reader);
  action->name = take_string (&reader);
  action->new_name = take_string (&reader);
  action->sender = take_string (&reader);
  action->recipients = take_strv (&reader);
  action->replied_id = take_i64 (&reader);
  action->forwarded_id = take_i64 (&reader);
  action->draft_id = take_i64 (&reader);
  action->hold_s = (int) take_u32 (&reader);
  take_message (&reader, action);
  if (reader.failed || reader.at != reader.end || !is_complete (action))
    {
      g_set_error_literal (error, FM_ERROR, FM_ERROR_INVALID, "a request over the control socket is malformed");
      return NULL;
    }
  return g_steal_pointer (&action);
}
