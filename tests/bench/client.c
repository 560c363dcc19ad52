/* client - logins through libpam, each in a process and with a handle of its own, and what they cost.
 *
 *   cc -O2 -Wall -Wextra -o client client.c attempt.c put_back.c -lpam
 *   client serve                                   orders from standard input, see below
 *   client trace LOGIN                             one in this process, its parts marked by prctl
 *   client weigh LOGIN                             the same; its result and resident KiB
 *
 * A login is SERVICE USER ANSWER SOURCE [WAY:KEPT:PLACE]...; the files named at its end are put back
 * before it (put_back.h), off the clock. An order is a line of fields with a tab between them: how many
 * times, and the login. Each login is answered with a line: PAM's result; microseconds of all of it, of
 * pam_authenticate, and of the processor, program and kernel; page faults. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attempt.h"
#include "put_back.h"

enum { FIELDS = 16, OF_A_LOGIN = 4 };

/* Puts back what the fields of a login name. */
static struct login prepared(char **fields, int count)
{
	if (count < OF_A_LOGIN) {
		fprintf(stderr, "client: a login needs %d fields\n", OF_A_LOGIN);
		exit(64);
	}
	for (int i = OF_A_LOGIN; i < count; i++)
		put_back(fields[i]);
	return (struct login){ fields[0], fields[1], fields[2], fields[3] };
}

static void serve_one(const struct login *login, struct told *told)
{
	pid_t child = fork();
	int status;

	if (child < 0)
		exit(2);
	if (child == 0) {
		attempt(login, told, NULL);
		_exit(0);
	}
	if (waitpid(child, &status, 0) != child || status != 0) {
		fprintf(stderr, "client: a login of %s died\n", login->service);
		exit(2);
	}
	printf("%d %.1f %.1f %.1f %ld\n", told->result, told->whole, told->inside, told->processor,
	       told->faults);
}

static void serve_order(char *line, struct told *told)
{
	char *fields[FIELDS], *field;
	int count = 0;

	line[strcspn(line, "\n")] = 0;
	while (count < FIELDS && (field = strsep(&line, "\t")))
		fields[count++] = field;
	for (long left = atol(fields[0]); left > 0; left--) {
		struct login login = prepared(fields + 1, count - 1);

		serve_one(&login, told);
	}
	fflush(stdout);
}

static int serve(void)
{
	struct told *told = mmap(NULL, sizeof *told, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	char *line = NULL;
	size_t room = 0;

	if (told == MAP_FAILED)
		return 2;
	while (getline(&line, &room, stdin) > 0)
		serve_order(line, told);
	return 0;
}

/* What strace shows between the system calls of a login. */
static void mark_for_strace(const char *part)
{
	prctl(PR_SET_NAME, part);
}

static long resident = -1;

static void weigh_when_asked(const char *part)
{
	char line[256];
	FILE *map;

	if (strcmp(part, "asked") || !(map = fopen("/proc/self/smaps_rollup", "re")))
		return;
	while (fgets(line, sizeof line, map))
		if (sscanf(line, "Rss: %ld kB", &resident) == 1)
			break;
	fclose(map);
}

int main(int argc, char **argv)
{
	struct login login;
	struct told told;

	if (argc == 2 && !strcmp(argv[1], "serve"))
		return serve();
	if (argc < 2 + OF_A_LOGIN)
		return 64;
	login = prepared(argv + 2, argc - 2);
	if (!strcmp(argv[1], "trace")) {
		attempt(&login, &told, mark_for_strace);
		printf("%d\n", told.result);
	} else {
		attempt(&login, &told, weigh_when_asked);
		printf("%d %ld\n", told.result, resident);
	}
	return 0;
}
