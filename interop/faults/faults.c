// A library to preload (LD_PRELOAD): counts the calls that change a file system, and lets one of them fail
// or kills the process there.
//
//   FAULT_LOG=FILE    the number of calls is written to FILE when the process ends
//   FAULT_AT=N        the Nth call, from 1, is the one
//   FAULT_KIND=KIND   kill-before, kill-after, EIO or ENOSPC
//
// Built by interop/check_faults.py: cc -shared -fPIC -O1 -o faults.so faults.c -ldl
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

static atomic_long calls;

static long wanted(void) {
  const char *text = getenv("FAULT_AT");
  return text ? atol(text) : 0;
}

static int is_kind(const char *kind) {
  const char *text = getenv("FAULT_KIND");
  return text && strcmp(text, kind) == 0;
}

// Counts a call. Returns 1 when it must fail, with errno set; *after is 1 when the process dies after it.
static int counted(int *after) {
  long number = atomic_fetch_add(&calls, 1) + 1;
  *after = 0;
  if (number != wanted()) return 0;
  if (is_kind("kill-before")) kill(getpid(), SIGKILL);
  if (is_kind("kill-after")) {
    *after = 1;
    return 0;
  }
  errno = is_kind("ENOSPC") ? ENOSPC : EIO;
  return 1;
}

__attribute__((destructor)) static void report(void) {
  const char *path = getenv("FAULT_LOG");
  if (!path) return;
  int (*real_open)(const char *, int, ...) = dlsym(RTLD_NEXT, "open");
  ssize_t (*real_write)(int, const void *, size_t) = dlsym(RTLD_NEXT, "write");
  int descriptor = real_open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
  char text[32];
  int length = snprintf(text, sizeof text, "%ld\n", atomic_load(&calls));
  if (descriptor >= 0) {
    if (real_write(descriptor, text, (size_t)length) != length) abort();
    close(descriptor);
  }
}

#define CALL(type, name, parameters, arguments) \
  type name parameters { \
    static type(*real) parameters; \
    if (!real) real = dlsym(RTLD_NEXT, #name); \
    int after; \
    if (counted(&after)) return -1; \
    type result = real arguments; \
    if (after) kill(getpid(), SIGKILL); \
    return result; \
  }

CALL(int, fsync, (int descriptor), (descriptor))
CALL(int, rename, (const char *from, const char *to), (from, to))
CALL(int, unlink, (const char *path), (path))
CALL(int, rmdir, (const char *path), (path))
CALL(int, mkdir, (const char *path, mode_t mode), (path, mode))
CALL(int, mkstemp, (char *path), (path))
CALL(int, ftruncate, (int descriptor, off_t length), (descriptor, length))
CALL(
    ssize_t, pwrite, (int descriptor, const void *bytes, size_t count, off_t offset),
    (descriptor, bytes, count, offset))

// Terminals and pipes are not files that have to be safe.
ssize_t write(int descriptor, const void *bytes, size_t count) {
  static ssize_t (*real)(int, const void *, size_t);
  if (!real) real = dlsym(RTLD_NEXT, "write");
  int after = 0;
  if (descriptor > 2 && counted(&after)) return -1;
  ssize_t result = real(descriptor, bytes, count);
  if (after) kill(getpid(), SIGKILL);
  return result;
}

static int opened(const char *name, const char *path, int flags, mode_t mode) {
  int (*real)(const char *, int, ...) = dlsym(RTLD_NEXT, name);
  int after = 0;
  if ((flags & O_CREAT) && counted(&after)) return -1;
  int result = real(path, flags, mode);
  if (after) kill(getpid(), SIGKILL);
  return result;
}

int open(const char *path, int flags, ...) {
  va_list list;
  va_start(list, flags);
  mode_t mode = flags & O_CREAT ? va_arg(list, mode_t) : 0;
  va_end(list);
  return opened("open", path, flags, mode);
}

int open64(const char *path, int flags, ...) {
  va_list list;
  va_start(list, flags);
  mode_t mode = flags & O_CREAT ? va_arg(list, mode_t) : 0;
  va_end(list);
  return opened("open64", path, flags, mode);
}
