/* Lies to one process about its disk and its clock, as a control file says that it shares with whoever tests it.
 *
 * Loaded in front of libc. Below the control's folder every call of a named kind fails with its errno; the wall clock is
 * off by its step. Without a control nothing is changed. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

struct control {
    volatile int64_t clock_step_ns;
    volatile int32_t error; /* an errno; 0: the disk is well */
    volatile int32_t kinds; /* bits of `enum kind` */
    volatile int64_t failed; /* calls that were let fail */
    char folder[488];
};

enum kind { WRITES = 1, SYNCS = 2 };

static struct control *control;

void kiln_control(const char *path) {
    int handle = open(path, O_RDWR | O_CLOEXEC);
    if (handle < 0) return;
    void *shared = mmap(NULL, sizeof(struct control), PROT_READ | PROT_WRITE, MAP_SHARED, handle, 0);
    close(handle);
    if (shared != MAP_FAILED) control = shared;
}

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("KILN_CONTROL");
    if (path) kiln_control(path);
}

static int fails(int handle, enum kind kind) {
    char link[64], path[4096];
    if (!control || !control->error || !(control->kinds & kind)) return 0;
    int before = errno;
    snprintf(link, sizeof link, "/proc/self/fd/%d", handle);
    ssize_t length = readlink(link, path, sizeof path - 1);
    errno = before;
    if (length < 0) return 0;
    path[length] = 0;
    if (strncmp(path, control->folder, strlen(control->folder))) return 0;
    __sync_fetch_and_add(&control->failed, 1);
    errno = control->error;
    return 1;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define REPLACED(kind, type, name, arguments, names)             \
    type name arguments {                                        \
        static __typeof__(&name) real;                           \
        if (!real) real = REAL(name);                            \
        return fails(handle, kind) ? -1 : real names;            \
    }

REPLACED(WRITES, ssize_t, write, (int handle, const void *from, size_t size), (handle, from, size))
REPLACED(WRITES, ssize_t, pwrite, (int handle, const void *from, size_t size, off_t at), (handle, from, size, at))
REPLACED(WRITES, ssize_t, pwrite64, (int handle, const void *from, size_t size, off64_t at), (handle, from, size, at))
REPLACED(WRITES, ssize_t, writev, (int handle, const struct iovec *from, int count), (handle, from, count))
REPLACED(SYNCS, int, fsync, (int handle), (handle))
REPLACED(SYNCS, int, fdatasync, (int handle), (handle))

static int64_t step(void) { return control ? control->clock_step_ns : 0; }

int clock_gettime(clockid_t which, struct timespec *to) {
    static __typeof__(&clock_gettime) real;
    if (!real) real = REAL(clock_gettime);
    int result = real(which, to);
    if (!result && (which == CLOCK_REALTIME || which == CLOCK_REALTIME_COARSE)) {
        int64_t now = to->tv_sec * INT64_C(1000000000) + to->tv_nsec + step();
        to->tv_sec = now / 1000000000;
        to->tv_nsec = now % 1000000000;
    }
    return result;
}

int gettimeofday(struct timeval *restrict to, void *restrict zone) {
    static __typeof__(&gettimeofday) real;
    if (!real) real = REAL(gettimeofday);
    int result = real(to, zone);
    if (!result) to->tv_sec += step() / 1000000000;
    return result;
}

time_t time(time_t *to) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (to) *to = now.tv_sec;
    return now.tv_sec;
}
