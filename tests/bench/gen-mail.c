/* gen-mail DIR COUNT: fills the Maildir DIR with COUNT mails, the same ones every time: 1-4 kB, two of three in threads, one a minute up to
 * 1 November 2026, all read. The subject of the mail N holds "b" and N in seven digits, the newest being COUNT - 1; BENCH_RARE is in the body
 * of every 20,000th (and of the first), BENCH_COMMON in one of a hundred. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LAST_MAIL 1793491200
#define BENCH_RARE "zanthoxylum"
#define BENCH_COMMON "parergon"

static const char *const words[]
    = { "bridge", "meadow", "copper", "lantern", "harvest", "orbit",  "quarry", "ribbon", "salt",   "timber", "umbra", "violet", "willow",
        "yarn",   "zenith", "anchor", "basalt",  "cedar",   "dynamo", "ember",  "fable",  "gravel", "hollow", "iris",  "jetty",  "kernel" };
static const char *const names[]
    = { "Aino Virta", "Bela Kiss", "Chipo Moyo", "Dag Lund", "Eun Park", "Filip Novak", "Gita Rao", "Hana Abe" };

/* splitmix64: one number decides all of a mail. */
static uint64_t
mix (uint64_t *seed)
{
  uint64_t z = (*seed += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

#define PICK(list, seed) list[mix (seed) % (sizeof list / sizeof *list)]

static void
fail (const char *path)
{
  fprintf (stderr, "gen-mail: %s: %s\n", path, strerror (errno));
  exit (1);
}

static void
write_body (FILE *out, uint64_t number, uint64_t *seed)
{
  uint64_t lines = 12 + mix (seed) % 45;

  for (uint64_t line = 0; line < lines; line++)
    {
      for (int i = 0; i < 9; i++)
        fprintf (out, "%s ", PICK (words, seed));
      fputs ("\r\n", out);
    }
  if (number % 20000 == 0)
    fputs ("the bark of " BENCH_RARE "\r\n", out);
  if (number % 100 == 7)
    fputs ("a " BENCH_COMMON " of sorts\r\n", out);
}

static void
write_mail (FILE *out, uint64_t number, time_t when)
{
  uint64_t seed = number, parent = number - 1 - mix (&seed) % 50;
  int is_reply = number > 50 && mix (&seed) % 3 != 0;
  const char *name = PICK (names, &seed);
  char date[64];
  struct tm parts;

  gmtime_r (&when, &parts);
  strftime (date, sizeof date, "%a, %d %b %Y %H:%M:%S +0000", &parts);
  fprintf (out, "Date: %s\r\nFrom: %s <%.4s%u@example.org>\r\nTo: Ada <ada@localhost>\r\n", date, name, name,
           (unsigned) (mix (&seed) % 400));
  fprintf (out, "Subject: %sb%07" PRIu64 " %s and %s\r\nMessage-ID: <%" PRIu64 "@bench.example>\r\n", is_reply ? "Re: " : "", number,
           PICK (words, &seed), PICK (words, &seed), number);
  if (is_reply)
    fprintf (out, "In-Reply-To: <%" PRIu64 "@bench.example>\r\nReferences: <%" PRIu64 "@bench.example>\r\n", parent, parent);
  fputs ("MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n", out);
  write_body (out, number, &seed);
}

int
main (int argc, char **argv)
{
  static const char *const parts[] = { "", "/cur", "/new", "/tmp" };
  char path[4096];

  if (argc != 3)
    {
      fprintf (stderr, "usage: gen-mail DIR COUNT\n");
      return 2;
    }
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
    {
      snprintf (path, sizeof path, "%s%s", argv[1], parts[i]);
      if (mkdir (path, 0755) != 0 && errno != EEXIST)
        fail (path);
    }
  uint64_t count = strtoull (argv[2], NULL, 10);
  for (uint64_t number = 0; number < count; number++)
    {
      time_t when = LAST_MAIL - (time_t) (count - number) * 60;
      snprintf (path, sizeof path, "%s/cur/%lld.M%" PRIu64 "P1.bench:2,S", argv[1], (long long) when, number);
      FILE *out = fopen (path, "w");
      if (out == NULL)
        fail (path);
      write_mail (out, number, when);
      struct timespec times[2] = { { when, 0 }, { when, 0 } };
      if (fflush (out) != 0 || futimens (fileno (out), times) != 0 || fclose (out) != 0)
        fail (path);
    }
  return 0;
}
