/* timeshim: moves the clocks that programs in the view see.
 *
 *   cc -O2 -shared -fPIC -o timeshim.so timeshim.c        named in the view's /etc/ld.so.preload
 *
 * CLOCK_REALTIME (and with it time and gettimeofday) is shifted by the whole seconds written in
 * /run/twostep-clock/realtime, CLOCK_BOOTTIME by those in /run/twostep-clock/boottime. A missing
 * file means 0. CLOCK_MONOTONIC stays, so timeouts take as long as they say. The file is read at
 * each call: a moved clock counts at once, in every running process, however it was started.
 *
 * It lives in every program of the view, setuid ones too, so it keeps no descriptor open, leaves
 * errno alone, allocates nothing and starts from system calls, not from symbols it would replace.
 * Where the file cannot be opened for another reason than being absent (sshd's sandbox, no free
 * descriptor), the shift read before still counts.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

struct shift {
    const char *path;
    long seconds;
};

static struct shift realtime = { "/run/twostep-clock/realtime", 0 };
static struct shift boottime = { "/run/twostep-clock/boottime", 0 };

static long whole_number(const char *text, long length)
{
    long value = 0, i = 0;
    int negative = length > 0 && text[0] == '-';

    if (length > 0 && (text[0] == '-' || text[0] == '+'))
        i = 1;
    for (; i < length && text[i] >= '0' && text[i] <= '9'; i++)
        value = value * 10 + (text[i] - '0');
    return negative ? -value : value;
}

static long read_shift(struct shift *shift)
{
    char text[16]; /* a sign and the seconds of thirty million years */
    long length;
    int kept = errno;
    int fd = (int)syscall(SYS_openat, AT_FDCWD, shift->path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

    if (fd >= 0) {
        length = syscall(SYS_read, fd, text, sizeof text);
        syscall(SYS_close, fd);
        if (length >= 0)
            shift->seconds = whole_number(text, length);
    } else if (errno == ENOENT) {
        shift->seconds = 0;
    }
    errno = kept;
    return shift->seconds;
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    if (syscall(SYS_clock_gettime, clock, now) != 0)
        return -1;
    if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)
        now->tv_sec += read_shift(&realtime);
    else if (clock == CLOCK_BOOTTIME)
        now->tv_sec += read_shift(&boottime);
    return 0;
}

time_t time(time_t *result)
{
    struct timespec now;

    if (clock_gettime(CLOCK_REALTIME_COARSE, &now) != 0)
        return (time_t)-1;
    if (result != NULL)
        *result = now.tv_sec;
    return now.tv_sec;
}

int gettimeofday(struct timeval *restrict result, void *restrict zone)
{
    struct timespec now;

    if (clock_gettime(CLOCK_REALTIME, &now) != 0)
        return -1;
    if (zone != NULL)
        *(struct timezone *)zone = (struct timezone){ 0, 0 };
    result->tv_sec = now.tv_sec;
    result->tv_usec = now.tv_nsec / 1000;
    return 0;
}

int timespec_get(struct timespec *now, int base)
{
    if (base != TIME_UTC || clock_gettime(CLOCK_REALTIME, now) != 0)
        return 0;
    return base;
}
