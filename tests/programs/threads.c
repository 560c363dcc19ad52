/* threads - logins by several threads of one process, each with a PAM handle of its own.
 *
 *   cc -O2 -Wall -Wextra -pthread -o threads threads.c -lpam
 *   threads -s SERVICE [-n LOGINS] USER ANSWER [USER ANSWER]...
 *
 *   -n   logins of each thread, one after the other               [1]
 *
 * One thread for each pair; all begin together. Output: one line a thread, in order, with how many of
 * its logins (pam_authenticate and pam_acct_mgmt) were let in. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "passwords.h"

#define MOST_THREADS 64

struct login {
	const char *user;
	char *answer;
	long accepted;
};

static const char *service;
static long logins = 1;
static pthread_barrier_t start;

static int log_in(struct login *login)
{
	struct pam_conv conv = { converse, login->answer };
	pam_handle_t *pam = NULL;
	int result = pam_start(service, login->user, &conv, &pam);

	if (result == PAM_SUCCESS)
		result = pam_authenticate(pam, 0);
	if (result == PAM_SUCCESS)
		result = pam_acct_mgmt(pam, 0);
	pam_end(pam, result);
	return result == PAM_SUCCESS;
}

static void *run(void *data)
{
	struct login *login = data;

	pthread_barrier_wait(&start);
	for (long i = 0; i < logins; i++)
		login->accepted += log_in(login);
	return NULL;
}

int main(int argc, char **argv)
{
	struct login each[MOST_THREADS];
	pthread_t threads[MOST_THREADS];
	int c, count;

	while ((c = getopt(argc, argv, "+s:n:")) != -1) {
		switch (c) {
		case 's': service = optarg; break;
		case 'n': logins = atol(optarg); break;
		default: return 64;
		}
	}
	count = (argc - optind) / 2;
	if (!service || count < 1 || count > MOST_THREADS || pthread_barrier_init(&start, NULL, (unsigned)count))
		return 64;
	for (int i = 0; i < count; i++) {
		each[i] = (struct login){ argv[optind + 2 * i], argv[optind + 2 * i + 1], 0 };
		if (pthread_create(&threads[i], NULL, run, &each[i]))
			return 71;
	}
	for (int i = 0; i < count; i++) {
		pthread_join(threads[i], NULL);
		printf("%ld\n", each[i].accepted);
	}
	return 0;
}
