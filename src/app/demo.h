/* The demo: sample mail in a private temporary store. */
#pragma once
#include <fulmar/app/config.h>

/* Makes a 0700 directory with a Maildir of sample mail and adds its account and a few searches to CONFIG. Returns the directory. */
char *fm_demo_make (FmConfig *config, GError **error);
/* Removes it with everything in it. */
void fm_demo_remove (const char *dir);
