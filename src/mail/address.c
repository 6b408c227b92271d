/* Address lists. What address-plain.c leaves is read by GMime's lenient RFC 5322 parser; what comes out is flattened at once into a frozen array of
 * plain strings, so that no GObject crosses a thread and every string has been sanitised exactly once. */
#include "fulmar/mail/address.h"
#include "mail/address-private.h"
#include "mail/charset.h"
#include "mail/gmime-init.h"
#include "mail/words.h"
#include <string.h>

enum { MAX_ADDRESS_BYTES = 320 };

static void
item_clear (gpointer data)
{
  FmAddress *item = data;

  g_free ((char *) item->name);
  g_free ((char *) item->address);
}

static GArray *
new_items (void)
{
  GArray *items = g_array_new (FALSE, FALSE, sizeof (FmAddress));

  g_array_set_clear_func (items, item_clear);
  return items;
}

static const char *
move_string (char **out, const char *text)
{
  const char *start = *out;

  *out = g_stpcpy (*out, text) + 1;
  return start;
}

/* Everything in one block. Consumes ITEMS. */
static FmAddressList *
list_take (GArray *items)
{
  gsize strings_bytes = 0, items_bytes = sizeof (FmAddressList) + items->len * sizeof (FmAddress);

  for (guint i = 0; i < items->len; i++)
    {
      const FmAddress *item = &g_array_index (items, FmAddress, i);
      strings_bytes += strlen (item->name) + strlen (item->address) + 2;
    }
  FmAddressList *list = g_malloc (items_bytes + strings_bytes);
  char *out = (char *) list + items_bytes;
  g_atomic_int_set (&list->refs, 1);
  list->n = items->len;
  for (guint i = 0; i < items->len; i++)
    {
      const FmAddress *item = &g_array_index (items, FmAddress, i);
      list->items[i].name = move_string (&out, item->name);
      list->items[i].address = move_string (&out, item->address);
    }
  g_array_unref (items);
  return list;
}

static void
append (GArray *items, const char *name, const char *address)
{
  FmAddress item;

  item.name = fm_charset_line (name != NULL ? name : "", -1);
  item.address = fm_charset_line (address != NULL ? address : "", -1);
  g_array_append_val (items, item);
}

/* A name that was quoted before it was encoded shows its quotes: they mean nothing to a reader. Transfer: full. */
static char *
bare_name (const char *name)
{
  gsize size = name != NULL ? strlen (name) : 0;

  return size >= 2 && name[0] == '"' && name[size - 1] == '"' ? g_strndup (name + 1, size - 2) : g_strdup (name);
}

/* A whole field in one encoded word has no address (RFC 2047 section 5): the word stands where the address would. What a reader may see decoded is
 * what precedes an address in it, never that address itself, which anyone can write there. Transfer: full; NULL: nothing. */
static char *
name_in_word (const char *address)
{
  const char *close = g_str_has_prefix (address, "=?") ? g_strrstr (address, "?=") : NULL;
  if (close == NULL)
    return NULL;
  g_autofree char *text = fm_words_decode (address, close + 2 - address, NULL);
  text[strcspn (text, "<")] = '\0';
  g_strstrip (text);
  return *text == '\0' || strchr (text, '@') != NULL || strstr (text, "=?") != NULL ? NULL : g_steal_pointer (&text);
}

/* Nested groups are not in the grammar, but in the wild everything is: DEPTH bounds them. */
static void
flatten (GArray *items, InternetAddressList *list, guint depth)
{
  int n = list != NULL ? internet_address_list_length (list) : 0;

  for (int i = 0; i < n && items->len < FM_ADDRESS_MAX_ITEMS; i++)
    {
      InternetAddress *address = internet_address_list_get_address (list, i);
      g_autofree char *name = bare_name (internet_address_get_name (address));
      if (INTERNET_ADDRESS_IS_MAILBOX (address))
        {
          const char *mailbox = internet_address_mailbox_get_addr (INTERNET_ADDRESS_MAILBOX (address));
          g_autofree char *word = (name == NULL || *name == '\0') && mailbox != NULL ? name_in_word (mailbox) : NULL;
          append (items, word != NULL ? word : name, mailbox);
        }
      else if (INTERNET_ADDRESS_IS_GROUP (address))
        {
          InternetAddressList *members = internet_address_group_get_members (INTERNET_ADDRESS_GROUP (address));
          if (members == NULL || internet_address_list_length (members) == 0)
            append (items, name, ""); /* "undisclosed-recipients:;" */
          else if (depth < 4)
            flatten (items, members, depth + 1);
        }
    }
}

/* GMime's parser recurses at each "group:" and a field of some 20,000 colons overflows the stack. No list has so many groups. */
static void
blunt_colons (char *text)
{
  guint n = 0;

  for (char *p = strchr (text, ':'); p != NULL; p = strchr (p + 1, ':'))
    if (++n > FM_ADDRESS_MAX_COLONS)
      *p = ' ';
}

FmAddressList *
fm_address_list_parse_any (const char *text, gsize size_bytes)
{
  GArray *items = new_items ();
  g_autofree char *copy = fm_words_merge (text, size_bytes);

  blunt_colons (copy);
  InternetAddressList *parsed = *copy != '\0' ? internet_address_list_parse (fm_gmime_init_options (), copy) : NULL;
  if (parsed != NULL)
    {
      flatten (items, parsed, 0);
      g_object_unref (parsed);
    }
  if (items->len == 0)
    {
      /* No address could be read: show what is there rather than nothing. */
      g_autofree char *line = fm_charset_header_line (copy, -1, NULL);
      if (line[0] != '\0')
        append (items, "", line);
    }
  return list_take (items);
}

FmAddressList *
fm_address_list_parse (const char *text, gssize size_bytes)
{
  gsize size = MIN (size_bytes < 0 ? strlen (text) : (gsize) size_bytes, FM_ADDRESS_MAX_FIELD_BYTES);

  while (size > 0 && g_ascii_isspace (*text))
    text++, size--;
  while (size > 0 && g_ascii_isspace (text[size - 1]))
    size--;
  FmAddressList *plain = fm_address_plain_parse (text, size);
  return plain != NULL ? plain : fm_address_list_parse_any (text, size);
}

FmAddressList *
fm_address_list_new (const FmAddress *addresses, gsize n)
{
  GArray *items = new_items ();

  for (gsize i = 0; i < n && i < FM_ADDRESS_MAX_ITEMS; i++)
    append (items, addresses[i].name, addresses[i].address);
  return list_take (items);
}

FmAddressList *
fm_address_list_ref (const FmAddressList *list)
{
  FmAddressList *shared = (FmAddressList *) list;

  if (shared != NULL)
    g_atomic_int_inc (&shared->refs);
  return shared;
}

void
fm_address_list_unref (FmAddressList *list)
{
  if (list != NULL && g_atomic_int_dec_and_test (&list->refs))
    g_free (list);
}

guint
fm_address_list_length (const FmAddressList *list)
{
  return list != NULL ? list->n : 0;
}

const FmAddress *
fm_address_list_get (const FmAddressList *list, guint index)
{
  g_return_val_if_fail (list != NULL && index < list->n, NULL);
  return &list->items[index];
}

const char *
fm_address_short (const FmAddress *address)
{
  return address->name[0] != '\0' ? address->name : address->address;
}

/* Every new row of the store keeps three lists as text, so this is written into memory that is large enough from the start. */
static gsize
max_display_size (const FmAddress *address)
{
  return 2 * strlen (address->name) + strlen (address->address) + strlen ("\"\" <>");
}

/* Returns the end. */
static char *
put_display (char *out, const FmAddress *address)
{
  if (address->address[0] == '\0')
    return stpcpy (stpcpy (out, address->name), ":;");
  if (address->name[0] == '\0')
    return stpcpy (out, address->address);
  if (strpbrk (address->name, "()<>[]:;@\\,\"") == NULL)
    out = stpcpy (out, address->name);
  else
    {
      *out++ = '"';
      for (const char *p = address->name; *p != '\0'; p++)
        {
          if (*p == '"' || *p == '\\')
            *out++ = '\\';
          *out++ = *p;
        }
      *out++ = '"';
    }
  return stpcpy (stpcpy (stpcpy (out, " <"), address->address), ">");
}

char *
fm_address_display (const FmAddress *address)
{
  char *text = g_malloc (max_display_size (address) + 1);

  put_display (text, address);
  return text;
}

char *
fm_address_list_display (const FmAddressList *list)
{
  guint n = fm_address_list_length (list);
  gsize size = 1;

  for (guint i = 0; i < n; i++)
    size += max_display_size (&list->items[i]) + strlen (", ");
  char *text = g_malloc (size), *out = text;
  *out = '\0';
  for (guint i = 0; i < n; i++)
    out = put_display (i > 0 ? stpcpy (out, ", ") : out, &list->items[i]);
  return text;
}

char *
fm_address_list_display_short (const FmAddressList *list)
{
  GString *out = g_string_new (NULL);

  for (guint i = 0; i < fm_address_list_length (list); i++)
    {
      if (i > 0)
        g_string_append (out, ", ");
      g_string_append (out, fm_address_short (&list->items[i]));
    }
  return g_string_free (out, FALSE);
}

char *
fm_address_list_header (const FmAddressList *list)
{
  GString *out = g_string_new (NULL);

  fm_gmime_init_options ();
  for (guint i = 0; i < fm_address_list_length (list); i++)
    {
      const FmAddress *item = &list->items[i];
      InternetAddress *address = item->address[0] != '\0'
                                     ? internet_address_mailbox_new (item->name[0] != '\0' ? item->name : NULL, item->address)
                                     : internet_address_group_new (item->name);
      g_autofree char *encoded = internet_address_to_string (address, NULL, TRUE);
      g_object_unref (address);
      g_string_append_printf (out, "%s%s", i > 0 ? ", " : "", encoded);
    }
  return g_string_free (out, FALSE);
}

char *
fm_address_wire (const char *address)
{
  const char *at = strrchr (address, '@');

  if (at == NULL || g_str_is_ascii (at))
    return g_strdup (address);
  g_autofree char *domain = g_hostname_to_ascii (at + 1);
  return domain != NULL ? g_strdup_printf ("%.*s@%s", (int) (at - address), address, domain) : g_strdup (address);
}

gboolean
fm_address_equal (const char *a, const char *b)
{
  return g_ascii_strcasecmp (a, b) == 0;
}

gboolean
fm_address_list_contains (const FmAddressList *list, const char *address)
{
  for (guint i = 0; i < fm_address_list_length (list); i++)
    if (fm_address_equal (list->items[i].address, address))
      return TRUE;
  return FALSE;
}

/* A quoted local part may hold what an atom may not; both must be closed and free of controls. Returns the '@', or NULL. */
static const char *
skip_local_part (const char *address)
{
  const char *p = address;

  if (*p != '"')
    {
      while (*p != '\0' && *p != '@' && (guchar) *p > ' ' && strchr ("()<>[]:;\\,\"\x7f", *p) == NULL)
        p++;
      return p > address && *p == '@' ? p : NULL;
    }
  for (p++; *p != '\0' && *p != '"'; p++)
    if ((guchar) *p < ' ' || *p == 0x7f || (*p == '\\' && (guchar) * ++p < ' '))
      return NULL;
  return *p == '"' && p[1] == '@' ? p + 1 : NULL;
}

gboolean
fm_address_is_valid (const char *address)
{
  if (address == NULL || strlen (address) > MAX_ADDRESS_BYTES || !g_utf8_validate (address, -1, NULL))
    return FALSE;
  const char *at = skip_local_part (address);
  if (at == NULL)
    return FALSE;
  const char *domain = at + 1;
  gsize length = strlen (domain);
  if (length == 0 || domain[0] == '.' || domain[length - 1] == '.' || strstr (domain, "..") != NULL)
    return FALSE;
  gboolean literal = domain[0] == '[' && domain[length - 1] == ']';
  for (const char *p = domain; *p != '\0'; p++)
    {
      guchar c = *p;
      gboolean plain = g_ascii_isalnum (c) || c == '-' || c == '.' || c == '_' || c >= 0x80;
      if (!plain && !(literal && (c == ':' || p == domain || p == domain + length - 1)))
        return FALSE;
    }
  return TRUE;
}

gboolean
fm_address_is_ascii (const char *address)
{
  return g_str_is_ascii (address);
}

FmAddressList *
fm_address_list_merge (const FmAddressList *a, const FmAddressList *b, const FmAddressList *without)
{
  const FmAddressList *lists[] = { a, b };
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  GArray *items = new_items ();

  for (guint i = 0; i < fm_address_list_length (without); i++)
    g_hash_table_add (seen, g_ascii_strdown (without->items[i].address, -1));
  for (gsize l = 0; l < G_N_ELEMENTS (lists); l++)
    for (guint i = 0; i < fm_address_list_length (lists[l]) && items->len < FM_ADDRESS_MAX_ITEMS; i++)
      {
        const FmAddress *item = &lists[l]->items[i];
        if (item->address[0] != '\0' && g_hash_table_add (seen, g_ascii_strdown (item->address, -1)))
          append (items, item->name, item->address);
      }
  return list_take (items);
}
