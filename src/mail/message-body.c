/* Which parts are the text a person reads. The rules are those of RFC 2046 and what mail programs really send: of an alternative one, of a
 * related the root, of everything else all that is text and not an attachment. */
#include "mail/message-private.h"
#include <string.h>

typedef struct {
  FmMessage *message;
  FmMessagePreference preference;
  GArray *chosen;
} Choice;

static gboolean
is_text (const FmMessagePart *part)
{
  return part->is_leaf && !part->is_attachment && (g_str_has_prefix (part->type, "text/") || g_str_has_prefix (part->type, "message/"));
}

/* The index after the last part under INDEX: parts are in reading order, so a subtree is one run. */
static guint
subtree_end (const FmMessage *message, guint index)
{
  guint depth = fm_message_part (message, index)->depth, end = index + 1;

  while (end < fm_message_n_parts (message) && fm_message_part (message, end)->depth > depth)
    end++;
  return end;
}

/* Does the subtree hold a readable, not empty leaf of that type (NULL: any text)? */
static gboolean
holds (const FmMessage *message, guint index, const char *type)
{
  guint end = subtree_end (message, index);

  for (guint i = index; i < end; i++)
    {
      const FmMessagePart *part = fm_message_part (message, i);
      if (is_text (part) && part->size_bytes > 1 && (type == NULL || strcmp (part->type, type) == 0))
        return TRUE;
    }
  return FALSE;
}

static void choose (Choice *choice, guint index);

/* Later alternatives are richer (RFC 2046 section 5.1.4), so of equals the last is taken. */
static void
choose_alternative (Choice *choice, guint index)
{
  const char *plain = "text/plain", *html = "text/html";
  const char *order[]
      = { choice->preference == FM_MESSAGE_PREFER_HTML ? html : plain, choice->preference == FM_MESSAGE_PREFER_HTML ? plain : html, NULL };
  guint end = subtree_end (choice->message, index);

  for (gsize o = 0; o < G_N_ELEMENTS (order); o++)
    {
      guint best = FM_MESSAGE_NO_PART;
      for (guint i = index + 1; i < end; i = subtree_end (choice->message, i))
        if (holds (choice->message, i, order[o]))
          best = i;
      if (best != FM_MESSAGE_NO_PART)
        {
          choose (choice, best);
          return;
        }
    }
}

/* The root is the first part, or the one that "start" names (RFC 2387); where it shows nothing, the others may. */
static void
choose_related (Choice *choice, guint index)
{
  FmMessageNode *node = fm_message_node (choice->message, index);
  const char *start = node->object != NULL ? g_mime_object_get_content_type_parameter (node->object, "start") : NULL;
  guint end = subtree_end (choice->message, index), root = index + 1, before = choice->chosen->len;

  if (start != NULL)
    {
      g_autofree char *id = g_strdup (start);
      g_strdelimit (id, "<>", ' ');
      g_strstrip (id);
      for (guint i = index + 1; i < end; i = subtree_end (choice->message, i))
        if (strcmp (fm_message_part (choice->message, i)->content_id, id) == 0)
          root = i;
    }
  if (root < end)
    choose (choice, root);
  for (guint i = index + 1; choice->chosen->len == before && i < end; i = subtree_end (choice->message, i))
    if (i != root)
      choose (choice, i);
}

static void
choose (Choice *choice, guint index)
{
  const FmMessagePart *part = fm_message_part (choice->message, index);
  guint end = subtree_end (choice->message, index);

  if (part->is_attachment)
    return;
  if (part->is_leaf)
    {
      if (is_text (part))
        g_array_append_val (choice->chosen, index);
      return;
    }
  if (strcmp (part->type, "multipart/alternative") == 0)
    choose_alternative (choice, index);
  else if (strcmp (part->type, "multipart/related") == 0)
    choose_related (choice, index);
  else
    {
      if (fm_message_mime (choice->message, index) != NULL)
        g_array_append_val (choice->chosen, index);
      for (guint i = index + 1; i < end; i = subtree_end (choice->message, i))
        choose (choice, i);
    }
}

GArray *
fm_message_body_parts (FmMessage *message, FmMessagePreference preference)
{
  Choice choice = { message, preference, g_array_new (FALSE, FALSE, sizeof (guint)) };

  if (fm_message_n_parts (message) > 0)
    choose (&choice, 0);
  return choice.chosen;
}
