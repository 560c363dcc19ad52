/* scarce - a preloaded library that moves half of what one read or write is about, or has no memory for
 * one allocation.
 *
 *   cc -O2 -Wall -Wextra -shared -fPIC -o libtwostep-scarce.so scarce.c
 *   LD_PRELOAD=libtwostep-scarce.so [SCARCE_TRANSFER=N] [SCARCE_ALLOCATION=N] [SCARCE_TOLD=FILE] PROGRAM
 *
 * The N-th call of read, pread64, write and pwrite64 that a process makes, all counted together, gets
 * half of its length; the kernel may do that to every caller. The N-th of malloc, calloc and realloc
 * returns nothing. A program that the process executes with an empty environment inherits all this. At
 * its end each of them appends to FILE how many calls of both there were. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);

static long transfers, allocations;
static long scarce_transfer = -1, scarce_allocation = -1;

static long number(const char *name)
{
	const char *text = getenv(name);

	return text ? atol(text) : -1;
}

__attribute__((constructor)) static void begin(void)
{
	scarce_transfer = number("SCARCE_TRANSFER");
	scarce_allocation = number("SCARCE_ALLOCATION");
}

__attribute__((destructor)) static void end(void)
{
	char text[96];
	int length = snprintf(text, sizeof text, "transfers %ld\nallocations %ld\n", transfers, allocations);
	const char *told = getenv("SCARCE_TOLD");
	int fd = told ? open(told, O_WRONLY | O_APPEND | O_CLOEXEC) : -1;

	if (fd >= 0)
		syscall(SYS_write, fd, text, (size_t)length);
}

int execve(const char *path, char *const arguments[], char *const environment[])
{
	char *ours[5];
	int count = 0;

	for (char **each = environ; *each && count < 4; each++)
		if (!strncmp(*each, "SCARCE_", 7) || !strncmp(*each, "LD_PRELOAD=", 11))
			ours[count++] = *each;
	ours[count] = NULL;
	return (int)syscall(SYS_execve, path, arguments, environment[0] ? environment : ours);
}

static size_t half(size_t length)
{
	return __atomic_add_fetch(&transfers, 1, __ATOMIC_RELAXED) == scarce_transfer && length > 1 ? length / 2 : length;
}

static int is_scarce(void)
{
	if (__atomic_add_fetch(&allocations, 1, __ATOMIC_RELAXED) != scarce_allocation)
		return 0;
	errno = ENOMEM;
	return 1;
}

ssize_t read(int fd, void *to, size_t length)
{
	return syscall(SYS_read, fd, to, half(length));
}

ssize_t write(int fd, const void *from, size_t length)
{
	return syscall(SYS_write, fd, from, half(length));
}

ssize_t pread64(int fd, void *to, size_t length, off64_t at)
{
	return syscall(SYS_pread64, fd, to, half(length), at);
}

ssize_t pwrite64(int fd, const void *from, size_t length, off64_t at)
{
	return syscall(SYS_pwrite64, fd, from, half(length), at);
}

void *malloc(size_t size)
{
	return is_scarce() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	return is_scarce() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
	return is_scarce() ? NULL : __libc_realloc(old, size);
}
