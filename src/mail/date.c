/* Dates. Those in the one form that RFC 5322 section 3.3 wants are computed from their digits; every other goes through GMime, which guesses at them
 * with tokens and time zone objects. Wherever both would answer, they answer the same (test-plain, fuzz-plain). */
#include "mail/date.h"
#include "mail/gmime-init.h"
#include <string.h>

enum { MAX_DATE_BYTES = 256, FIRST_YEAR = 1970, LAST_YEAR = 2200 };

static const char *const day_names[] = { "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun" };
static const char *const month_names[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };

/* LEAST to MOST digits, then no more. */
static gboolean
take_number (const char **at, int least, int most, int *ret_n)
{
  int n = 0, digits = 0;

  while (digits < most && g_ascii_isdigit ((*at)[digits]))
    n = n * 10 + ((*at)[digits++] - '0');
  if (digits < least || g_ascii_isdigit ((*at)[digits]))
    return FALSE;
  *at += digits;
  *ret_n = n;
  return TRUE;
}

static gboolean
take_char (const char **at, char c)
{
  if (**at != c)
    return FALSE;
  (*at)++;
  return TRUE;
}

/* The index of the name that stands there. */
static gboolean
take_name (const char **at, const char *const *names, int n, int *ret_index)
{
  for (int i = 0; i < n; i++)
    if (strncmp (*at, names[i], 3) == 0)
      {
        *at += 3;
        *ret_index = i;
        return TRUE;
      }
  return FALSE;
}

static void
skip_blanks (const char **at)
{
  while (**at == ' ')
    (*at)++;
}

static gboolean
take_day (const char **at, int *ret_year, int *ret_month, int *ret_day)
{
  int ignored;

  if (g_ascii_isalpha (**at))
    {
      if (!take_name (at, day_names, G_N_ELEMENTS (day_names), &ignored) || !take_char (at, ','))
        return FALSE;
      skip_blanks (at);
    }
  if (!take_number (at, 1, 2, ret_day) || !take_char (at, ' ') || !take_name (at, month_names, G_N_ELEMENTS (month_names), ret_month)
      || !take_char (at, ' ') || !take_number (at, 4, 4, ret_year))
    return FALSE;
  (*ret_month)++;
  return *ret_year >= FIRST_YEAR && *ret_year <= LAST_YEAR && *ret_day >= 1
         && *ret_day <= g_date_get_days_in_month ((GDateMonth) *ret_month, (GDateYear) *ret_year);
}

static gboolean
take_time (const char **at, int *ret_seconds)
{
  int hour, minute, second = 0;

  if (!take_number (at, 2, 2, &hour) || !take_char (at, ':') || !take_number (at, 2, 2, &minute)
      || (take_char (at, ':') && !take_number (at, 2, 2, &second)))
    return FALSE;
  *ret_seconds = (hour * 60 + minute) * 60 + second;
  return hour < 24 && minute < 60 && second < 60;
}

static gboolean
take_offset (const char **at, int *ret_minutes)
{
  gboolean is_west = **at == '-';
  int hhmm;

  if (!(is_west || **at == '+'))
    return FALSE;
  (*at)++;
  if (!take_number (at, 4, 4, &hhmm) || hhmm > 1400 || hhmm % 100 >= 60)
    return FALSE;
  *ret_minutes = (hhmm / 100 * 60 + hhmm % 100) * (is_west ? -1 : 1);
  return TRUE;
}

/* Nothing, or a blank and the zone's name in parentheses. */
static gboolean
is_end (const char *at)
{
  const char *start = at;

  skip_blanks (&at);
  if (at > start && take_char (&at, '('))
    {
      while (g_ascii_isalpha (*at))
        at++;
      if (!take_char (&at, ')'))
        return FALSE;
      skip_blanks (&at);
    }
  return *at == '\0';
}

/* Days from 1 January 1970, in the calendar that begins each year in March, so that the day that some years have ends one. */
static gint64
days_from_epoch (int year, int month, int day)
{
  int from_march = (month + 9) % 12, years = month <= 2 ? year - 1 : year;

  return (gint64) years * 365 + years / 4 - years / 100 + years / 400 + (from_march * 306 + 5) / 10 + day - 1 - 719468;
}

gboolean
fm_date_parse_plain (const char *text, gint64 *ret_utc, int *ret_offset_min)
{
  const char *at = text;
  int year, month, day, seconds, offset_min;

  skip_blanks (&at);
  if (!take_day (&at, &year, &month, &day) || !take_char (&at, ' ') || !take_time (&at, &seconds) || !take_char (&at, ' ')
      || !take_offset (&at, &offset_min) || !is_end (at))
    return FALSE;
  *ret_utc = days_from_epoch (year, month, day) * 86400 + seconds - offset_min * 60;
  *ret_offset_min = offset_min;
  return TRUE;
}

gboolean
fm_date_parse_any (const char *text, gint64 *ret_utc, int *ret_offset_min)
{
  g_autofree char *bounded = g_strndup (text, MAX_DATE_BYTES);

  fm_gmime_init_options ();
  GDateTime *date = g_mime_utils_header_decode_date (bounded);
  if (date == NULL)
    return FALSE;
  *ret_utc = g_date_time_to_unix (date);
  *ret_offset_min = (int) (g_date_time_get_utc_offset (date) / G_TIME_SPAN_MINUTE);
  g_date_time_unref (date);
  return TRUE;
}

gboolean
fm_date_parse (const char *text, gint64 *ret_utc, int *ret_offset_min)
{
  return fm_date_parse_plain (text, ret_utc, ret_offset_min) || fm_date_parse_any (text, ret_utc, ret_offset_min);
}
