/* Nothing here deletes: a policy is held against a row of the ledger, and pop-pass.c does what comes of it. */
#include "sync/pop-policy.h"
#include <string.h>

#define DAY_S 86400
#define RECENT "recent:"

gboolean
fm_pop_policy_is_recent (const FmAccountSpec *spec)
{
  return spec->incoming.user != NULL && g_ascii_strncasecmp (spec->incoming.user, RECENT, strlen (RECENT)) == 0;
}

/* NAME is DOMAIN or below it. */
static gboolean
is_within (const char *name, const char *domain)
{
  gsize n = name == NULL ? 0 : strlen (name), m = strlen (domain);
  return n >= m && g_ascii_strcasecmp (name + n - m, domain) == 0 && (n == m || name[n - m - 1] == '.' || name[n - m - 1] == '@');
}

gboolean
fm_pop_policy_in_batches (const FmAccountSpec *spec)
{
  static const char *const domains[] = { "gmail.com", "googlemail.com" };
  for (guint i = 0; i < G_N_ELEMENTS (domains); i++)
    if (is_within (spec->incoming.host, domains[i]) || is_within (spec->incoming.user, domains[i]))
      return TRUE;
  return fm_pop_policy_is_recent (spec);
}

FmPopPolicy
fm_pop_policy_of (const FmAccountSpec *spec)
{
  return (FmPopPolicy){ fm_pop_policy_is_recent (spec) ? FM_LEAVE_FOREVER : spec->leave, spec->leave_days };
}

char *
fm_pop_policy_text (FmPopPolicy policy)
{
  switch (policy.leave)
    {
    case FM_LEAVE_UNTIL_DELETED:
      return g_strdup ("until-deleted");
    case FM_LEAVE_NONE:
      return g_strdup ("none");
    case FM_LEAVE_DAYS:
      return g_strdup_printf ("%dd", policy.days);
    default:
      return g_strdup ("forever");
    }
}

gboolean
fm_pop_policy_parse (const char *text, FmPopPolicy *ret_policy)
{
  gsize length = strlen (text);
  g_autofree char *number = length > 1 && text[length - 1] == 'd' ? g_strndup (text, length - 1) : NULL;
  guint64 days;
  if (strcmp (text, "forever") == 0)
    *ret_policy = (FmPopPolicy){ FM_LEAVE_FOREVER, 0 };
  else if (strcmp (text, "until-deleted") == 0)
    *ret_policy = (FmPopPolicy){ FM_LEAVE_UNTIL_DELETED, 0 };
  else if (strcmp (text, "none") == 0)
    *ret_policy = (FmPopPolicy){ FM_LEAVE_NONE, 0 };
  else if (number != NULL && g_ascii_string_to_unsigned (number, 10, 1, 36500, &days, NULL))
    *ret_policy = (FmPopPolicy){ FM_LEAVE_DAYS, (int) days };
  else
    return FALSE;
  return TRUE;
}

gboolean
fm_pop_policy_is_due (FmPopPolicy policy, const FmPopSeen *seen, gboolean deleted, gint64 now_utc)
{
  gboolean is_whole = !seen->stub && *seen->digest != '\0';
  /* Of a stub the server has the only copy. */
  if (!is_whole && !(seen->stub && deleted))
    return FALSE;
  switch (policy.leave)
    {
    case FM_LEAVE_NONE:
      return TRUE;
    case FM_LEAVE_DAYS:
      return now_utc >= seen->first_seen_utc + (gint64) policy.days * DAY_S;
    case FM_LEAVE_UNTIL_DELETED:
      return deleted;
    default:
      return FALSE;
    }
}
