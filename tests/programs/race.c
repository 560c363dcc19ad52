/* race - logins that are all held at the prompt for the code and let go together.
 *
 *   cc -O2 -Wall -Wextra -o race race.c -lpam
 *   race [-g] [-o] -s SERVICE [-d FOLDER] [-p PASSWORD] USER SOURCE ANSWER [USER SOURCE ANSWER]...
 *
 * One process a login, each with SOURCE as its PAM_RHOST ("-" for none). The first hidden prompt
 * is answered with PASSWORD, if there is one; at the next one the process waits until every other
 * one stands there too (or has been refused before). Output: one line a login, in order, with the
 * result of pam_authenticate followed by pam_acct_mgmt; 0 is a login. With -g, a line "gate" before
 * them when all are let go, so that somebody else can interfere from then on. With -o, every second
 * process finds no service at its socket. -d is the folder of the service files [libpam's own]. */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <security/pam_appl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

struct gate {
	int arrived[2];         /* each process writes one byte when it stands at the gate */
	int opened[2];          /* the parent closes its end to open the gate for all at once */
};

struct runner {
	const char *folder;
	const char *password;
	const char *answer;
	struct gate *gate;
	int at_gate;
};

static void wait_at_gate(struct runner *runner)
{
	char byte = 0;

	if (runner->at_gate++)
		return;
	if (write(runner->gate->arrived[1], "a", 1) != 1)
		_exit(70);
	while (read(runner->gate->opened[0], &byte, 1) < 0 && errno == EINTR)
		;
}

static int converse(int count, const struct pam_message **messages, struct pam_response **out,
		    void *data)
{
	struct runner *runner = data;
	struct pam_response *responses = calloc((size_t)count, sizeof *responses);

	if (!responses)
		return PAM_BUF_ERR;
	for (int i = 0; i < count; i++) {
		int style = messages[i]->msg_style;

		if (style != PAM_PROMPT_ECHO_OFF && style != PAM_PROMPT_ECHO_ON)
			continue;
		if (runner->password) {
			responses[i].resp = strdup(runner->password);
			runner->password = NULL;
		} else {
			wait_at_gate(runner);
			responses[i].resp = strdup(runner->answer);
		}
	}
	*out = responses;
	return PAM_SUCCESS;
}

/* Nobody listens at a device. */
static void hide_service(void)
{
	if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("/dev/null", "/run/twostep/login.sock", NULL, MS_BIND, NULL)) {
		perror("race: cannot hide the service");
		kill(getppid(), SIGTERM);
		_exit(71);
	}
}

/* One login in this process; its result is 0, or the code of the phase that refused. */
static int login(const char *service, const char *user, const char *source, struct runner *runner)
{
	struct pam_conv conv = { converse, runner };
	pam_handle_t *pam = NULL;
	int result = pam_start_confdir(service, user, &conv, runner->folder, &pam);

	if (result != PAM_SUCCESS)
		return result;
	if (strcmp(source, "-"))
		pam_set_item(pam, PAM_RHOST, source);
	result = pam_authenticate(pam, 0);
	if (result == PAM_SUCCESS)
		result = pam_acct_mgmt(pam, 0);
	pam_end(pam, result);
	wait_at_gate(runner);   /* refused before the prompt: the others must not wait for it */
	return result;
}

static void start(const char *service, char **words, struct runner runner)
{
	runner.answer = words[2];
	close(runner.gate->arrived[0]);
	close(runner.gate->opened[1]);
	_exit(login(service, words[0], words[1], &runner));
}

int main(int argc, char **argv)
{
	const char *service = NULL;
	struct gate gate;
	struct runner runner = { .gate = &gate };
	pid_t children[256];
	int c, logins, announce = 0, mixed = 0;
	char byte;

	while ((c = getopt(argc, argv, "+gos:d:p:")) != -1) {
		if (c == 'g')
			announce = 1;
		else if (c == 'o')
			mixed = 1;
		else if (c == 's')
			service = optarg;
		else if (c == 'd')
			runner.folder = optarg;
		else if (c == 'p')
			runner.password = optarg;
		else
			return 64;
	}
	logins = (argc - optind) / 3;
	if (!service || logins < 1 || logins > 256 || pipe(gate.arrived) || pipe(gate.opened))
		return 64;
	for (int i = 0; i < logins; i++) {
		children[i] = fork();
		if (children[i] == 0 && mixed && i % 2)
			hide_service();
		if (children[i] == 0)
			start(service, argv + optind + 3 * i, runner);
		if (children[i] < 0)
			return 71;
	}
	close(gate.opened[0]);
	for (int i = 0; i < logins; i++)
		if (read(gate.arrived[0], &byte, 1) != 1)
			return 70;
	if (announce) {
		puts("gate");
		fflush(stdout);
	}
	close(gate.opened[1]);
	for (int i = 0; i < logins; i++) {
		int status = 0;

		waitpid(children[i], &status, 0);
		printf("%d\n", WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	}
	return 0;
}
