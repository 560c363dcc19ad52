/* client - logins through libpam, each in a process and with a handle of its own, and how long they take.
 *
 *   cc -O2 -Wall -Wextra -o client client.c put_back.c -lpam
 *
 * It reads orders from standard input, fields with a tab between them: SERVICE USER ANSWER SOURCE
 * [WAY:KEPT:PLACE]... The files named at the end are put back after the login (put_back.h), off the
 * clock. Each login is answered with a line: PAM's result, and microseconds from pam_start to pam_end. */
#include <security/pam_appl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../programs/passwords.h"
#include "put_back.h"

/* Where the stacks are that are measured, so that no service of the host is touched. */
#define STACKS "/srv/bench/pam.d"

enum { FIELDS = 16, OF_A_LOGIN = 4 };

struct told {
	int result;
	double micro;
};

static double micro(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static void log_in(char **fields, struct told *told)
{
	struct pam_conv conv = { converse, fields[2] };
	pam_handle_t *pam = NULL;
	double start = micro();

	if (pam_start_confdir(fields[0], fields[1], &conv, STACKS, &pam) != PAM_SUCCESS)
		abort();
	pam_set_item(pam, PAM_RHOST, fields[3]);
	told->result = pam_authenticate(pam, 0);
	pam_end(pam, told->result);
	told->micro = micro() - start;
}

static void serve(char *line, struct told *told)
{
	char *fields[FIELDS], *field;
	int count = 0, status;
	pid_t child;

	line[strcspn(line, "\n")] = 0;
	while (count < FIELDS && (field = strsep(&line, "\t")))
		fields[count++] = field;
	if (count < OF_A_LOGIN)
		exit(64);
	child = fork();
	if (child == 0) {
		log_in(fields, told);
		_exit(0);
	}
	if (child < 0 || waitpid(child, &status, 0) != child || status != 0) {
		fprintf(stderr, "client: a login of %s died\n", fields[0]);
		exit(2);
	}
	/* Now, and not before the next one: a file that changed a moment ago is read again, and no usual login
	 * finds one. */
	for (int i = OF_A_LOGIN; i < count; i++)
		put_back(fields[i]);
	printf("%d %.1f\n", told->result, told->micro);
	fflush(stdout);
}

int main(void)
{
	struct told *told = mmap(NULL, sizeof *told, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	char *line = NULL;
	size_t room = 0;

	if (told == MAP_FAILED)
		return 2;
	while (getline(&line, &room, stdin) > 0)
		serve(line, told);
	return 0;
}
