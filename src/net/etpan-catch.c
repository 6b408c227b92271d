/* The catch-all extension: takes single FETCH and STATUS items that libetpan has no parser for, or that a server got wrong, as raw text. They
 * are read by the parser behind libetpan's, so that one bare Gmail label or one broken ENVELOPE does not cost the rest of its message. It must
 * not take whole responses: libetpan asks its extensions for mailbox data before it tries FETCH. */
#include "etpan-private.h"

typedef struct {
  size_t start, length; /* in the buffer, which does not move while it is parsed */
} RawItem;

static int catch_item (int caller, mailstream *fd, MMAPString *buffer, struct mailimap_parser_context *context, size_t *index,
                       struct mailimap_extension_data **result, size_t progress_rate, progress_function *progress);
static void free_item (struct mailimap_extension_data *data);

static char name[] = "catch-all"; /* libetpan's field is not const */
static struct mailimap_extension_api catch_all = { .ext_name = name, .ext_id = -1, .ext_parser = catch_item, .ext_free = free_item };

static void
free_item (struct mailimap_extension_data *data)
{
  free (data->ext_data);
  free (data);
}

static int
catch_item (int caller, G_GNUC_UNUSED mailstream *fd, MMAPString *buffer, G_GNUC_UNUSED struct mailimap_parser_context *context,
            size_t *index, struct mailimap_extension_data **result, G_GNUC_UNUSED size_t progress_rate,
            G_GNUC_UNUSED progress_function *progress)
{
  if (caller != MAILIMAP_EXTENDED_PARSER_FETCH_DATA && caller != MAILIMAP_EXTENDED_PARSER_STATUS_ATT)
    return MAILIMAP_ERROR_PARSE;
  g_autoptr (GPtrArray) keep = g_ptr_array_new_with_free_func (g_free);
  FmImapLex lex = { buffer->str + *index, buffer->str + buffer->len, keep };
  FmImapText word;
  fm_imap_lex_blank (&lex);
  if (!fm_imap_lex_word (&lex, &word) || !fm_imap_lex_skip (&lex))
    return MAILIMAP_ERROR_PARSE;
  RawItem *item = malloc (sizeof *item); /* libetpan's own allocator, since libetpan checks and we must not abort */
  if (item == NULL)
    return MAILIMAP_ERROR_MEMORY;
  *item = (RawItem){ word.bytes - buffer->str, lex.p - word.bytes };
  *result = mailimap_extension_data_new (&catch_all, caller, item);
  if (*result == NULL)
    {
      free (item);
      return MAILIMAP_ERROR_MEMORY;
    }
  *index = lex.p - buffer->str;
  return MAILIMAP_NO_ERROR;
}

void
fm_etpan_catch_register (void)
{
  static gsize is_registered;

  if (g_once_init_enter (&is_registered))
    { /* libetpan's list of extensions has no lock: it is written here only, before anything is parsed */
      mailimap_extension_register (&catch_all);
      g_once_init_leave (&is_registered, 1);
    }
}

gboolean
fm_etpan_catch_is (const struct mailimap_extension_data *data)
{
  return data->ext_extension == &catch_all;
}

FmImapLex
fm_etpan_catch_lex (const struct mailimap_extension_data *data, const MMAPString *buffer, GPtrArray *keep)
{
  const RawItem *item = data->ext_data;

  return (FmImapLex){ buffer->str + item->start, buffer->str + item->start + item->length, keep };
}
