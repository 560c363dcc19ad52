/* soak - many logins in one process, and what they leave behind.
 *
 *   cc -O2 -Wall -Wextra -o soak soak.c -lpam
 *   soak -u USER [-u USER]... -s SERVICE [-t SECONDS] [-w LOGINS] <codes
 *
 *   -u   who logs in; of several, each in turn
 *   -t   moves the shimmed clock on by this much after each login
 *   -w   logins before the first measurement                      [100]
 *
 * One code a line on standard input, one login for each: authenticate, acct_mgmt, setcred,
 * open_session, close_session. Output, "name value" a line: how many logins were let in, then
 * what the process has more of after the last login than after the warm-up (fds, threads, heap
 * bytes in use, resident KiB), and then one "changed WHAT" for each thing of the host that is not
 * as it was: umask, cwd, environment, locale, signal mask, a signal's action, a timer, the users
 * and groups of the process, PAM_USER. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <locale.h>
#include <malloc.h>
#include <security/pam_appl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "folders.h"
#include "passwords.h"

#define MOST_USERS 8
#define MOST_GROUPS 256

extern char **environ;

struct host {
	mode_t umask;
	char cwd[4096];
	char environment[65536];
	char locale[256];
	sigset_t mask;
	struct sigaction actions[NSIG];
	struct itimerval timer;
	uid_t users[3];
	gid_t groups[3 + MOST_GROUPS];
	int n_groups;
};

struct held {
	long fds, threads, heap, resident;
};

static struct held measure(void)
{
	struct held held = { entries("/proc/self/fd"), entries("/proc/self/task"), 0, 0 };
	FILE *statm = fopen("/proc/self/statm", "re");

	if (statm && fscanf(statm, "%*d %ld", &held.resident) == 1)
		held.resident *= sysconf(_SC_PAGESIZE) / 1024;
	if (statm)
		fclose(statm);
	malloc_trim(0);
	held.heap = (long)mallinfo2().uordblks;
	return held;
}

static void photograph(struct host *host)
{
	size_t used = 0;

	memset(host, 0, sizeof *host);
	host->umask = umask(0);
	umask(host->umask);
	if (!getcwd(host->cwd, sizeof host->cwd))
		abort();
	for (char **e = environ; *e && used + strlen(*e) + 1 < sizeof host->environment; e++)
		used += (size_t)sprintf(host->environment + used, "%s\n", *e);
	snprintf(host->locale, sizeof host->locale, "%s", setlocale(LC_ALL, NULL));
	sigprocmask(SIG_BLOCK, NULL, &host->mask);
	for (int s = 1; s < NSIG; s++)
		sigaction(s, NULL, &host->actions[s]);
	getitimer(ITIMER_REAL, &host->timer);
	if (getresuid(&host->users[0], &host->users[1], &host->users[2])
	    || getresgid(&host->groups[0], &host->groups[1], &host->groups[2]))
		abort();
	host->n_groups = getgroups(MOST_GROUPS, host->groups + 3);
}

static void compare(const struct host *before, const struct host *after)
{
	if (before->umask != after->umask)
		puts("changed umask");
	if (strcmp(before->cwd, after->cwd))
		puts("changed cwd");
	if (strcmp(before->environment, after->environment))
		puts("changed environment");
	if (strcmp(before->locale, after->locale))
		puts("changed locale");
	if (memcmp(&before->mask, &after->mask, sizeof before->mask))
		puts("changed signal mask");
	for (int s = 1; s < NSIG; s++)
		if (before->actions[s].sa_handler != after->actions[s].sa_handler
		    || before->actions[s].sa_flags != after->actions[s].sa_flags)
			printf("changed action of signal %d\n", s);
	if (memcmp(&before->timer, &after->timer, sizeof before->timer))
		puts("changed timer");
	if (memcmp(before->users, after->users, sizeof before->users))
		puts("changed users");
	if (before->n_groups != after->n_groups
	    || memcmp(before->groups, after->groups, sizeof before->groups))
		puts("changed groups");
}

/* One login with all its phases; 1 when every phase let it in and PAM_USER is as it was. */
static int login(const char *service, const char *user, char *code)
{
	struct pam_conv conv = { converse, code };
	pam_handle_t *pam = NULL;
	const void *name = NULL;
	int result = pam_start(service, user, &conv, &pam);

	if (result == PAM_SUCCESS)
		result = pam_authenticate(pam, 0);
	if (result == PAM_SUCCESS)
		result = pam_acct_mgmt(pam, 0);
	if (result == PAM_SUCCESS)
		result = pam_setcred(pam, PAM_ESTABLISH_CRED);
	if (result == PAM_SUCCESS)
		result = pam_open_session(pam, 0);
	if (result == PAM_SUCCESS)
		result = pam_close_session(pam, 0);
	if (!pam || pam_get_item(pam, PAM_USER, &name) != PAM_SUCCESS || !name || strcmp(name, user))
		puts("changed PAM_USER");
	pam_end(pam, result);
	return result == PAM_SUCCESS;
}

/* Writes one of the two offsets that the time shim adds, in whole seconds. */
static void set_clock(const char *file, long offset)
{
	char text[32];
	int length = snprintf(text, sizeof text, "%ld\n", offset), fd = open(file, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || pwrite(fd, text, (size_t)length, 0) != length)
		abort();
	close(fd);
}

static long read_clock(const char *file)
{
	long offset = 0;
	FILE *in = fopen(file, "re");

	if (!in || fscanf(in, "%ld", &offset) != 1)
		abort();
	fclose(in);
	return offset;
}

int main(int argc, char **argv)
{
	const char *users[MOST_USERS], *service = NULL;
	const char *realtime = "/run/twostep-clock/realtime", *boottime = "/run/twostep-clock/boottime";
	long step = 0, warm_up = 100, done = 0, accepted = 0, wall = 0, boot = 0;
	static struct host before, after;
	struct held start = { 0, 0, 0, 0 }, end;
	char line[1024];
	int c, n_users = 0;

	while ((c = getopt(argc, argv, "u:s:t:w:")) != -1) {
		switch (c) {
		case 'u': if (n_users < MOST_USERS) users[n_users++] = optarg; break;
		case 's': service = optarg; break;
		case 't': step = atol(optarg); break;
		case 'w': warm_up = atol(optarg); break;
		default: return 64;
		}
	}
	if (!n_users || !service)
		return 64;
	if (step)
		wall = read_clock(realtime), boot = read_clock(boottime);
	photograph(&before);
	while (fgets(line, sizeof line, stdin)) {
		line[strcspn(line, "\n")] = 0;
		accepted += login(service, users[done % n_users], line);
		if (++done == warm_up)
			start = measure();
		if (step) {
			set_clock(realtime, wall += step);
			set_clock(boottime, boot += step);
		}
	}
	end = measure();
	photograph(&after);
	printf("logins %ld\naccepted %ld\n", done, accepted);
	printf("fds %ld\nthreads %ld\n", end.fds - start.fds, end.threads - start.threads);
	printf("heap %ld\nresident %ld\n", end.heap - start.heap, end.resident - start.resident);
	compare(&before, &after);
	return accepted == done ? 0 : 1;
}
