/* Web and mail addresses inside running text, and what host an address really leads to. Pure functions, any thread. */
#pragma once
#include <glib.h>

G_BEGIN_DECLS

#define FM_URLS_MAX_BYTES 4096u

/* The next URL in UTF-8 text from FROM: http, https, ftp, mailto: and www. names; trailing punctuation and unbalanced brackets left out;
 * never across white space or control bytes. FALSE: none. Linear in what it reads. */
gboolean fm_urls_find (const char *text, gsize size_bytes, gsize from, gsize *ret_start, gsize *ret_end);

/* "www.example.org/x" to "http://www.example.org/x"; others copied. Transfer: full. */
char *fm_urls_absolute (const char *found, gsize size_bytes);

/* A link target fit to be offered: http, https, ftp, mailto, tel, news, xmpp, geo, gemini, matrix, ... by scheme; never javascript:, data:, file:, cid:
 * or a relative reference. White space and control bytes taken out as browsers do. NULL: unusable. Transfer: full. */
char *fm_urls_clean (const char *href);

/* The host behind user-info tricks ("https://bank.example@evil.test/" is evil.test), lower case, no port. "" where there is none. Transfer: full. */
char *fm_urls_host (const char *url);

/* The host that shown link text claims to lead to ("Visit www.bank.example now"), or NULL where it names none. Transfer: full. */
char *fm_urls_claimed_host (const char *shown_text);

/* Whether a link shown as CLAIMED may lead to HOST without surprise: equal, or one a subdomain of the other ("www." ignored). */
gboolean fm_urls_hosts_agree (const char *claimed, const char *host);

G_END_DECLS
