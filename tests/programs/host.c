/* host - a program with children, signals and descriptors of its own that logs people in.
 *
 *   cc -O2 -Wall -Wextra -pthread -o host host.c -lpam
 *   host -s SERVICE -o FILE [-c reap|ignore|nowait] [-x] [-T] USER ANSWER [USER ANSWER]...
 *
 *   -c   what it does about ended children: a handler of SIGCHLD that reaps whatever it finds, SIGCHLD
 *        ignored, or SA_NOCLDWAIT                                  [nothing]
 *   -x   no descriptors 0 to 2
 *   -T   all logins at once, in threads
 *
 * It starts a child of its own that runs until the logins (pam_authenticate and pam_acct_mgmt) are over.
 * FILE gets "accepted N" and "signals N", how often SIGCHLD came until then, and one "changed WHAT" for each
 * thing that is not as it was: children, descriptors, threads, signal mask, the action of a signal, or "the
 * child" where it was lost. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "folders.h"
#include "passwords.h"

#define MOST_LOGINS 32
#define STATUS 42       /* of the child */

struct login {
	const char *user;
	char *answer;
	int accepted;
};

struct state {
	long fds, threads;
	char children[4096];
	sigset_t mask;
	struct sigaction actions[NSIG];
};

static const char *service;
static volatile sig_atomic_t signals, reaped_status = -1;
static volatile pid_t child, reaped, strangers;

static void reap(int number)
{
	int status, saved = errno;
	pid_t pid;

	(void)number;
	signals++;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == child)
			reaped = pid, reaped_status = WEXITSTATUS(status);
		else
			strangers++;
	}
	errno = saved;
}

static void set_action(const char *what)
{
	struct sigaction action;

	memset(&action, 0, sizeof action);
	action.sa_handler = !strcmp(what, "ignore") ? SIG_IGN : !strcmp(what, "reap") ? reap : SIG_DFL;
	action.sa_flags = !strcmp(what, "nowait") ? SA_NOCLDWAIT : SA_RESTART;
	if (sigaction(SIGCHLD, &action, NULL))
		exit(71);
}

static void *log_in(void *data)
{
	struct login *login = data;
	struct pam_conv conv = { converse, login->answer };
	pam_handle_t *pam = NULL;
	int result = pam_start(service, login->user, &conv, &pam);

	if (result == PAM_SUCCESS)
		result = pam_authenticate(pam, 0);
	if (result == PAM_SUCCESS)
		result = pam_acct_mgmt(pam, 0);
	pam_end(pam, result);
	login->accepted = result == PAM_SUCCESS;
	return NULL;
}

/* The children of this process, also those that have ended and those that no wait finds. */
static void read_children(char *to, size_t room)
{
	char path[64];
	FILE *in;
	size_t length = 0;

	snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
	in = fopen(path, "re");
	if (in)
		length = fread(to, 1, room - 1, in), fclose(in);
	to[length] = 0;
}

static void photograph(struct state *state)
{
	memset(state, 0, sizeof *state);
	state->fds = entries("/proc/self/fd");
	state->threads = entries("/proc/self/task");
	read_children(state->children, sizeof state->children);
	sigprocmask(SIG_BLOCK, NULL, &state->mask);
	for (int s = 1; s < NSIG; s++)
		sigaction(s, NULL, &state->actions[s]);
}

static void compare(FILE *out, const struct state *before, const struct state *after)
{
	if (before->fds != after->fds)
		fprintf(out, "changed descriptors\n");
	if (before->threads != after->threads)
		fprintf(out, "changed threads\n");
	if (strcmp(before->children, after->children))
		fprintf(out, "changed children\n");
	if (memcmp(&before->mask, &after->mask, sizeof before->mask))
		fprintf(out, "changed signal mask\n");
	for (int s = 1; s < NSIG; s++)
		if (before->actions[s].sa_handler != after->actions[s].sa_handler
		    || before->actions[s].sa_flags != after->actions[s].sa_flags)
			fprintf(out, "changed action of signal %d\n", s);
}

/* Lets the child end, and looks whether it is still ours to wait for; where ended children are not kept,
 * whether it was there until now. */
static int is_child_kept(int hold, int keeps)
{
	int status = 0, there = !kill(child, 0);

	close(hold);
	while (!keeps && !kill(child, 0))
		usleep(1000);
	if (!keeps)
		return there;
	for (;;) {
		pid_t pid = waitpid(child, &status, 0);

		if (pid == child)
			return there && WEXITSTATUS(status) == STATUS;
		if (pid < 0 && errno != EINTR)
			return there && reaped == child && reaped_status == STATUS;
	}
}

int main(int argc, char **argv)
{
	static struct state before, after;
	struct login logins[MOST_LOGINS];
	pthread_t threads[MOST_LOGINS];
	const char *told = NULL, *children = "";
	int hold[2], c, count, closes = 0, threaded = 0, accepted = 0, ended;
	long seen;
	char byte;
	FILE *out;

	while ((c = getopt(argc, argv, "+s:o:c:xT")) != -1) {
		switch (c) {
		case 's': service = optarg; break;
		case 'o': told = optarg; break;
		case 'c': children = optarg; break;
		case 'x': closes = 1; break;
		case 'T': threaded = 1; break;
		default: return 64;
		}
	}
	count = (argc - optind) / 2;
	if (!service || !told || count < 1 || count > MOST_LOGINS || !(out = fopen(told, "we")) || pipe2(hold, O_CLOEXEC))
		return 64;
	set_action(children);
	child = fork();
	if (child == 0) {
		close(hold[1]);
		ended = (int)read(hold[0], &byte, 1);
		_exit(ended == 0 ? STATUS : 1);
	}
	close(hold[0]);
	if (closes)
		close(0), close(1), close(2);
	for (int i = 0; i < count; i++)
		logins[i] = (struct login){ argv[optind + 2 * i], argv[optind + 2 * i + 1], 0 };
	photograph(&before);
	for (int i = 0; i < count; i++) {
		if (!threaded)
			log_in(&logins[i]);
		else if (pthread_create(&threads[i], NULL, log_in, &logins[i]))
			return 71;
	}
	for (int i = 0; threaded && i < count; i++)
		pthread_join(threads[i], NULL);
	photograph(&after);
	seen = signals;
	for (int i = 0; i < count; i++)
		accepted += logins[i].accepted;
	fprintf(out, "accepted %d\nsignals %ld\n", accepted, seen);
	compare(out, &before, &after);
	if (!is_child_kept(hold[1], strcmp(children, "ignore") && strcmp(children, "nowait")))
		fprintf(out, "changed the child\n");
	if (strangers)
		fprintf(out, "changed children that were reaped: %d\n", (int)strangers);
	return fclose(out) ? 71 : 0;
}
