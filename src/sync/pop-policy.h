/* `leave`: what may go from a POP server and when. Values only, no connection. */
#pragma once
#include <fulmar/store/pop-store.h>
#include <fulmar/sync/account-spec.h>

/* value struct */
typedef struct {
  FmLeavePolicy leave;
  int days; /* of FM_LEAVE_DAYS */
} FmPopPolicy;

/* The account's; in Gmail's recent mode always `forever`, since other clients of the mailbox fetch the same mail. */
FmPopPolicy fm_pop_policy_of (const FmAccountSpec *spec);
/* As it is written in the configuration, and back. TEXT: transfer full. */
char *fm_pop_policy_text (FmPopPolicy policy);
gboolean fm_pop_policy_parse (const char *text, FmPopPolicy *ret_policy);

/* May this message go? DELETED: it was deleted here. What is not whole here never may, unless it was deleted. */
gboolean fm_pop_policy_is_due (FmPopPolicy policy, const FmPopSeen *seen, gboolean deleted, gint64 now_utc);

/* The user's name begins with "recent:": Gmail then gives the last 30 days' mail, whoever fetched it before. */
gboolean fm_pop_policy_is_recent (const FmAccountSpec *spec);
/* Gmail: a listing shows some hundred messages, the next session the next ones. */
gboolean fm_pop_policy_in_batches (const FmAccountSpec *spec);
