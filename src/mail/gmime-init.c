/* GMime keeps process-wide tables that must be made once, before any thread uses them. Everything in this room that calls GMime asks here for
 * its options first, which is what makes "once" true without a start-up call that someone could forget. */
#include "mail/gmime-init.h"

static gpointer
start_once (gpointer unused)
{
  static const char *fallbacks[] = { "utf-8", "windows-1252", NULL };

  g_mime_init ();
  GMimeParserOptions *options = g_mime_parser_options_new ();
  g_mime_parser_options_set_fallback_charsets (options, fallbacks);
  g_mime_parser_options_set_allow_addresses_without_domain (options, TRUE);
  return options;
}

GMimeParserOptions *
fm_gmime_init_options (void)
{
  static GOnce once = G_ONCE_INIT;
  return g_once (&once, start_once, NULL);
}
