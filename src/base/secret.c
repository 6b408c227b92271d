/* A secret lives in pages of its own, locked against swapping and left out of core dumps where the system allows; where it does not (a
 * tight RLIMIT_MEMLOCK), the program works on, since a password in swap is better than no mail. */
#include <fulmar/base/secret.h>

#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct FmSecret {
  atomic_int refs;
  gsize length;
  gsize mapped_bytes; /* 0: TEXT came from the heap because no page was to be had */
  char *text;
};

static void
take_memory (FmSecret *secret)
{
  gsize page = (gsize) sysconf (_SC_PAGESIZE);
  gsize size = (secret->length + page) / page * page; /* room for the NUL */
  void *memory = mmap (NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

  if (memory == MAP_FAILED)
    {
      secret->text = g_malloc0 (secret->length + 1);
      return;
    }
  secret->text = memory;
  secret->mapped_bytes = size;
  (void) mlock (memory, size);
#ifdef MADV_DONTDUMP
  (void) madvise (memory, size, MADV_DONTDUMP);
#endif
}

FmSecret *
fm_secret_new (const char *text, gssize size_bytes)
{
  FmSecret *secret = g_new0 (FmSecret, 1);

  atomic_init (&secret->refs, 1);
  secret->length = size_bytes < 0 ? strlen (text) : (gsize) size_bytes;
  take_memory (secret);
  if (secret->length > 0)
    memcpy (secret->text, text, secret->length);
  return secret;
}

FmSecret *
fm_secret_ref (FmSecret *secret)
{
  atomic_fetch_add_explicit (&secret->refs, 1, memory_order_relaxed);
  return secret;
}

void
fm_secret_unref (FmSecret *secret)
{
  if (secret == NULL || atomic_fetch_sub_explicit (&secret->refs, 1, memory_order_acq_rel) != 1)
    return;
  fm_secret_wipe (secret->text, secret->length);
  if (secret->mapped_bytes > 0)
    munmap (secret->text, secret->mapped_bytes);
  else
    g_free (secret->text);
  g_free (secret);
}

const char *
fm_secret_peek (const FmSecret *secret)
{
  return secret->text;
}

gsize
fm_secret_length (const FmSecret *secret)
{
  return secret->length;
}

void
fm_secret_wipe (void *memory, gsize size_bytes)
{
  if (size_bytes > 0)
    explicit_bzero (memory, size_bytes);
}
