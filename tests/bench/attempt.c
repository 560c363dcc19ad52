/* One login through libpam: a handle of its own, from pam_start to pam_end. The modules are loaded in
 * pam_start, so what is spent inside pam_authenticate is the login without its loading. */
#include <security/pam_appl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "attempt.h"

/* Where the stacks lie that are measured, so that no service of the host is touched. */
#define STACKS "/srv/bench/pam.d"

static int converse(int count, const struct pam_message **messages, struct pam_response **out,
		    void *answer)
{
	struct pam_response *responses = calloc((size_t)count, sizeof *responses);

	if (!responses)
		return PAM_BUF_ERR;
	for (int i = 0; i < count; i++)
		if (messages[i]->msg_style <= PAM_PROMPT_ECHO_ON)
			responses[i].resp = strdup(answer);
	*out = responses;
	return PAM_SUCCESS;
}

static double micro(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static long faults(void)
{
	struct rusage used;

	getrusage(RUSAGE_SELF, &used);
	return used.ru_minflt + used.ru_majflt;
}

static void no_mark(const char *part)
{
	(void)part;
}

/* A function of its own, so that callgrind can count what happens in it and nothing else. */
__attribute__((noinline)) int authenticate_here(pam_handle_t *pam)
{
	int result = pam_authenticate(pam, 0);

	__asm__ volatile("");
	return result;
}

void attempt(const struct login *login, struct told *told, mark *mark)
{
	struct pam_conv conv = { converse, (void *)login->answer };
	pam_handle_t *pam = NULL;
	double start, ask, asked, processor;
	long before = faults();

	if (!mark)
		mark = no_mark;
	mark("start");
	processor = micro(CLOCK_PROCESS_CPUTIME_ID);
	start = micro(CLOCK_MONOTONIC);
	if (pam_start_confdir(login->service, login->user, &conv, STACKS, &pam) != PAM_SUCCESS)
		abort();
	pam_set_item(pam, PAM_RHOST, login->source);
	mark("ask");
	ask = micro(CLOCK_MONOTONIC);
	told->result = authenticate_here(pam);
	asked = micro(CLOCK_MONOTONIC);
	mark("asked");
	pam_end(pam, told->result);
	told->whole = micro(CLOCK_MONOTONIC) - start;
	told->processor = micro(CLOCK_PROCESS_CPUTIME_ID) - processor;
	mark("end");
	told->inside = asked - ask;
	told->faults = faults() - before;
}
