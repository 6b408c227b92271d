/* What the controller does to the folder tree. */
#pragma once
#include <fulmar/app/app.h>

FmFolders *fm_folders_new (FmApp *app);
void fm_folders_free (FmFolders *folders); /* accepts NULL */

/* Reads accounts and folders again (the tree changed), keeping the cursor's line. */
void fm_folders_reload (FmFolders *folders);
/* Reads one folder's counters again. */
void fm_folders_refresh (FmFolders *folders, gint64 folder_id);
/* The folder in view, by id; or a saved search by name. */
void fm_folders_set_current (FmFolders *folders, gint64 folder_id, const char *search);
/* "work/INBOX" to its id; 0: none. */
gint64 fm_folders_find (const FmFolders *folders, const char *full_name);
/* Its full name, or NULL. Transfer: none. */
const char *fm_folders_name (const FmFolders *folders, gint64 folder_id);
/* The account it belongs to, or NULL. Transfer: none. */
const char *fm_folders_account (const FmFolders *folders, gint64 folder_id);
/* The folder of ACCOUNT with that special use, by its JSON word; 0: none. */
gint64 fm_folders_special (const FmFolders *folders, const char *account, const char *use);
/* The special use's JSON word, "" if none. */
const char *fm_folders_use (const FmFolders *folders, gint64 folder_id);
