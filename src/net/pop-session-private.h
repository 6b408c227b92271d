/* What the files of a POP session share. */
#pragma once
#include "pop-reader.h"
#include <fulmar/net/pop-session.h>

struct FmPopSession {
  FmServer *server;
  FmCredentials *credentials;
  FmStream *stream;
  FmPopReader *reader;
  guint caps; /* FmPopCaps */
  gboolean caps_known;
  int expire_days, login_delay_s;
  char **mechanisms; /* NULL-terminated */
  GError *death;     /* the error that ended the session */
};

/* value struct: one status line; clear with fm_pop_session_reply_clear */
typedef struct {
  gboolean ok;
  char *code, *text;
} FmPopReply;
void fm_pop_session_reply_clear (FmPopReply *reply);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (FmPopReply, fm_pop_session_reply_clear)

/* Collects a command; refuses one with CR, LF or NUL before anything is sent. */
gboolean fm_pop_session_write (FmPopSession *session, const char *command, const char *argument, GError **error);
/* Sends what was collected, then reads one status line. */
gboolean fm_pop_session_read_reply (FmPopSession *session, FmPopReply *ret_reply, GError **error);
/* Both, for one command. Remembers what kills the session. */
gboolean fm_pop_session_ask (FmPopSession *session, const char *command, const char *argument, FmPopReply *ret_reply, GError **error);
/* FALSE, always: ERROR is remembered and the session is dead. */
gboolean fm_pop_session_die (FmPopSession *session, GError *local, GError **error);
/* -ERR as an error: REFUSED, with the server's words, or AUTH by its code. */
void fm_pop_session_set_refused (const FmPopReply *reply, const char *what, GError **error);
/* Starts with fm_stream_connect done: greeting to capabilities. pop-open.c */
gboolean fm_pop_open_sign_in (FmPopSession *session, GError **error);
