/* Puts files back between two logins, off the clock. What a login syncs must be its own writing, so
 * what is put back is on the disk before the next login starts. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "put_back.h"

static void check(int is_well, const char *path)
{
	if (is_well)
		return;
	perror(path);
	exit(2);
}

static void copy(int from, int to, const char *path)
{
	char block[65536];
	ssize_t length;

	while ((length = read(from, block, sizeof block)) > 0)
		check(write(to, block, (size_t)length) == length, path);
	check(length == 0, path);
}

static void in_place(int kept, const char *place)
{
	int file = open(place, O_WRONLY | O_TRUNC | O_CLOEXEC);

	check(file >= 0, place);
	copy(kept, file, place);
	close(file);
}

static void sync_folder(char *place)
{
	char *slash = strrchr(place, '/');
	int folder;

	*slash = 0;
	folder = open(place, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	check(folder >= 0 && fsync(folder) == 0, place);
	close(folder);
}

static void whole(int kept, const struct stat *as, char *place)
{
	const struct timespec times[2] = { as->st_mtim, as->st_mtim };
	char next[4096];
	int file;

	snprintf(next, sizeof next, "%s.bench", place);
	file = open(next, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	check(file >= 0, next);
	copy(kept, file, next);
	check(fchown(file, as->st_uid, as->st_gid) == 0 && fchmod(file, as->st_mode & 07777) == 0, next);
	check(futimens(file, times) == 0 && fsync(file) == 0 && rename(next, place) == 0, next);
	close(file);
	sync_folder(place);
}

void put_back(const char *order)
{
	char *kept = strdup(order), *place;
	struct stat as;
	int file;

	check(kept && kept[0] && kept[1] == ':' && strchr(kept + 2, ':'), order);
	place = strchr(kept + 2, ':');
	*place++ = 0;
	file = open(kept + 2, O_RDONLY | O_CLOEXEC);
	check(file >= 0 && fstat(file, &as) == 0, kept + 2);
	if (kept[0] == 'i') {
		in_place(file, place);
	} else if (kept[0] == 'w') {
		whole(file, &as, place);
	} else {
		const struct timespec times[2] = { as.st_mtim, as.st_mtim };

		check(utimensat(AT_FDCWD, place, times, 0) == 0, place);
	}
	close(file);
	free(kept);
}
