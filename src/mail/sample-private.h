/* What the parts of the sample share: one mail as it was written down, and the book they stand in. */
#pragma once
#include <glib.h>

G_BEGIN_DECLS

typedef struct FmSampleMail FmSampleMail;
struct FmSampleMail {
  char *id;     /* what replies name; "-": nobody answers it */
  char *folder; /* "Lists/fulmar-devel" */
  char *from;   /* keys of people: "mira", "ada,jonas" */
  char *to;
  char *cc;
  char *flags;   /* letters of a Maildir; U: unread */
  char *kind;    /* plain, flowed, html, alt, news, receipt, patch, bounce, digest */
  char *charset; /* of the body */
  char *attach;  /* file names, made by fm_sample_file_make; NULL: none */
  char *subject; /* whole, with Re: */
  char *body;
  gint64 date_utc;
  guint number;
  const FmSampleMail *parent;
};

typedef struct {
  GPtrArray *mails;   /* FmSampleMail *, a parent before its replies */
  GHashTable *by_id;  /* borrowed */
  GHashTable *people; /* key -> "Name <address>" */
  GHashTable *zones;  /* key -> minutes east of UTC */
  gint64 now_utc;
} FmSampleBook;

/* Appends a mail; ids, strings are copied. PARENT may be NULL. Transfer: none. */
FmSampleMail *fm_sample_book_add (FmSampleBook *book, const char *id, const char *folder, const char *from, gint64 date_utc);

/* The mail's bytes, lines ended by LF as Maildirs hold them. Transfer: full. */
GString *fm_sample_mime_build (const FmSampleBook *book, const FmSampleMail *mail);
/* "Name <address>" of each key, encoded for a header. Transfer: full. */
char *fm_sample_mime_people (const FmSampleBook *book, const char *keys);
/* The Message-ID with its angle brackets. Transfer: full. */
char *fm_sample_mime_id (const FmSampleMail *mail);
/* "Tue, 3 Mar 2026 09:12:00 +0100". Transfer: full. */
char *fm_sample_mime_date (gint64 date_utc, int zone_minutes);

/* A small file by its extension (png, pdf, csv, ics, txt), made to fit MAIL. RET_TYPE: the value of Content-Type, static. Transfer: full. */
GByteArray *fm_sample_file_make (const FmSampleMail *mail, const char *name, const char **ret_type);

/* The HTML of a newsletter or a receipt out of the mail's plain notes. Transfer: full. */
char *fm_sample_html_news (const FmSampleMail *mail);
char *fm_sample_html_receipt (const FmSampleMail *mail);

/* Mail that repeats in real life too: backup reports, builds, tide tables. */
void fm_sample_series_add (FmSampleBook *book);

/* The written mails, from sample.txt. */
extern const char fm_sample_text[];

G_END_DECLS
