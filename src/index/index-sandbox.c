/* Four fences, each optional: a user and network namespace, resource limits, landlock for files, seccomp for system calls. The filter
 * denies by EPERM rather than killing, and lists what is denied rather than what is allowed: libraries differ in the harmless calls they
 * make, and the files are landlock's business. */
#include "config.h"
#include "index/index-sandbox.h"
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef HAVE_LINUX_LANDLOCK_H
#include <linux/landlock.h>
#endif
#ifdef HAVE_SECCOMP
#include <seccomp.h>
#endif
#include "fulmar/base/log.h"
#include "fulmar/index/index.h"

#define ADDRESS_SPACE_BYTES (G_GUINT64_CONSTANT (4) << 30)
#define OPEN_FILES 256

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SHADOW_MEMORY 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define SHADOW_MEMORY 1
#endif
#endif
#ifndef SHADOW_MEMORY
#define SHADOW_MEMORY 0
#endif

static void
write_proc (const char *path, const char *text)
{
  int fd = open (path, O_WRONLY | O_CLOEXEC);
  if (fd < 0)
    return;
  if (write (fd, text, strlen (text)) < 0)
    fm_log_debug ("index worker: %s: %s", path, g_strerror (errno));
  close (fd);
}

/* The ids are mapped onto themselves, so that files keep their owner. */
static void
enter_namespaces (void)
{
  g_autofree char *uid_map = g_strdup_printf ("%u %u 1\n", geteuid (), geteuid ());
  g_autofree char *gid_map = g_strdup_printf ("%u %u 1\n", getegid (), getegid ());
  if (unshare (CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWIPC) != 0)
    {
      fm_log_debug ("index worker: no namespaces: %s", g_strerror (errno));
      return;
    }
  write_proc ("/proc/self/setgroups", "deny");
  write_proc ("/proc/self/uid_map", uid_map);
  write_proc ("/proc/self/gid_map", gid_map);
}

static void
limit (int resource, rlim_t value)
{
  struct rlimit now;
  if (getrlimit (resource, &now) != 0)
    return;
  now.rlim_cur = now.rlim_max = MIN (value, now.rlim_max);
  setrlimit (resource, &now);
}

#ifdef HAVE_LINUX_LANDLOCK_H
#define READING (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define WRITING                                                                                                                 \
  (LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR \
   | LANDLOCK_ACCESS_FS_MAKE_REG)
#define OTHERS                                                                                                             \
  (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO \
   | LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM)

static void
allow_path (int rules, const char *path, guint64 access_bits)
{
  int fd = path != NULL ? open (path, O_PATH | O_CLOEXEC) : -1;
  if (fd < 0)
    return;
  struct landlock_path_beneath_attr beneath = { .allowed_access = access_bits, .parent_fd = fd };
  if (syscall (SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0) != 0)
    fm_log_debug ("index worker: landlock refuses %s: %s", path, g_strerror (errno));
  close (fd);
}

/* Libraries stay readable: character set converters are loaded when a mail first needs one. */
static void
fence_files (const FmIndexSandboxPaths *paths)
{
  static const char *const system_dirs[]
      = { "/usr/lib", "/usr/lib64", "/usr/local/lib", "/lib", "/lib64", "/usr/share/zoneinfo", "/nix/store" };
  struct landlock_ruleset_attr attr = { .handled_access_fs = READING | WRITING | OTHERS };
  int rules = syscall (SYS_landlock_create_ruleset, &attr, sizeof attr, 0);
  if (rules < 0)
    {
      fm_log_debug ("index worker: no landlock: %s", g_strerror (errno));
      return;
    }
  for (gsize i = 0; i < G_N_ELEMENTS (system_dirs); i++)
    allow_path (rules, system_dirs[i], READING);
  allow_path (rules, paths->read_write, READING | WRITING);
  allow_path (rules, paths->read_only, READING);
  if (syscall (SYS_landlock_restrict_self, rules, 0) != 0)
    fm_log_debug ("index worker: landlock: %s", g_strerror (errno));
  close (rules);
}
#else
static void
fence_files (const FmIndexSandboxPaths *paths)
{
  fm_log_debug ("index worker: built without landlock");
}
#endif

#ifdef HAVE_SECCOMP
static void
fence_calls (void)
{
  static const int denied[] = {
    SCMP_SYS (socket),
    SCMP_SYS (socketpair),
    SCMP_SYS (connect),
    SCMP_SYS (bind),
    SCMP_SYS (listen),
    SCMP_SYS (accept),
    SCMP_SYS (accept4),
    SCMP_SYS (execve),
    SCMP_SYS (execveat),
    SCMP_SYS (fork),
    SCMP_SYS (vfork),
    SCMP_SYS (ptrace),
    SCMP_SYS (process_vm_readv),
    SCMP_SYS (process_vm_writev),
    SCMP_SYS (kill),
    SCMP_SYS (pidfd_open),
    SCMP_SYS (pidfd_getfd),
    SCMP_SYS (pidfd_send_signal),
    SCMP_SYS (mount),
    SCMP_SYS (umount2),
    SCMP_SYS (unshare),
    SCMP_SYS (setns),
    SCMP_SYS (chroot),
    SCMP_SYS (pivot_root),
    SCMP_SYS (bpf),
    SCMP_SYS (perf_event_open),
    SCMP_SYS (io_uring_setup),
    SCMP_SYS (keyctl),
    SCMP_SYS (add_key),
    SCMP_SYS (request_key),
    SCMP_SYS (userfaultfd),
    SCMP_SYS (open_by_handle_at),
    SCMP_SYS (init_module),
    SCMP_SYS (finit_module),
    SCMP_SYS (kexec_load),
    SCMP_SYS (shmget),
    SCMP_SYS (msgget),
    SCMP_SYS (semget),
    SCMP_SYS (mq_open),
    SCMP_SYS (personality),
  };
  scmp_filter_ctx filter = seccomp_init (SCMP_ACT_ALLOW);
  if (filter == NULL)
    return;
  int failed = 0;
  for (gsize i = 0; i < G_N_ELEMENTS (denied); i++)
    failed |= seccomp_rule_add (filter, SCMP_ACT_ERRNO (EPERM), denied[i], 0) != 0;
  /* A thread is a clone with CLONE_THREAD; clone3 hides its flags in memory, so the C library is told to use the other. */
  failed |= seccomp_rule_add (filter, SCMP_ACT_ERRNO (EPERM), SCMP_SYS (clone), 1, SCMP_A0 (SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0)) != 0;
  failed |= seccomp_rule_add (filter, SCMP_ACT_ERRNO (ENOSYS), SCMP_SYS (clone3), 0) != 0;
  int loaded = seccomp_load (filter);
  if (failed || loaded != 0)
    fm_log_debug ("index worker: system call filter: %s", loaded != 0 ? g_strerror (-loaded) : "not all rules were taken");
  seccomp_release (filter);
}
#else
static void
fence_calls (void)
{
  fm_log_debug ("index worker: built without a system call filter");
}
#endif

void
fm_index_sandbox_enter (const FmIndexSandboxPaths *paths)
{
  enter_namespaces ();
  limit (RLIMIT_CORE, 0);
  limit (RLIMIT_NOFILE, OPEN_FILES);
  if (!SHADOW_MEMORY)
    limit (RLIMIT_AS, ADDRESS_SPACE_BYTES);
  prctl (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  fence_files (paths);
  fence_calls ();
}

void
fm_index_sandbox_be_nice (void)
{
  enum { WHO_PROCESS = 1, CLASS_BEST_EFFORT_LOWEST = 2 << 13 | 7 };
  struct sched_param none = { 0 };
  if (setpriority (PRIO_PROCESS, 0, 19) != 0 || sched_setscheduler (0, SCHED_BATCH, &none) != 0
      || syscall (SYS_ioprio_set, WHO_PROCESS, 0, CLASS_BEST_EFFORT_LOWEST) != 0)
    fm_log_debug ("index worker: priority: %s", g_strerror (errno));
}

guint
fm_index_sandbox_probe (const char *forbidden_path)
{
  guint confined = 0;
  int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0)
    confined |= FM_INDEX_NO_SOCKET;
  else
    close (fd);
  fd = open (forbidden_path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    confined |= FM_INDEX_NO_FILE;
  else
    close (fd);
  /* A program that is not there tells a denied exec (EPERM) from one that is merely missing (ENOENT), and harms nothing. */
  char *const arguments[] = { (char *) "none", NULL };
  char *const environment[] = { NULL };
  if (execve ("/proc/self/none", arguments, environment) != 0 && errno != ENOENT)
    confined |= FM_INDEX_NO_EXEC;
  pid_t child = fork ();
  if (child == 0)
    _exit (0);
  if (child < 0)
    confined |= FM_INDEX_NO_FORK;
  else
    waitpid (child, NULL, 0);
  return confined;
}
