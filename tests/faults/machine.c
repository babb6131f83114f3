/* A machine that dies or fills up, put under a process with LD_PRELOAD: it counts the calls that change files below one folder.
 *
 * kill_at(n, torn): at the n-th such call the process is killed as by `kill -9`: before it, or after a part of what it was to write.
 * full_at(n): from the n-th such call on, every write below the folder fails with ENOSPC. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

static char folder[4096];
static long long calls, kill_number = -1, full_number = -1, refused;
static int is_torn;
static char refused_call[5000];

void machine_watch(const char *path) { strncpy(folder, path, sizeof folder - 1); calls = refused = 0; kill_number = full_number = -1; }
void machine_kill_at(long long number, int torn) { kill_number = number; is_torn = torn; }
void machine_full_at(long long number) { full_number = number; }
long long machine_calls(void) { return calls; }
long long machine_refused(void) { return refused; }
const char *machine_first_refused(void) { return refused_call; }

#define REAL(result, name, ...) static result (*real)(__VA_ARGS__); if (!real) *(void **)&real = dlsym(RTLD_NEXT, name)

static int below(const char *path) { return folder[0] && path && !strncmp(path, folder, strlen(folder)); }

static int fd_below(int fd, char *path) {
  char link[64];
  if (!folder[0]) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t size = readlink(link, path, 4095);
  if (size <= 0) return 0;
  path[size] = 0;
  return below(path);
}

static int counts(void) {
  return __sync_add_and_fetch(&calls, 1) == kill_number;
}

static void die(void) { kill(getpid(), SIGKILL); pause(); }

/* Whether there is room for the write that was counted last. */
static int has_room(const char *path) {
  if (full_number < 0 || calls < full_number) return 1;
  if (__sync_add_and_fetch(&refused, 1) == 1) snprintf(refused_call, sizeof refused_call, "%s", path + strlen(folder));
  errno = ENOSPC;
  return 0;
}

ssize_t write(int fd, const void *data, size_t size) {
  REAL(ssize_t, "write", int, const void *, size_t);
  char path[4096];
  if (!fd_below(fd, path)) return real(fd, data, size);
  if (counts()) { if (is_torn) real(fd, data, size / 2); die(); }
  return has_room(path) ? real(fd, data, size) : -1;
}

static ssize_t at(ssize_t (*real)(int, const void *, size_t, off64_t), int fd, const void *data, size_t size, off64_t offset) {
  char path[4096];
  if (!fd_below(fd, path)) return real(fd, data, size, offset);
  if (counts()) { if (is_torn) real(fd, data, size / 2, offset); die(); }
  return has_room(path) ? real(fd, data, size, offset) : -1;
}
ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset) {
  REAL(ssize_t, "pwrite64", int, const void *, size_t, off64_t);
  return at(real, fd, data, size, offset);
}
ssize_t pwrite(int fd, const void *data, size_t size, off_t offset) { return pwrite64(fd, data, size, offset); }

static ssize_t send(ssize_t (*real)(int, int, off64_t *, size_t), int to, int from, off64_t *offset, size_t size) {
  char path[4096];
  if (!fd_below(to, path)) return real(to, from, offset, size);
  if (counts()) { if (is_torn) real(to, from, offset, 100); die(); }
  return has_room(path) ? real(to, from, offset, size) : -1;
}
ssize_t sendfile64(int to, int from, off64_t *offset, size_t size) {
  REAL(ssize_t, "sendfile64", int, int, off64_t *, size_t);
  return send(real, to, from, offset, size);
}
ssize_t sendfile(int to, int from, off_t *offset, size_t size) { return sendfile64(to, from, offset, size); }

static int truncated(int (*real)(int, off64_t), int fd, off64_t size) {
  char path[4096];
  if (fd_below(fd, path) && counts()) die();
  return real(fd, size);
}
int ftruncate64(int fd, off64_t size) { REAL(int, "ftruncate64", int, off64_t); return truncated(real, fd, size); }
int ftruncate(int fd, off_t size) { return ftruncate64(fd, size); }

#define PATH_CALL(name, declared, arguments, path, ...) \
  int name declared { REAL(int, #name, __VA_ARGS__); if (below(path) && counts()) die(); return real arguments; }

PATH_CALL(rename, (const char *from, const char *to), (from, to), to, const char *, const char *)
PATH_CALL(renameat, (int one, const char *from, int other, const char *to), (one, from, other, to), to, int, const char *, int, const char *)
PATH_CALL(unlink, (const char *path), (path), path, const char *)
PATH_CALL(rmdir, (const char *path), (path), path, const char *)
PATH_CALL(symlink, (const char *target, const char *path), (target, path), path, const char *, const char *)
PATH_CALL(mkdir, (const char *path, mode_t mode), (path, mode), path, const char *, mode_t)

/* shutil.rmtree names files by folder and name. */
int unlinkat(int fd, const char *name, int flags) {
  REAL(int, "unlinkat", int, const char *, int);
  char path[4096];
  if (fd_below(fd, path) && counts()) die();
  return real(fd, name, flags);
}
