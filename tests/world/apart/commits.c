// Loaded into a Baton by LD_PRELOAD: counts the commits of one SQLite database by what is written to its log, and ends the
// process around the one it is told to, or lets the disk refuse it. So the program under test knows nothing of it.
//
// BATON_FALL_LOG names the log (…/baton.db-wal), BATON_FALL_BOOK a file of `struct book`, shared with whoever tells.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

// What `target` is told to do: end the process before the commit's first byte, after it, or when all of it is on disk and
// nobody knows; or refuse this and the next `times` syncs with `fault`.
enum { NOTHING, BEFORE, AMID, AFTER, REFUSE };

struct book {
  uint64_t commits, target, moment, fault, times;
};

static volatile struct book *book;
static char log_path[4096];
static volatile int dirty;
static volatile uint64_t mine;

__attribute__((constructor)) static void open_book(void) {
  const char *file = getenv("BATON_FALL_BOOK"), *log = getenv("BATON_FALL_LOG");
  // What this process starts is another program.
  unsetenv("LD_PRELOAD");
  if (!file || !log || strlen(log) >= sizeof log_path) return;
  strcpy(log_path, log);
  int fd = open(file, O_RDWR | O_CLOEXEC);
  if (fd < 0) return;
  void *map = mmap(NULL, sizeof(struct book), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (map != MAP_FAILED) book = map;
}

static int is_log(int fd) {
  if (!book) return 0;
  int before = errno;
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  errno = before;
  return length > 0 && (size_t)length == strlen(log_path) && memcmp(path, log_path, (size_t)length) == 0;
}

static void fall(void) {
  kill(getpid(), SIGKILL);
  for (;;) pause();
}

static int is_meant(uint64_t moment) { return book->target == mine && book->moment == moment; }

static void before_write(void) {
  if (dirty) return;
  dirty = 1;
  mine = __atomic_add_fetch(&book->commits, 1, __ATOMIC_SEQ_CST);
  if (is_meant(BEFORE)) fall();
}

static void after_write(void) {
  if (is_meant(AMID)) fall();
}

#define WRITES(name, parameters, arguments)                                              \
  ssize_t name parameters {                                                              \
    static ssize_t(*real) parameters;                                                    \
    if (!real) real = (ssize_t(*) parameters)dlsym(RTLD_NEXT, #name);                    \
    if (!is_log(fd)) return real arguments;                                              \
    before_write();                                                                      \
    ssize_t written = real arguments;                                                    \
    after_write();                                                                       \
    return written;                                                                      \
  }

WRITES(write, (int fd, const void *bytes, size_t count), (fd, bytes, count))
WRITES(pwrite, (int fd, const void *bytes, size_t count, off_t at), (fd, bytes, count, at))
WRITES(pwrite64, (int fd, const void *bytes, size_t count, off64_t at), (fd, bytes, count, at))

#define SYNCS(name)                                                                      \
  int name(int fd) {                                                                     \
    static int (*real)(int);                                                             \
    if (!real) real = (int (*)(int))dlsym(RTLD_NEXT, #name);                             \
    if (!is_log(fd) || !dirty) return real(fd);                                          \
    dirty = 0;                                                                           \
    if (book->moment == REFUSE && mine >= book->target && mine < book->target + book->times) { \
      errno = (int)book->fault;                                                          \
      return -1;                                                                         \
    }                                                                                    \
    int done = real(fd);                                                                 \
    if (is_meant(AFTER)) fall();                                                         \
    return done;                                                                         \
  }

SYNCS(fsync)
SYNCS(fdatasync)
