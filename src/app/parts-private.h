/* What commands do to the list of parts. */
#pragma once
#include <fulmar/app/app.h>

FmParts *fm_parts_new (FmApp *app);  /* of the message that is open; on its first attachment, if there is one */
void fm_parts_free (FmParts *parts); /* accepts NULL */

void fm_parts_toggle_tag (FmParts *parts); /* the one under the cursor, then on */
void fm_parts_untag_all (FmParts *parts);
