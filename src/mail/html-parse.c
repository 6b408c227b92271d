/* gumbo on a leash. Its allocator hook can't report failure, so a bound is left by longjmp: everything it made lies in our arena and goes
 * with it. Unbounded, 5,000 nested tables take 809 MB and 20,000 hang; here they end in the stripper after 250 ms of our own thread's time
 * (processor time: a loaded machine must not change how a mail looks). Freed pieces are kept by size class, since gumbo grows its buffers by
 * copying. */
#include "config.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "mail/html-private.h"

#define CHUNK_BYTES (256u << 10)
#define N_CLASSES 40
#define CHECK_EVERY 64

typedef struct Chunk {
  struct Chunk *next;
  gsize used, size;
  _Alignas(16) char bytes[];
} Chunk;

/* Before each piece handed out; a free piece keeps the next one's address in its first bytes. */
typedef struct {
  _Alignas(16) gsize class_index;
} Piece;

typedef struct {
  Chunk *chunks;
  Piece *free[N_CLASSES];
  gsize total, limit;
  gint64 deadline_ns;
  guint calls;
  jmp_buf out;
} Arena;

static gint64
thread_cpu_ns (void)
{
  struct timespec t;
  clock_gettime (CLOCK_THREAD_CPUTIME_ID, &t);
  return (gint64) t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Classes 16, 24, 32, 48, 64, 96, ...: the class and its size. */
static gsize
class_of (gsize size, gsize *ret_size)
{
  gsize index = 0, s = 16;
  while (s < size)
    {
      s = index % 2 ? s / 3 * 4 : s / 2 * 3;
      index++;
    }
  *ret_size = (s + 15) & ~(gsize) 15;
  return index;
}

static void *
arena_take (Arena *arena, gsize size)
{
  Chunk *chunk = arena->chunks;
  if (!chunk || chunk->size - chunk->used < size)
    {
      gsize chunk_size = MAX (size, CHUNK_BYTES);
      if (arena->total + chunk_size > arena->limit)
        longjmp (arena->out, 1);
      chunk = g_try_malloc (sizeof (Chunk) + chunk_size);
      if (!chunk)
        longjmp (arena->out, 1);
      *chunk = (Chunk){ .next = arena->chunks, .size = chunk_size };
      arena->chunks = chunk;
      arena->total += chunk_size;
    }
  void *bytes = chunk->bytes + chunk->used;
  chunk->used += size;
  return bytes;
}

static void *
arena_alloc (void *userdata, size_t size)
{
  Arena *arena = userdata;
  gsize full = 0;
  if (++arena->calls % CHECK_EVERY == 0 && thread_cpu_ns () > arena->deadline_ns)
    longjmp (arena->out, 1);
  if (size > arena->limit)
    longjmp (arena->out, 1);
  gsize index = class_of (size, &full);
  Piece *piece = arena->free[index];
  if (piece)
    arena->free[index] = *(Piece **) (gpointer) (piece + 1);
  else
    piece = arena_take (arena, full + sizeof (Piece));
  piece->class_index = index;
  return piece + 1;
}

static void
arena_free (void *userdata, void *memory)
{
  Arena *arena = userdata;
  if (!memory)
    return;
  Piece *piece = (Piece *) memory - 1;
  *(Piece **) memory = arena->free[piece->class_index];
  arena->free[piece->class_index] = piece;
}

static void
arena_clear (Arena *arena)
{
  while (arena->chunks)
    {
      Chunk *next = arena->chunks->next;
      g_free (arena->chunks);
      arena->chunks = next;
    }
}

static const GumboOutput *
parse_guarded (Arena *arena, const GumboOptions *options, const char *html, gsize size)
{
  if (setjmp (arena->out))
    return NULL;
  return gumbo_parse_with_options (options, html, size);
}

gboolean
fm_html_parse_run (const char *html, gsize size, gsize arena_bytes, guint cpu_ms, FmHtmlParseVisit visit, gpointer data)
{
  Arena *arena = g_new0 (Arena, 1);
  GumboOptions options = kGumboDefaultOptions;
  arena->limit = arena_bytes;
  arena->deadline_ns = thread_cpu_ns () + (gint64) cpu_ms * 1000000;
  options.allocator = arena_alloc;
  options.deallocator = arena_free;
  options.userdata = arena;
  options.max_errors = 0;
  const GumboOutput *output = parse_guarded (arena, &options, html, size);
  if (output)
    visit (output, data);
  arena_clear (arena);
  g_free (arena);
  return output != NULL;
}
