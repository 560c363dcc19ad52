/* rate - how many logins a second one process gets through libpam.
 *
 *   cc -O2 -Wall -Wextra -o rate rate.c -lpam
 *   rate -s SERVICE [-d FOLDER] [-i RHOST] [-n LOGINS] [-w LOGINS] USER PASSWORD [USER PASSWORD]...
 *
 *   -d   the folder of the service files                            [libpam's own]
 *   -n   logins that are measured                                   [5000]
 *   -w   logins before these, to warm up                            [100]
 *
 * Each login is what a mail server's worker does: pam_start, pam_authenticate, pam_end, for each
 * user in turn. Every question is answered with the password. Output, "name value" a line:
 *   accepted     of the measured logins, how many
 *   per_second   logins a second, by the clock on the wall
 *   micro        microseconds of a login, by the same clock
 *   user system  of these, how many the processor spent in the program and in the kernel
 *
 * It measures and judges nothing. Run it where something listens at /dev/log, else each line goes
 * to the console, which costs more than the login. */
#include <security/pam_appl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "passwords.h"

struct target {
	const char *service, *folder, *rhost;
};

struct moment {
	double wall, user, system;
};

static int login(const struct target *target, const char *user, char *password)
{
	struct pam_conv conv = { converse, password };
	pam_handle_t *pam = NULL;
	int result = pam_start_confdir(target->service, user, &conv, target->folder, &pam);

	if (result == PAM_SUCCESS && target->rhost)
		result = pam_set_item(pam, PAM_RHOST, target->rhost);
	if (result == PAM_SUCCESS)
		result = pam_authenticate(pam, 0);
	pam_end(pam, result);
	return result == PAM_SUCCESS;
}

static double micro(struct timeval time)
{
	return (double)time.tv_sec * 1e6 + (double)time.tv_usec;
}

/* The system's clock is read past the shim that moves the clocks of tests. */
static struct moment now(void)
{
	struct timespec wall;
	struct rusage used;

	clock_gettime(CLOCK_MONOTONIC, &wall);
	getrusage(RUSAGE_SELF, &used);
	return (struct moment){ (double)wall.tv_sec * 1e6 + (double)wall.tv_nsec / 1e3,
				micro(used.ru_utime), micro(used.ru_stime) };
}

int main(int argc, char **argv)
{
	struct target target = { NULL, NULL, NULL };
	long measured = 5000, warm_up = 100, accepted = 0;
	struct moment start = { 0, 0, 0 }, end;
	int c, pairs;

	while ((c = getopt(argc, argv, "+s:d:i:n:w:")) != -1) {
		switch (c) {
		case 's': target.service = optarg; break;
		case 'd': target.folder = optarg; break;
		case 'i': target.rhost = optarg; break;
		case 'n': measured = atol(optarg); break;
		case 'w': warm_up = atol(optarg); break;
		default: return 64;
		}
	}
	pairs = (argc - optind) / 2;
	if (!target.service || pairs == 0 || measured < 1)
		return 64;
	for (long done = -warm_up; done < measured; done++) {
		char **pair = argv + optind + 2 * ((done + warm_up) % pairs);

		if (done == 0)
			start = now(), accepted = 0;
		accepted += login(&target, pair[0], pair[1]);
	}
	end = now();
	printf("accepted %ld\n", accepted);
	printf("per_second %.0f\n", (double)measured * 1e6 / (end.wall - start.wall));
	printf("micro %.1f\n", (end.wall - start.wall) / (double)measured);
	printf("user %.1f\n", (end.user - start.user) / (double)measured);
	printf("system %.1f\n", (end.system - start.system) / (double)measured);
	return 0;
}
