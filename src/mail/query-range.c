/* Dates and sizes as people write them. A date names a span (a day, a month, an hour); "a..b" runs from the beginning of a to the end of b.
 * Everything is reckoned in the local time zone, once, when the query is made. */
#include "mail/query-private.h"
#include <stdlib.h>
#include <string.h>

typedef struct {
  GDateTime *start;
  GDateTime *after; /* the first moment that is no longer in it */
} Span;

/* Takes START (may be NULL) and gives the span to N units after it. */
static gboolean
make_span (GDateTime *start, int years, int months, int days, int seconds, Span *ret_span)
{
  if (start == NULL)
    return FALSE;
  g_autoptr (GDateTime) shifted = g_date_time_add_full (start, years, months, days, 0, 0, seconds);
  if (shifted == NULL)
    {
      g_date_time_unref (start);
      return FALSE;
    }
  ret_span->start = start;
  ret_span->after = g_steal_pointer (&shifted);
  return TRUE;
}

static GDateTime *
midnight (GDateTime *at)
{
  return g_date_time_new_local (g_date_time_get_year (at), g_date_time_get_month (at), g_date_time_get_day_of_month (at), 0, 0, 0);
}

/* 2026, 2026-01, 2026-01-31, 2026/01/31, 20260131, 31.1.2026 */
static gboolean
parse_calendar (const char *text, Span *ret_span)
{
  int numbers[3] = { 0, 0, 0 }, n = 0;
  gsize digits = strspn (text, "0123456789"), size = strlen (text);

  if (digits == 8 && size == 8)
    {
      gint64 value = g_ascii_strtoll (text, NULL, 10);
      return make_span (g_date_time_new_local (value / 10000, value / 100 % 100, value % 100, 0, 0, 0), 0, 0, 1, 0, ret_span);
    }
  for (const char *p = text; *p != '\0' && n < 3;)
    {
      char *end = NULL;
      if (!g_ascii_isdigit (*p))
        return FALSE;
      numbers[n++] = (int) MIN (g_ascii_strtoull (p, &end, 10), 9999);
      if (*end == '\0')
        break;
      if (strchr ("-/.", *end) == NULL || end[1] == '\0' || n == 3)
        return FALSE;
      p = end + 1;
    }
  if (digits == 4 && n == 1)
    return make_span (g_date_time_new_local (numbers[0], 1, 1, 0, 0, 0), 1, 0, 0, 0, ret_span);
  if (digits == 4 && n == 2)
    return make_span (g_date_time_new_local (numbers[0], numbers[1], 1, 0, 0, 0), 0, 1, 0, 0, ret_span);
  if (digits == 4 && n == 3)
    return make_span (g_date_time_new_local (numbers[0], numbers[1], numbers[2], 0, 0, 0), 0, 0, 1, 0, ret_span);
  if (n == 3 && digits <= 2)
    return make_span (g_date_time_new_local (numbers[2] < 100 ? numbers[2] + 2000 : numbers[2], numbers[1], numbers[0], 0, 0, 0), 0, 0, 1,
                      0, ret_span);
  return FALSE;
}

/* The word begins with a name of the list, by at least three letters: its place, or -1. */
static int
find_name (const char *word, const char *const *names)
{
  gsize size = strlen (word);

  for (int i = 0; size >= 3 && names[i] != NULL; i++)
    if (g_ascii_strncasecmp (word, names[i], size) == 0)
      return i;
  return -1;
}

/* today, yesterday, monday, march, this_week, last_month, now */
static gboolean
parse_named (const char *text, GDateTime *now, Span *ret_span)
{
  static const char *const weekdays[] = { "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", NULL };
  static const char *const months[]
      = { "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december", NULL };
  g_autoptr (GDateTime) today = midnight (now);
  int day = find_name (text, weekdays), month = find_name (text, months);
  gboolean last = g_str_has_prefix (text, "last_"), this = g_str_has_prefix (text, "this_");

  if (strcmp (text, "now") == 0)
    return make_span (g_date_time_ref (now), 0, 0, 0, 1, ret_span);
  if (strcmp (text, "today") == 0)
    return make_span (g_date_time_ref (today), 0, 0, 1, 0, ret_span);
  if (strcmp (text, "yesterday") == 0)
    return make_span (g_date_time_add_days (today, -1), 0, 0, 1, 0, ret_span);
  if (day >= 0)
    return make_span (g_date_time_add_days (today, -((g_date_time_get_day_of_week (today) - 1 - day + 7) % 7)), 0, 0, 1, 0, ret_span);
  if (month >= 0)
    {
      int year = g_date_time_get_year (now) - (month + 1 > g_date_time_get_month (now));
      return make_span (g_date_time_new_local (year, month + 1, 1, 0, 0, 0), 0, 1, 0, 0, ret_span);
    }
  if ((last || this) && strcmp (text + 5, "week") == 0)
    return make_span (g_date_time_add_days (today, 1 - g_date_time_get_day_of_week (today) - (last ? 7 : 0)), 0, 0, 7, 0, ret_span);
  if ((last || this) && strcmp (text + 5, "month") == 0)
    {
      g_autoptr (GDateTime) first = g_date_time_add_days (today, 1 - g_date_time_get_day_of_month (today));
      return make_span (g_date_time_add_months (first, last ? -1 : 0), 0, 1, 0, 0, ret_span);
    }
  if ((last || this) && strcmp (text + 5, "year") == 0)
    return make_span (g_date_time_new_local (g_date_time_get_year (now) - last, 1, 1, 0, 0, 0), 1, 0, 0, 0, ret_span);
  return FALSE;
}

typedef enum { UNIT_NONE, UNIT_SECOND, UNIT_MINUTE, UNIT_HOUR, UNIT_DAY, UNIT_WEEK, UNIT_MONTH, UNIT_YEAR } Unit;

static Unit
unit_of (const char *text)
{
  static const struct {
    const char *name;
    Unit unit;
  } units[] = {
    { "s", UNIT_SECOND },  { "sec", UNIT_SECOND }, { "second", UNIT_SECOND }, { "min", UNIT_MINUTE }, { "minute", UNIT_MINUTE },
    { "h", UNIT_HOUR },    { "hour", UNIT_HOUR },  { "d", UNIT_DAY },         { "day", UNIT_DAY },    { "w", UNIT_WEEK },
    { "week", UNIT_WEEK }, { "m", UNIT_MONTH },    { "month", UNIT_MONTH },   { "y", UNIT_YEAR },     { "year", UNIT_YEAR },
  };
  g_autofree char *word = g_ascii_strdown (text, -1);

  if (g_str_has_suffix (word, "_ago"))
    word[strlen (word) - 4] = '\0';
  if (strlen (word) > 3 && g_str_has_suffix (word, "s"))
    word[strlen (word) - 1] = '\0';
  for (gsize i = 0; i < G_N_ELEMENTS (units); i++)
    if (strcmp (word, units[i].name) == 0)
      return units[i].unit;
  return UNIT_NONE;
}

/* 2w, 10_days, 3_months_ago: so long before now, and the day (or hour, or minute) that was. */
static gboolean
parse_relative (const char *text, GDateTime *now, Span *ret_span)
{
  char *end = NULL;
  guint64 amount = g_ascii_isdigit (*text) ? g_ascii_strtoull (text, &end, 10) : G_MAXUINT64;
  if (amount > 1000000 || end == NULL)
    return FALSE;
  int n = -(int) amount;
  switch (unit_of (end + (*end == '_')))
    {
    case UNIT_SECOND:
      return make_span (g_date_time_add_seconds (now, n), 0, 0, 0, 1, ret_span);
    case UNIT_MINUTE:
      return make_span (g_date_time_add_minutes (now, n), 0, 0, 0, 60, ret_span);
    case UNIT_HOUR:
      return make_span (g_date_time_add_hours (now, n), 0, 0, 0, 3600, ret_span);
    case UNIT_DAY:
      return make_span (g_date_time_add_days (now, n), 0, 0, 1, 0, ret_span);
    case UNIT_WEEK:
      return make_span (g_date_time_add_weeks (now, n), 0, 0, 1, 0, ret_span);
    case UNIT_MONTH:
      return make_span (g_date_time_add_months (now, n), 0, 0, 1, 0, ret_span);
    case UNIT_YEAR:
      return make_span (g_date_time_add_years (now, n), 0, 0, 1, 0, ret_span);
    case UNIT_NONE:
    default:
      return FALSE;
    }
}

/* One date: its first and last second. */
gboolean
fm_query_range_age (const char *text, gint64 now_utc, gint64 *ret_start, gint64 *ret_end)
{
  g_autofree char *word = g_ascii_strdown (text, -1);
  g_autoptr (GDateTime) now = g_date_time_new_from_unix_local (now_utc);
  Span span;

  if (word[0] == '@')
    {
      char *end = NULL;
      *ret_start = *ret_end = g_ascii_strtoll (word + 1, &end, 10);
      return end != word + 1 && *end == '\0';
    }
  g_strdelimit (word, " ", '_');
  if (now == NULL || !(parse_calendar (word, &span) || parse_named (word, now, &span) || parse_relative (word, now, &span)))
    return FALSE;
  *ret_start = g_date_time_to_unix (span.start);
  *ret_end = g_date_time_to_unix (span.after) - 1;
  g_date_time_unref (span.start);
  g_date_time_unref (span.after);
  return TRUE;
}

gboolean
fm_query_range_date (const char *text, gint64 now_utc, gint64 *ret_low, gint64 *ret_high)
{
  const char *dots = strstr (text, "..");
  gint64 low = G_MININT64, high = G_MAXINT64, unused;

  if (dots == NULL)
    return fm_query_range_age (text, now_utc, ret_low, ret_high);
  g_autofree char *left = g_strndup (text, dots - text);
  const char *right = strcmp (dots + 2, "!") == 0 ? left : dots + 2; /* notmuch's "yesterday..!" */
  if (left[0] == '\0' && right[0] == '\0')
    return FALSE;
  if ((left[0] != '\0' && !fm_query_range_age (left, now_utc, &low, &unused))
      || (right[0] != '\0' && !fm_query_range_age (right, now_utc, &unused, &high)))
    return FALSE;
  *ret_low = low;
  *ret_high = high;
  return TRUE;
}

static gboolean
parse_size (const char *text, gint64 *ret_size)
{
  char *end = NULL;
  guint64 value = g_ascii_isdigit (*text) ? g_ascii_strtoull (text, &end, 10) : G_MAXUINT64;
  if (end == NULL || value > (G_GUINT64_CONSTANT (1) << 40))
    return FALSE;
  int shift = g_ascii_tolower (*end) == 'k' ? 10 : g_ascii_tolower (*end) == 'm' ? 20 : g_ascii_tolower (*end) == 'g' ? 30 : 0;
  end += shift > 0;
  end += g_ascii_tolower (*end) == 'b';
  value = MIN (value, (guint64) G_MAXINT64 >> 30) << shift;
  *ret_size = (gint64) value;
  return *end == '\0';
}

gboolean
fm_query_range_size (const char *text, gint64 *ret_low, gint64 *ret_high)
{
  const char *dots = strstr (text, "..");
  gint64 low = G_MININT64, high = G_MAXINT64;

  if (text[0] == '<')
    return parse_size (text + 1, ret_high);
  if (dots == NULL)
    return parse_size (text[0] == '>' ? text + 1 : text, ret_low);
  g_autofree char *left = g_strndup (text, dots - text);
  if ((left[0] == '\0' && dots[2] == '\0') || (left[0] != '\0' && !parse_size (left, &low))
      || (dots[2] != '\0' && !parse_size (dots + 2, &high)))
    return FALSE;
  *ret_low = low;
  *ret_high = high;
  return TRUE;
}
