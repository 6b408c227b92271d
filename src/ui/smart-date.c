/* Everything by local calendar days, so that "Fri" never means this morning. */
#include "ui/smart-date.h"
#include <string.h>

/* The local time zone. GLib asks the file system for it with every date; here it is asked once in a minute of NOW. UI thread. */
static GTimeZone *
local_zone (gint64 now_utc)
{
  static GTimeZone *zone;
  static gint64 minute;

  if (zone && minute == now_utc / 60)
    return zone;
  g_clear_pointer (&zone, g_time_zone_unref);
  zone = g_time_zone_new_local ();
  minute = now_utc / 60;
  return zone;
}

static GDateTime *
local_time (gint64 utc, gint64 now_utc)
{
  g_autoptr (GDateTime) there = g_date_time_new_from_unix_utc (utc);

  return there ? g_date_time_to_timezone (there, local_zone (now_utc)) : NULL;
}

char *
fm_smart_date_format (gint64 date_utc, gint64 now_utc, const char *format)
{
  g_autoptr (GDateTime) now = local_time (now_utc, now_utc);
  g_autoptr (GDateTime) date = date_utc != 0 ? local_time (date_utc, now_utc) : NULL;
  GDate day, today;
  char *text = NULL;
  if (!date || !now)
    return g_strdup ("");
  if (strcmp (format, "smart") != 0)
    {
      text = g_date_time_format (date, format);
      return text ? text : g_strdup ("");
    }
  g_date_clear (&day, 1);
  g_date_clear (&today, 1);
  g_date_set_dmy (&day, (GDateDay) g_date_time_get_day_of_month (date), (GDateMonth) g_date_time_get_month (date),
                  (GDateYear) g_date_time_get_year (date));
  g_date_set_dmy (&today, (GDateDay) g_date_time_get_day_of_month (now), (GDateMonth) g_date_time_get_month (now),
                  (GDateYear) g_date_time_get_year (now));
  int age = g_date_days_between (&day, &today);
  if (age == 0)
    text = g_date_time_format (date, "%H:%M");
  else if (age > 0 && age < 7)
    text = g_date_time_format (date, "%a");
  else if (g_date_time_get_year (date) == g_date_time_get_year (now))
    {
      g_autofree char *month = g_date_time_format (date, "%b");
      text = g_strdup_printf ("%2d %s", g_date_time_get_day_of_month (date), month ? month : "");
    }
  else
    text = g_date_time_format (date, "%Y-%m");
  return text ? text : g_strdup ("");
}
