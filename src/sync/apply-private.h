/* Shared by apply.c (which actions there are, and those on messages, folders and history) and apply-mail.c. The pen's thread, but for what is prepared. */
#pragma once
#include "sync/apply.h"
#include "sync/outbox-change.h"
#include <fulmar/mail/envelope.h>
#include <fulmar/store/folder-access.h>

struct FmApply {
  FmAction *action;
  GPtrArray *specs;
  char *digest; /* of the message, once prepared */
  guint64 size_bytes;
  FmEnvelope *envelope;
  int attachments;
  gint64 group_id;
  guint count;
  char *text;
  GArray *folders, *accounts;
  gboolean tree_changed, outbox_changed;
  gint64 draft_id, outgoing_id;
  GArray *files;     /* FmOutboxDraftFile, written */
  gint64 needs_file; /* of the draft of this outgoing mail; 0: none */
  gint64 taken_back; /* the mail that undo has chosen; 0: it has not */
  gboolean more;     /* EMPTY: it is to be run again for the next slice */
  guint emptied;
  gint64 hold_until_utc;
  int hold_s;
};

#define FM_APPLY_CHUNK 1000 /* messages that are planned by one call */

/* --- apply.c --- */
/* Adds ID, unless it is 0 or there. */
void fm_apply_note (GArray *ids, gint64 id);
const FmAccountSpec *fm_apply_spec (const FmApply *apply, const char *name); /* NULL: no such account is configured */
/* Begins the undo group; LABEL (taken) is what the action did. */
gboolean fm_apply_new_group (FmApply *apply, FmStoreWriter *writer, char *label, GError **error);
char *fm_apply_account_name (FmStoreReader *reader, gint64 account_id); /* Transfer: full; "" if it is gone */
gint64 fm_apply_account_id (FmStoreReader *reader, const char *name, GError **error);

char *fm_apply_folder_label (FmStoreReader *reader, gint64 folder_id, GError **error); /* "work/INBOX". Transfer: full */
/* Until when what can't be undone is held, EXTRA_S more than usual; 0: it is not. The text says so. */
gint64 fm_apply_hold (FmApply *apply, gint64 extra_s);

/* --- apply-empty.c --- */
gboolean fm_apply_empty_run (FmApply *apply, FmStoreWriter *writer, GError **error);

/* --- apply-gmail.c --- */
/* To archive is to take out of the inbox: all is in All Mail, and the user names no other folder. */
gboolean fm_apply_gmail_archives (FmStoreReader *reader, const FmAccountSpec *spec, gint64 account_id);
/* IDS: gint64. Nothing to be done at all is INVALID. */
gboolean fm_apply_gmail_archive (FmApply *apply, FmStoreWriter *writer, gint64 account_id, const GArray *ids, GError **error);
/* The other folders that messages of IDS are in change with them. */
void fm_apply_gmail_note (FmApply *apply, FmStoreReader *reader, gint64 account_id, const GArray *ids);
/* What the action GROUP_ID was about: of a label that was taken there may be no row any more. */
gboolean fm_apply_gmail_note_group (FmApply *apply, FmStoreReader *reader, gint64 group_id, GError **error);
/* Tags to be set and cleared; each NULL-terminated or NULL. */
typedef struct {
  const char *const *add, *const *remove;
} FmApplyTags;
/* In a Gmail account a tag is a label: those are planned, and TAGS left with what is none ($Forwarded), in arrays that KEPT owns. */
gboolean fm_apply_gmail_tags (FmApply *apply, FmStoreWriter *writer, gint64 account_id, const GArray *ids, FmApplyTags *tags,
                              GPtrArray *kept, GError **error);
/* --- apply-folder.c --- */
gboolean fm_apply_folder_run (FmApply *apply, FmStoreWriter *writer, GError **error);

/* --- apply-rights.c --- */
/* The folders noted so far are those that the action's messages stand in. FALSE: REFUSED, with the reason. */
gboolean fm_apply_rights_check (const FmApply *apply, FmStoreReader *reader, GError **error);
gboolean fm_apply_rights_may (FmStoreReader *reader, gint64 folder_id, FmFolderWish wish, GError **error);
/* Says so where tags stay on this machine. */
void fm_apply_rights_tell_tags (FmApply *apply, FmStoreReader *reader);

/* --- apply-mail.c --- */
gboolean fm_apply_mail_append (FmApply *apply, FmStoreWriter *writer, GError **error);
gboolean fm_apply_mail_send (FmApply *apply, FmStoreWriter *writer, GError **error);
/* The outbox's actions. */
gboolean fm_apply_mail_change (FmApply *apply, FmStoreWriter *writer, GError **error);
/* A step back takes the mail back that was queued after the group CANDIDATE and is still held; *RET_DONE tells whether there was one. FALSE: an error. */
gboolean fm_apply_mail_take_back (FmApply *apply, FmStoreWriter *writer, gint64 candidate, gboolean *ret_done, GError **error);
/* Not on the pen: the file that a run has found wanting. */
gboolean fm_apply_mail_write_draft (FmApply *apply, FmStore *store, FmStoreReader *reader, GError **error);
