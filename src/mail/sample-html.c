/* The sample's HTML: a newsletter laid out with tables within tables, as newsletters are, and shop receipts; both from plain notes. In a newsletter
 * "# Title | https://link" begins a story and the lines below are its text; in a receipt "thing | price" is a row. */
#include "mail/sample-private.h"
#include <string.h>

#define NEWS_HEAD                                                                                 \
  "<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\"><title>The Harbour Letter</title>\n"      \
  "<style>.story { padding: 12px } .foot { color: #777777; font-size: 11px }</style></head>\n"    \
  "<body bgcolor=\"#eef3f6\"><div style=\"display:none\">Tides, people, bread and boats.</div>\n" \
  "<table width=\"100%\" cellpadding=\"0\" cellspacing=\"0\"><tr><td align=\"center\">\n"         \
  "<table width=\"600\" cellpadding=\"0\" cellspacing=\"0\" bgcolor=\"#ffffff\">\n"               \
  "<tr><td bgcolor=\"#16425b\" style=\"color:#ffffff\"><h1>The Harbour Letter</h1></td></tr>\n"

static void
append_story (GString *html, const char *heading)
{
  g_auto (GStrv) halves = g_strsplit (heading, " | ", 2);
  g_autofree char *title = g_markup_escape_text (halves[0], -1);

  g_string_append (html, "<tr><td class=\"story\"><table width=\"100%\"><tr><td width=\"60\" valign=\"top\">"
                         "<img src=\"https://pictures.example.org/gull.png\" width=\"48\" alt=\"\"></td><td>");
  if (halves[1] != NULL)
    g_string_append_printf (html, "<h2><a href=\"%s?utm_source=letter\">%s</a></h2>\n", halves[1], title);
  else
    g_string_append_printf (html, "<h2>%s</h2>\n", title);
}

char *
fm_sample_html_news (const FmSampleMail *mail)
{
  g_auto (GStrv) lines = g_strsplit (mail->body, "\n", -1);
  GString *html = g_string_new (NEWS_HEAD);
  gboolean in_story = FALSE;

  for (guint i = 0; lines[i] != NULL; i++)
    if (g_str_has_prefix (lines[i], "# "))
      {
        g_string_append (html, in_story ? "</td></tr></table></td></tr>\n" : "");
        append_story (html, lines[i] + 2);
        in_story = TRUE;
      }
    else if (lines[i][0] != '\0')
      {
        g_autofree char *text = g_markup_escape_text (lines[i], -1);
        g_string_append_printf (html, in_story ? "<p>%s</p>\n" : "<tr><td class=\"story\"><p><i>%s</i></p></td></tr>\n", text);
      }
  g_string_append (html, in_story ? "</td></tr></table></td></tr>\n" : "");
  g_string_append (html, "<tr><td class=\"foot\"><p>You get this letter because you signed the list on the ferry. "
                         "<a href=\"https://letter.example.org/archive\">All letters</a> &middot; "
                         "<a href=\"https://letter.example.org/leave?u=ada\">Leave the list</a></p></td></tr>\n"
                         "</table></td></tr></table></body></html>\n");
  return g_string_free (html, FALSE);
}

char *
fm_sample_html_receipt (const FmSampleMail *mail)
{
  g_auto (GStrv) lines = g_strsplit (mail->body, "\n", -1);
  GString *html = g_string_new ("<html><body style=\"font-family: Georgia, serif\">\n");
  gboolean in_table = FALSE;

  for (guint i = 0; lines[i] != NULL; i++)
    {
      g_auto (GStrv) cells = g_strsplit (lines[i], " | ", 2);
      g_autofree char *left = cells[0] != NULL ? g_markup_escape_text (cells[0], -1) : g_strdup ("");
      gboolean is_row = cells[0] != NULL && cells[1] != NULL;
      if (is_row != in_table)
        g_string_append (html, is_row ? "<table border=\"1\" cellpadding=\"4\">\n<tr><th>Item</th><th align=\"right\">Price</th></tr>\n"
                                      : "</table>\n");
      in_table = is_row;
      if (is_row)
        g_string_append_printf (html, "<tr><td>%s</td><td align=\"right\">%s</td></tr>\n", left, cells[1]);
      else if (left[0] != '\0')
        g_string_append_printf (html, "<p>%s</p>\n", left);
    }
  g_string_append (html, in_table ? "</table></body></html>\n" : "</body></html>\n");
  return g_string_free (html, FALSE);
}
