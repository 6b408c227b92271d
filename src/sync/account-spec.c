/* An account as the configuration states it: filled once by the config reader, then shared by reference between the engine's threads,
 * none of which ever changes it. */
#include "fulmar/sync/account-spec.h"

#include <string.h>

/* The reference count rides in front of the public struct, so that the struct stays plain values for those who fill it. */
typedef struct {
  int refs;
  FmAccountSpec spec;
} Counted;

static Counted *
counted (FmAccountSpec *spec)
{
  return (Counted *) ((char *) spec - G_STRUCT_OFFSET (Counted, spec));
}

FmAccountSpec *
fm_account_spec_new (const char *name, FmAccountKind kind)
{
  Counted *self = g_new0 (Counted, 1);
  self->refs = 1;
  self->spec.name = g_strdup (name);
  self->spec.kind = kind;
  self->spec.poll_s = 300;
  return &self->spec;
}

FmAccountSpec *
fm_account_spec_ref (FmAccountSpec *spec)
{
  g_atomic_int_inc (&counted (spec)->refs);
  return spec;
}

void
fm_account_spec_unref (FmAccountSpec *spec)
{
  if (spec == NULL || !g_atomic_int_dec_and_test (&counted (spec)->refs))
    return;
  g_free (spec->name);
  g_free (spec->address_name);
  g_free (spec->address);
  g_strfreev (spec->alternates);
  g_free (spec->incoming.host);
  g_free (spec->incoming.user);
  g_free (spec->smtp.host);
  g_free (spec->smtp.user);
  g_strfreev (spec->sendmail_argv);
  g_free (spec->password_command);
  g_free (spec->token_command);
  g_free (spec->tls_ca);
  g_free (spec->tls_pin);
  g_free (spec->path);
  g_strfreev (spec->watch);
  g_free (spec->sent);
  g_free (spec->drafts);
  g_free (spec->trash);
  g_free (spec->junk);
  g_free (spec->archive);
  g_free (counted (spec));
}
