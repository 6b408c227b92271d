/* A message as the interface page promises it to scripts, and as a line for people. */
#include "cli/cli-private.h"
#include <fulmar/store/folder-store.h>
#include <fulmar/store/gmail-store.h>
#include <stdio.h>

static void
flag_names (guint flags, const char **names)
{
  guint n = 0;

  for (guint bit = 1; bit <= FM_FLAG_SERVER_MASK; bit <<= 1)
    if ((flags & bit) && fm_flags_json_name (bit))
      names[n++] = fm_flags_json_name (bit);
  names[n] = NULL;
}

static void
print_json (FmStoreReader *reader, const FmMessageInfo *info, const FmFolderInfo *folder, guint depth)
{
  FmCliJson *json = fm_cli_json_new ();
  g_autofree char *id = g_strdup_printf ("m%" G_GINT64_FORMAT, info->id), *thread = g_strdup_printf ("%" G_GINT64_FORMAT, info->thread_id);
  g_autofree char *full = folder ? g_strconcat (folder->account, "/", folder->name, NULL) : g_strdup ("");
  g_auto (GStrv) labels = info->server_id != 0 ? fm_gmail_store_labels (reader, info->id, TRUE) : NULL;
  const char *flags[16];

  flag_names (info->flags, flags);
  fm_cli_json_string (json, "id", id);
  fm_cli_json_string (json, "account", folder ? folder->account : "");
  fm_cli_json_string (json, "folder", full);
  fm_cli_json_number (json, "uid", info->uid);
  fm_cli_json_string (json, "message_id", info->message_id);
  fm_cli_json_string (json, "thread", thread);
  if (depth != G_MAXUINT)
    fm_cli_json_number (json, "depth", depth);
  fm_cli_json_string (json, "subject", info->subject);
  fm_cli_json_string (json, "from", info->from);
  fm_cli_json_string (json, "to", info->to);
  fm_cli_json_date (json, "date", info->date_utc);
  fm_cli_json_number (json, "size", info->size_bytes);
  fm_cli_json_strings (json, "flags", flags);
  fm_cli_json_strings (json, "tags", (const char *const *) info->keywords);
  if (info->server_id != 0)
    fm_cli_json_strings (json, "labels", (const char *const *) labels);
  fm_cli_json_number (json, "attachments", info->attachments);
  if (info->is_stub)
    fm_cli_json_bool (json, "stub", TRUE);
  fm_cli_json_print (json);
}

static void
print_line (const FmMessageInfo *info, guint depth)
{
  g_autoptr (GDateTime) date = g_date_time_new_from_unix_local (info->date_utc);
  g_autofree char *when = date ? g_date_time_format (date, "%Y-%m-%d %H:%M") : g_strdup ("");
  g_autofree char *from = fm_text_sanitise_line (info->from, -1), *subject = fm_text_sanitise_line (info->subject, -1);
  g_autofree char *who = fm_text_ellipsize (from, 24, TRUE);
  g_autofree char *id = g_strdup_printf ("m%" G_GINT64_FORMAT, info->id);
  int indent = depth == G_MAXUINT ? 0 : (int) MIN (depth, 20) * 2;

  printf ("%-9s %c%c %s  %s%*s  %*s%s%s\n", id, info->flags & FM_FLAG_SEEN ? ' ' : 'N', info->flags & FM_FLAG_FLAGGED ? 'F' : ' ', when,
          who, MAX (24 - fm_text_width (who, -1), 0), "", indent, "", info->is_stub ? "[header] " : "", subject);
}

void
fm_cli_message_print (FmCliSession *session, gint64 msg_id, guint depth, gboolean as_json)
{
  FmStoreReader *reader = fm_cli_session_reader (session);
  g_autoptr (FmMessageInfo) info = fm_message_store_get (reader, msg_id, NULL);
  g_autoptr (FmFolderInfo) folder = info ? fm_folder_store_get (reader, info->folder_id, NULL) : NULL;

  if (!info)
    return;
  if (as_json)
    print_json (reader, info, folder, depth);
  else
    print_line (info, depth);
}
