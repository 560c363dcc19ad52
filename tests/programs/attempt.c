/* attempt - one login through libpam, told line by line.
 *
 *   cc -O2 -Wall -Wextra -o attempt attempt.c -lpam
 *   attempt -u USER -s SERVICE [-i ITEM=VALUE] [-e NAME=VALUE] [-p PHASES] [-n USER] [-t SERVICE] [-S] [-k]
 *           [-a MICROSECONDS] [ANSWER...]
 *
 *   -i   a PAM item before the first phase: rhost, tty or ruser
 *   -e   a variable of the PAM environment, as sshd sets SSH_AUTH_INFO_0
 *   -p   phases in order: a authenticate, c acct_mgmt, s setcred, o open_session,
 *        x close_session, p chauthtok                                   [ac]
 *   -n   the user's name after the first phase, as a program sets it that maps names
 *   -t   the service after the first phase
 *   -S   PAM_SILENT in every phase
 *   -k   keep going after a phase that failed
 *   -a   an alarm again and again, with a handler, so that it interrupts whatever waits
 *
 * The answers go to the prompts in order. \n \r \\ and \xHH are unescaped in them. "-" is the next
 * line of standard input, so that a test can hold a login at its prompt; ":null" answers without
 * an answer, ":fail" is a conversation that fails, and so is a prompt without an answer left.
 *
 * Output, one event a line, a tab between kind and text, control bytes as \xHH:
 *   hidden TEXT / visible TEXT   a prompt
 *   info TEXT / error TEXT       a message
 *   PHASE CODE                   what a phase returned, e.g. "auth 7"
 *   user TEXT         PAM_USER at the end
 * Exit status: 0 when every phase returned PAM_SUCCESS, 1 when not, 64 for wrong usage. */
#include <security/pam_appl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

struct script {
	char **answers;
	int left;
};

static void say(const char *kind, const char *text)
{
	printf("%s\t", kind);
	for (const unsigned char *p = (const unsigned char *)(text ? text : ""); *p; p++) {
		if (*p < 0x20 || *p == 0x7f || *p == '\\')
			printf("\\x%02x", *p);
		else
			putchar(*p);
	}
	putchar('\n');
	fflush(stdout);
}

/* The answer with its escapes undone, in memory that libpam's caller may free. */
static char *unescape(const char *in)
{
	char *out = malloc(strlen(in) + 1), *to = out;
	unsigned byte;

	if (!out)
		abort();
	for (; *in; in++) {
		if (in[0] != '\\' || !in[1])
			*to++ = *in;
		else if (in[1] == 'n' || in[1] == 'r' || in[1] == '\\')
			*to++ = *++in == 'n' ? '\n' : *in == 'r' ? '\r' : '\\';
		else if (in[1] == 'x' && sscanf(in + 2, "%2x", &byte) == 1)
			*to++ = (char)byte, in += 3;
	}
	*to = 0;
	return out;
}

static char *line_of_stdin(void)
{
	char *line = NULL;
	size_t room = 0;
	ssize_t length = getline(&line, &room, stdin);

	if (length < 0) {
		free(line);
		return NULL;
	}
	line[strcspn(line, "\n")] = 0;
	return line;
}

/* Answers one prompt from the script. PAM_CONV_ERR ends the conversation. */
static int answer(struct script *script, struct pam_response *response)
{
	const char *next;

	if (script->left == 0)
		return PAM_CONV_ERR;
	next = *script->answers++;
	script->left--;
	if (!strcmp(next, ":fail"))
		return PAM_CONV_ERR;
	if (!strcmp(next, ":null"))
		return PAM_SUCCESS;
	response->resp = strcmp(next, "-") ? unescape(next) : line_of_stdin();
	return response->resp ? PAM_SUCCESS : PAM_CONV_ERR;
}

static int converse(int count, const struct pam_message **messages, struct pam_response **out,
		    void *data)
{
	static const char *kinds[] = { "", "hidden", "visible", "error", "info" };
	struct pam_response *responses = calloc((size_t)count, sizeof *responses);

	if (!responses)
		return PAM_BUF_ERR;
	for (int i = 0; i < count; i++) {
		int style = messages[i]->msg_style;
		int prompt = style == PAM_PROMPT_ECHO_OFF || style == PAM_PROMPT_ECHO_ON;

		say(style >= 1 && style <= 4 ? kinds[style] : "other", messages[i]->msg);
		if (prompt && answer(data, &responses[i]) != PAM_SUCCESS) {
			for (int j = 0; j < i; j++)
				free(responses[j].resp);
			free(responses);
			return PAM_CONV_ERR;
		}
	}
	*out = responses;
	return PAM_SUCCESS;
}

static void set_item(pam_handle_t *pam, const char *assignment)
{
	static const struct { const char *name; int item; } items[] = {
		{ "rhost=", PAM_RHOST }, { "tty=", PAM_TTY }, { "ruser=", PAM_RUSER },
	};

	for (size_t i = 0; i < sizeof items / sizeof *items; i++) {
		size_t length = strlen(items[i].name);

		if (strncmp(assignment, items[i].name, length))
			continue;
		if (pam_set_item(pam, items[i].item, assignment + length) == PAM_SUCCESS)
			return;
	}
	fprintf(stderr, "attempt: cannot set %s\n", assignment);
	exit(64);
}

static int run_phase(pam_handle_t *pam, char phase, int flags)
{
	const char *name;
	char code[16];
	int result;

	switch (phase) {
	case 'a': name = "auth", result = pam_authenticate(pam, flags); break;
	case 'c': name = "account", result = pam_acct_mgmt(pam, flags); break;
	case 's': name = "setcred", result = pam_setcred(pam, PAM_ESTABLISH_CRED | flags); break;
	case 'o': name = "open", result = pam_open_session(pam, flags); break;
	case 'x': name = "close", result = pam_close_session(pam, flags); break;
	case 'p': name = "password", result = pam_chauthtok(pam, flags); break;
	default: fprintf(stderr, "attempt: no phase %c\n", phase); exit(64);
	}
	snprintf(code, sizeof code, "%d", result);
	say(name, code);
	return result;
}

static void wake(int number)
{
	(void)number;
}

/* Without SA_RESTART: what is interrupted ends with EINTR. */
static void raise_alarms(long pause)
{
	struct sigaction action = { .sa_handler = wake };
	struct itimerval timer = { { 0, pause }, { 0, pause } };

	if (sigaction(SIGALRM, &action, NULL) || setitimer(ITIMER_REAL, &timer, NULL))
		exit(71);
}

int main(int argc, char **argv)
{
	const char *user = NULL, *next_user = NULL, *service = NULL, *next_service = NULL, *phases = "ac", *items[8], *variables[8];
	int n_items = 0, n_variables = 0, flags = 0, keep_going = 0, failed = 0, result = 0, c;
	struct script script;
	struct pam_conv conv = { converse, &script };
	pam_handle_t *pam = NULL;
	const void *item = NULL;

	while ((c = getopt(argc, argv, "+u:s:i:e:p:n:t:Ska:")) != -1) {
		switch (c) {
		case 'u': user = optarg; break;
		case 's': service = optarg; break;
		case 'p': phases = optarg; break;
		case 'n': next_user = optarg; break;
		case 't': next_service = optarg; break;
		case 'S': flags = PAM_SILENT; break;
		case 'k': keep_going = 1; break;
		case 'a': raise_alarms(atol(optarg)); break;
		case 'i': if (n_items < 8) items[n_items++] = optarg; break;
		case 'e': if (n_variables < 8) variables[n_variables++] = optarg; break;
		default: return 64;
		}
	}
	if (!user || !service || pam_start(service, user, &conv, &pam) != PAM_SUCCESS)
		return 64;
	script.answers = argv + optind;
	script.left = argc - optind;
	for (int i = 0; i < n_items; i++)
		set_item(pam, items[i]);
	for (int i = 0; i < n_variables; i++)
		pam_putenv(pam, variables[i]);
	for (; *phases && (!failed || keep_going); phases++) {
		result = run_phase(pam, *phases, flags);
		failed |= result != PAM_SUCCESS;
		if (next_user)
			pam_set_item(pam, PAM_USER, next_user);
		if (next_service)
			pam_set_item(pam, PAM_SERVICE, next_service);
	}
	pam_get_item(pam, PAM_USER, &item);
	say("user", item);
	pam_end(pam, result);
	return failed;
}
