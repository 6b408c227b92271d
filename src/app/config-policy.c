/* What of a POP account follows the configuration while Fulmar runs, and which accounts get in each other's way. */
#include <fulmar/app/config.h>
#include <string.h>

const FmAccountSpec *
fm_config_policy_conflict (const FmConfig *config, const FmAccountSpec *spec)
{
  GPtrArray *accounts = fm_config_accounts (config);

  for (guint i = 0; spec->kind == FM_ACCOUNT_POP && i < accounts->len; i++)
    {
      const FmAccountSpec *other = g_ptr_array_index (accounts, i);
      if (other->kind == FM_ACCOUNT_IMAP && fm_account_spec_same_mailbox (spec, other))
        return other;
    }
  return NULL;
}

static const FmAccountSpec *
find (GPtrArray *accounts, const char *name)
{
  for (guint i = 0; i < accounts->len; i++)
    {
      const FmAccountSpec *spec = g_ptr_array_index (accounts, i);
      if (strcmp (spec->name, name) == 0)
        return spec;
    }
  return NULL;
}

GPtrArray *
fm_config_policy_take (FmConfig *config, FmConfig *fresh)
{
  GPtrArray *accounts = fm_config_accounts (config), *changed = g_ptr_array_new ();

  for (guint i = 0; i < accounts->len; i++)
    {
      FmAccountSpec *spec = g_ptr_array_index (accounts, i);
      const FmAccountSpec *now = find (fm_config_accounts (fresh), spec->name);
      if (spec->kind != FM_ACCOUNT_POP || !now || now->kind != FM_ACCOUNT_POP || !fm_account_spec_same_mailbox (spec, now)
          || fm_account_spec_same_policy (spec, now))
        continue;
      accounts->pdata[i] = fm_account_spec_with_policy (spec, now);
      fm_account_spec_unref (spec);
      g_ptr_array_add (changed, accounts->pdata[i]);
    }
  return changed;
}
