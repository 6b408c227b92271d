/* Mail that comes again and again from machines and offices, and so may be made by one here too: each series is a table of what differs. */
#include "mail/sample-private.h"
#include <string.h>

enum { DAY = 86400, HOUR = 3600 };

static FmSampleMail *
add (FmSampleBook *book, const char *folder, const char *from, gint64 age, const char *flags)
{
  FmSampleMail *mail = fm_sample_book_add (book, "-", folder, from, book->now_utc - age);

  g_free (mail->flags);
  mail->flags = g_strdup (flags);
  return mail;
}

static void
add_backups (FmSampleBook *book)
{
  for (guint week = 0; week < 40; week++)
    {
      guint files = 48210 + (40 - week) * 131 % 977, changed = 90 + week * 53 % 400;
      gboolean late = week == 6 || week == 23;
      FmSampleMail *mail = add (book, week < 2 ? "INBOX" : "Archive", "tern", week * 7 * DAY + 5 * HOUR, week == 0 ? "U" : "");
      mail->subject = g_strdup_printf ("tern: weekly backup %s", late ? "finished late" : "done");
      mail->body = g_strdup_printf ("backup of /home and /srv to the shed\n\n"
                                    "    files looked at   %8u\n"
                                    "    files copied      %8u\n"
                                    "    bytes copied      %8u MiB\n"
                                    "    disk free         %8u GiB\n\n%s\n",
                                    files, changed, changed * 3 + 17, 410 - (40 - week) * 2,
                                    late ? "The shed was without power until 04:10; nothing was skipped." : "Nothing to report.");
    }
}

static void
add_builds (FmSampleBook *book)
{
  static const char *const what[] = { "list: keep the row under the cursor when mail arrives", "html: number links once",
                                      "imap: ask for capabilities again after signing in", "index: commit when nothing comes for a second",
                                      "compose: put the cursor below the quotation" };

  for (guint n = 0; n < 36; n++)
    {
      gboolean failed = n % 9 == 4;
      FmSampleMail *mail = add (book, "Lists/fulmar-devel", "builder", n * 6 * DAY + n % 5 * 3 * HOUR + 2 * HOUR, n < 2 ? "U" : "");
      mail->subject = g_strdup_printf ("[build %u] %s: %s", 980 - n * 3, failed ? "failed" : "passed", what[n % G_N_ELEMENTS (what)]);
      mail->body = g_strdup_printf ("Commit %08x on main\n\n"
                                    "    gcc      %s\n    clang    passed\n    asan     passed\n    tests    %u passed, %u failed\n\n"
                                    "Log: https://builds.example.org/fulmar/%u\n",
                                    g_str_hash (what[n % G_N_ELEMENTS (what)]) + n * 7919, failed ? "passed with 1 warning" : "passed",
                                    640 - n * 4, failed ? 1 + n % 3 : 0, 980 - n * 3);
    }
}

static void
add_tides (FmSampleBook *book)
{
  static const char *const notes[]
      = { "The east steps are slippery until they are brushed on Thursday.", "Rowers keep north of the red buoy while the dredger works.",
          "The bell buoy is silent; the gulls have been told.", "Visitors' berths 4 to 9 are free all week.",
          "Seals on the slipway: walk around them, they were here first." };

  for (guint week = 0; week < 26; week++)
    {
      FmSampleMail *mail = add (book, week < 2 ? "INBOX" : "Archive", "harbour", week * 7 * DAY + 30 * HOUR, week == 0 ? "U" : "");
      GString *body = g_string_new ("High and low water at the old quay, local time:\n\n");
      for (guint day = 0; day < 7; day++)
        {
          guint high = (week * 347 + day * 49 + 90) % 720, low = (high + 372) % 1440;
          g_string_append_printf (body, "    %-4s high %02u:%02u  %u.%u m    low %02u:%02u  0.%u m\n",
                                  &"Mon\0Tue\0Wed\0Thu\0Fri\0Sat\0Sun"[day * 4], high / 60, high % 60, 2 + day % 2, (week + day) % 10,
                                  low / 60, low % 60, (week + 3 * day) % 8 + 1);
        }
      g_string_append_printf (body, "\n%s\n", notes[week % G_N_ELEMENTS (notes)]);
      mail->subject = g_strdup ("Tide table for the week");
      mail->body = g_string_free (body, FALSE);
    }
}

static void
add_library (FmSampleBook *book)
{
  static const char *const books[] = { "A Field Guide to Small Islands", "The Clockmaker's Daughter-in-Law", "Bread Without Hurry",
                                       "Knots, and How to Forgive Them", "The Quiet Grammar of Birds",       "Maps of Places That Moved",
                                       "Winter in the Signal House",     "An Honest Guide to Mushrooms" };

  for (guint n = 0; n < 16; n++)
    {
      const char *title = books[n % G_N_ELEMENTS (books)];
      gboolean ready = n % 2 == 0;
      FmSampleMail *mail = add (book, n == 0 ? "INBOX" : "Archive", "library", n * 21 * DAY + 9 * HOUR + DAY, "");
      mail->subject = g_strdup_printf (ready ? "Waiting for you: %s" : "Due on Saturday: %s", title);
      mail->body
          = g_strdup_printf (ready ? "The book you asked for is on the shelf behind the desk, under E.\n\n    %s\n\n"
                                     "We keep it for ten days. The reading room has its stove again.\n"
                                   : "The book below is due back on Saturday. You may keep it two weeks longer if nobody else asks for "
                                     "it: answer this mail with one word.\n\n    %s\n",
                             title);
    }
}

static void
add_receipts (FmSampleBook *book)
{
  static const struct {
    const char *from, *subject, *body;
  } shops[] = {
    { "bakery", "Your Saturday basket",
      "Good morning! Your basket for Saturday is set aside.\nRye loaf, large | 4.80\nSix poppy rolls | 3.60\n"
      "Cardamom bun | 2.40\nTotal | 10.80\nIt waits until noon. After that the geese get the buns.\n" },
    { "rail", "Your journey: receipt",
      "Thank you for travelling with Northern Coast Rail.\nHarbour to Upper Lock, second class | 18.50\n"
      "Bicycle | 4.00\nSeat by the window | 0.00\nTotal | 22.50\nYour ticket is on your phone and in this mail.\n" },
    { "paper", "Order confirmed",
      "We packed your order this morning.\nNotebook, dotted, blue | 9.90\nInk, storm grey, 50 ml | 14.00\n"
      "Postage | 3.20\nTotal | 27.10\nReturns are free within thirty days, except for ink that was tried.\n" },
  };

  for (guint n = 0; n < 30; n++)
    {
      guint shop = n % G_N_ELEMENTS (shops);
      FmSampleMail *mail = add (book, shop == 1 ? "Travel" : n < 3 ? "INBOX" : "Archive", shops[shop].from, n * 11 * DAY + 60 * HOUR, "");
      mail->kind = (g_free (mail->kind), g_strdup ("receipt"));
      mail->subject = g_strdup_printf ("%s (no. %u)", shops[shop].subject, 7741 - n * 13);
      mail->body = g_strdup (shops[shop].body);
    }
}

void
fm_sample_series_add (FmSampleBook *book)
{
  add_backups (book);
  add_builds (book);
  add_tides (book);
  add_library (book);
  add_receipts (book);
}
