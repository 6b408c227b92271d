/* Everything by local calendar days, so that "Fri" never means this morning. */
#include "ui/smart-date.h"
#include <string.h>

char *
fm_smart_date_format (gint64 date_utc, gint64 now_utc, const char *format)
{
  g_autoptr (GDateTime) now = g_date_time_new_from_unix_local (now_utc);
  g_autoptr (GDateTime) date = date_utc != 0 ? g_date_time_new_from_unix_local (date_utc) : NULL;
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
