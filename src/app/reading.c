/* Opening a message: a pool thread reads, parses and builds the page; this file keeps what came of it. A body that is not here is asked for on
 * the connection kept for what the user waits for, and the page is built when it has arrived. Of a huge text the beginning is shown first. */
#include "app/app-private.h"
#include <fulmar/app/page.h>
#include "app/reading-private.h"
#include <fulmar/mail/flags.h>
#include <fulmar/store/body-store.h>
#include <fulmar/store/folder-access.h>
#include <fulmar/store/gmail-store.h>
#include <fulmar/store/message-store.h>

#define FIRST_LOOK_BYTES (256u << 10)
#define OPEN_TRIES 3

struct FmReading {
  FmApp *app;
  gint64 id;
  FmReadingState state;
  FmReadingMode mode;
  gint part; /* shown alone, -1: none */
  gboolean all_headers;
  char *notice;
  FmDoc *doc;
  GPtrArray *parts;
  guint64 request;  /* what is awaited: a compute or a body; 0: nothing */
  guint generation; /* answers of older loads are dropped */
  gboolean marked, preview;
  struct FmReadingLink *link;
};

/* Outlives the reading: an answer may come after it is gone. */
typedef struct FmReadingLink {
  guint refs;
  FmReading *reading; /* NULL: gone */
} Link;

typedef struct {
  Link *link;
  guint generation;
  gint64 id;
  FmReadingMode mode;
  gint part;
  gboolean prefer_html, all_headers, whole;
  gboolean keeps_stubs; /* the account holds large messages back */
  char *headers;
} Load;

typedef struct {
  FmDoc *doc;
  GPtrArray *parts;
  gboolean is_cut;
  gboolean is_stub; /* the header alone, and the rest is not to be fetched unasked */
} Loaded;

static void
link_unref (Link *link)
{
  if (--link->refs == 0)
    g_free (link);
}

static void
load_free (gpointer data)
{
  Load *load = data;

  link_unref (load->link);
  g_free (load->headers);
  g_free (load);
}

static void
loaded_free (Loaded *loaded)
{
  fm_doc_unref (loaded->doc);
  g_clear_pointer (&loaded->parts, g_ptr_array_unref);
  g_free (loaded);
}

static void start_load (FmReading *reading);
static void start_whole (FmReading *reading);

static void
set_notice (FmReading *reading, FmReadingState state, const char *text)
{
  reading->state = state;
  g_free (reading->notice);
  reading->notice = g_strdup (text);
  fm_app_changed (reading->app, FM_CHANGE_READING);
}

/* --- the pool's side --- */

FmMessage *
fm_reading_open_stored (FmStoreReader *reader, gint64 msg_id, char **ret_path, GError **error)
{
  for (guint try = 0;; try++)
    {
      g_autoptr (GError) local = NULL;
      g_autofree char *known = fm_body_store_path (reader, msg_id, error);
      g_autofree char *path = known && try > 0 ? fm_body_store_find_again (known) : g_strdup (known);
      FmMessage *message = path ? fm_message_open_file (path, 0, -1, &local) : NULL;
      if (message && ret_path)
        *ret_path = g_steal_pointer (&path);
      if (message || !known)
        return message;
      /* A file in a Maildir carries its flags in its name: another program, or another thread, may be renaming it at this moment. */
      if (try < OPEN_TRIES && (!local || g_error_matches (local, FM_ERROR, FM_ERROR_NOT_FOUND)))
        continue;
      if (local)
        g_propagate_error (error, g_steal_pointer (&local));
      else
        g_set_error (error, FM_ERROR, FM_ERROR_NOT_FOUND, "the message's file is gone: another program has moved or deleted %s", known);
      return NULL;
    }
}

static Loaded *
load_stub (FmStoreReader *reader, const Load *load)
{
  g_autoptr (FmMessageInfo) info = load->keeps_stubs ? fm_message_store_get (reader, load->id, NULL) : NULL;
  Loaded *loaded;

  if (!info || !info->is_stub)
    return NULL;
  loaded = g_new0 (Loaded, 1);
  loaded->doc = fm_page_stub (info);
  loaded->is_stub = TRUE;
  return loaded;
}

/* "todo, important ($Label1)". Transfer: full; NULL: it has none. */
static char *
tags_of (FmStoreReader *reader, gint64 id)
{
  g_autoptr (FmMessageInfo) info = fm_message_store_get (reader, id, NULL);
  g_autoptr (GString) text = g_string_new (NULL);

  for (guint i = 0; info && info->keywords && info->keywords[i]; i++)
    {
      g_autofree char *label = fm_flags_keyword_label (info->keywords[i]);
      g_string_append_printf (text, "%s%s", text->len > 0 ? ", " : "", label);
    }
  return text->len > 0 ? g_string_free (g_steal_pointer (&text), FALSE) : NULL;
}

static gpointer
load_run (FmStoreReader *reader, FmCancel *cancel, gpointer data, GError **error)
{
  const Load *load = data;
  g_autofree char *path = NULL;
  g_autoptr (FmMessage) message = fm_reading_open_stored (reader, load->id, &path, error);
  g_auto (GStrv) names = fm_gmail_store_labels (reader, load->id, TRUE);
  g_autofree char *labels = names ? g_strjoinv (", ", names) : NULL;
  g_autofree char *tags = tags_of (reader, load->id);
  FmPageOptions options
      = { load->mode, load->prefer_html, load->all_headers, load->headers, labels, tags, load->whole ? 0 : FIRST_LOOK_BYTES };
  Loaded *loaded;

  if (!message && (loaded = load_stub (reader, load)))
    {
      g_clear_error (error);
      return loaded;
    }
  if (!message)
    return NULL;
  loaded = g_new0 (Loaded, 1);
  loaded->doc = fm_page_build (message, &options, &loaded->parts, &loaded->is_cut);
  if (load->part >= 0)
    {
      fm_doc_unref (loaded->doc);
      loaded->doc = fm_page_part (message, (guint) load->part, &options, &loaded->is_cut);
    }
  else if (load->mode == FM_SHOW_SOURCE)
    {
      fm_doc_unref (loaded->doc);
      loaded->doc = fm_page_source (path, 0, -1);
      loaded->is_cut = FALSE;
    }
  return loaded;
}

/* --- the screen's side --- */

/* Where the server keeps no such mark for this user, nothing is tried that nobody has asked for. */
static gboolean
may_mark_read (FmReading *reading)
{
  FmStoreReader *reader = fm_app_reader (reading->app);
  g_autoptr (FmMessageInfo) info = fm_message_store_get (reader, reading->id, NULL);
  g_autoptr (FmFolderInfo) folder = info ? fm_folder_store_get (reader, info->folder_id, NULL) : NULL;
  g_autofree char *why = folder ? fm_folder_access_refusal (folder, FM_WISH_FLAGS, FM_FLAG_SEEN) : NULL;

  return !why;
}

static void
mark_read (FmReading *reading)
{
  FmOverlayEffect effect = { .add = FM_FLAG_SEEN };
  FmApp *app = reading->app;

  if (reading->marked || reading->preview || app->read_only || !fm_config_get_bool (app->config, "mark_read"))
    return;
  reading->marked = TRUE;
  if (!(fm_app_flags_of (app, reading->id) & FM_FLAG_SEEN) && may_mark_read (reading))
    fm_act_run_quietly (app, fm_action_new_flags (&reading->id, 1, FM_FLAG_SEEN, 0, NULL, NULL), &effect);
}

static void
body_answered (FmApp *app, const FmEvent *event, gpointer data)
{
  Link *link = data;
  FmReading *reading = link->reading;

  if (!reading || reading->request != event->reply_to)
    return;
  if (event->kind == FM_EVENT_PROGRESS && event->total > 0)
    {
      g_autofree char *text
          = g_strdup_printf ("fetching: %" G_GINT64_FORMAT "k of %" G_GINT64_FORMAT "k", event->count / 1024, event->total / 1024);
      set_notice (reading, FM_READING_FETCHING, text);
    }
  else if (event->kind == FM_EVENT_DONE)
    start_load (reading);
  else if (event->kind == FM_EVENT_FAILED)
    {
      reading->request = 0;
      set_notice (reading, FM_READING_FAILED, event->error->message);
    }
}

static void
link_free (gpointer data)
{
  link_unref (data);
}

static void
fetch_body (FmReading *reading)
{
  set_notice (reading, FM_READING_FETCHING, "fetching the message");
  reading->request = fm_engine_want_body (reading->app->engine, reading->id);
  reading->link->refs++;
  fm_app_expect (reading->app, reading->request, body_answered, reading->link, link_free);
}

static void
load_done (gpointer result, const GError *error, gpointer data)
{
  const Load *load = data;
  FmReading *reading = load->link->reading;
  Loaded *loaded = result;

  if (!reading || reading->generation != load->generation)
    {
      if (loaded)
        loaded_free (loaded);
      return;
    }
  reading->request = 0;
  if (loaded)
    {
      fm_doc_unref (reading->doc);
      reading->doc = g_steal_pointer (&loaded->doc);
      g_clear_pointer (&reading->parts, g_ptr_array_unref);
      reading->parts = g_steal_pointer (&loaded->parts);
      gboolean is_cut = loaded->is_cut, is_stub = loaded->is_stub;
      loaded_free (loaded);
      if (is_stub)
        {
          set_notice (reading, FM_READING_FAILED, NULL);
          return;
        }
      set_notice (reading, FM_READING_READY, NULL);
      mark_read (reading);
      if (is_cut)
        start_whole (reading);
    }
  else if (g_error_matches (error, FM_ERROR, FM_ERROR_NOT_FOUND) && reading->state != FM_READING_FETCHING)
    fetch_body (reading);
  else if (!g_error_matches (error, FM_ERROR, FM_ERROR_CANCELLED))
    set_notice (reading, FM_READING_FAILED, error->message);
}

static void
start (FmReading *reading, gboolean whole)
{
  Load *load = g_new0 (Load, 1);
  FmConfig *config = reading->app->config;
  const FmAccountSpec *spec = fm_app_account_of_message (reading->app, reading->id);

  load->keeps_stubs = spec && spec->kind == FM_ACCOUNT_POP && spec->offline != FM_OFFLINE_HEADERS;
  load->link = reading->link;
  load->link->refs++;
  load->generation = ++reading->generation;
  load->id = reading->id;
  load->mode = reading->mode;
  load->part = reading->part;
  load->whole = whole;
  load->all_headers = reading->all_headers;
  load->prefer_html = strcmp (fm_config_get (config, "prefer"), "html") == 0;
  load->headers = g_strdup (fm_config_get (config, "headers"));
  reading->request = fm_engine_compute (reading->app->engine, load_run, load_done, load, load_free);
}

static void
start_load (FmReading *reading)
{
  start (reading, FALSE);
}

static void
start_whole (FmReading *reading)
{
  start (reading, TRUE);
}

FmReading *
fm_reading_new (FmApp *app, gint64 msg_id, gboolean preview)
{
  FmReading *reading = g_new0 (FmReading, 1);

  reading->preview = preview;
  reading->part = -1;
  reading->app = app;
  reading->id = msg_id;
  reading->link = g_new0 (Link, 1);
  reading->link->refs = 1;
  reading->link->reading = reading;
  start_load (reading);
  return reading;
}

void
fm_reading_free (FmReading *reading)
{
  if (!reading)
    return;
  if (reading->request)
    fm_engine_cancel (reading->app->engine, reading->request);
  reading->link->reading = NULL;
  link_unref (reading->link);
  fm_doc_unref (reading->doc);
  g_clear_pointer (&reading->parts, g_ptr_array_unref);
  g_free (reading->notice);
  g_free (reading);
}

void
fm_reading_open (FmReading *reading)
{
  reading->preview = FALSE;
  if (reading->state == FM_READING_READY)
    mark_read (reading);
}

void
fm_reading_set_mode (FmReading *reading, FmReadingMode mode)
{
  reading->mode = mode;
  start_load (reading);
}

void
fm_reading_set_part (FmReading *reading, gint part)
{
  if (reading->part == part)
    return;
  reading->part = part;
  start_load (reading);
}

void
fm_reading_set_all_headers (FmReading *reading, gboolean all)
{
  reading->all_headers = all;
  start_load (reading);
}

void
fm_reading_message_changed (FmReading *reading, gint64 msg_id)
{
  if (msg_id == reading->id && reading->state == FM_READING_FAILED)
    start_load (reading);
}

gint64
fm_reading_id (const FmReading *reading)
{
  return reading->id;
}

FmReadingState
fm_reading_state (const FmReading *reading)
{
  return reading->state;
}

const char *
fm_reading_notice (const FmReading *reading)
{
  return reading->notice;
}

FmReadingMode
fm_reading_mode (const FmReading *reading)
{
  return reading->mode;
}

gint
fm_reading_part (const FmReading *reading)
{
  return reading->part;
}

gboolean
fm_reading_all_headers (const FmReading *reading)
{
  return reading->all_headers;
}

FmDoc *
fm_reading_doc (const FmReading *reading)
{
  return reading->doc;
}

GPtrArray *
fm_reading_parts (const FmReading *reading)
{
  return reading->parts;
}
