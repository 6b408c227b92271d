/* One line for everything that waits, and one for everything that can be undone. */
#include <fulmar/app/queue-text.h>
#include <fulmar/base/text.h>

char *
fm_queue_text_state (const FmOpInfo *op, gint64 now_utc)
{
  static const char *const words[] = { "waits", "sent, not answered yet", "settling", "done", "refused", "cancelled" };
  gint64 left_s = op->not_before_utc - now_utc;

  if (op->held)
    return g_strdup_printf ("held for %" G_GINT64_FORMAT " s", MAX (left_s, 0));
  if (op->state == FM_OP_PLANNED && op->tries > 0 && left_s > 0)
    return g_strdup_printf ("tried %u times, again in %" G_GINT64_FORMAT " s", op->tries, left_s);
  return g_strdup ((guint) op->state < G_N_ELEMENTS (words) ? words[op->state] : "");
}

char *
fm_queue_text_operation (const FmOpInfo *op, gint64 now_utc)
{
  g_autofree char *state = fm_queue_text_state (op, now_utc);
  g_autofree char *count = op->n > 1 ? g_strdup_printf (" (%u operations)", op->n) : g_strdup ("");
  g_autofree char *line = g_strdup_printf ("%s: %s%s%s%s", op->label, state, count, *op->error ? ": " : "", op->error);

  return fm_text_sanitise_line (line, -1);
}

/* What the server knows of it; on this machine there is nobody to be told. */
static char *
level_state (const FmJournalLevel *level, gint64 now_utc)
{
  guint all = level->planned + level->sent + level->done + level->refused;

  if (level->stuck)
    return g_strdup_printf ("%s: can't be undone", level->stuck);
  if (level->held_until_utc > now_utc)
    return g_strdup_printf ("held for %" G_GINT64_FORMAT " s", level->held_until_utc - now_utc);
  if (level->done == all)
    return g_strdup (level->is_local ? "done" : "done on the server");
  if (level->planned == all)
    return g_strdup ("waits");
  return g_strdup_printf ("%u of %u done%s%s%s", level->done, all, level->sent > 0 ? ", sent and not answered yet" : "",
                          level->refused > 0 ? ", REFUSED: " : "", level->refused > 0 ? level->error : "");
}

char *
fm_queue_text_level (const FmJournalLevel *level, const char *from, gint64 now_utc)
{
  g_autofree char *state = level_state (level, now_utc);
  g_autoptr (GDateTime) then = g_date_time_new_from_unix_local (level->created_utc), now = g_date_time_new_from_unix_local (now_utc);
  gboolean today = then && now && g_date_time_get_year (then) == g_date_time_get_year (now)
                   && g_date_time_get_day_of_year (then) == g_date_time_get_day_of_year (now);
  g_autofree char *when = then ? g_date_time_format (then, today ? "%H:%M" : "%Y-%m-%d %H:%M") : g_strdup ("");
  g_autofree char *line = g_strdup_printf ("%s  %s%s%s  [%s]", when, level->label, from ? ", from " : "", from ? from : "", state);

  return fm_text_sanitise_line (line, -1);
}
