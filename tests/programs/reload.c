/* reload - a module that is loaded and dropped again and again, as each new PAM handle does it.
 *
 *   cc -O2 -Wall -Wextra -o reload reload.c -lpam
 *   reload -s SERVICE -u USER [-n TIMES] MODULE
 *
 * TIMES [1000] times dlopen, a look at pam_sm_authenticate, and dlclose; then as many PAM handles that
 * are begun, asked to authenticate with an empty answer, and ended. Output, "name value" a line: how
 * often the module loaded, and what the process has more of than after the tenth time (mappings, fds,
 * threads, KiB). */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "folders.h"
#include "passwords.h"

#define WARM_UP 10

struct held {
	long mappings, fds, threads, resident;
};

static struct held measure(void)
{
	struct held held = { 0, entries("/proc/self/fd"), entries("/proc/self/task"), 0 };
	FILE *maps = fopen("/proc/self/maps", "re"), *statm = fopen("/proc/self/statm", "re");
	int byte;

	while (maps && (byte = getc(maps)) != EOF)
		held.mappings += byte == '\n';
	if (statm && fscanf(statm, "%*d %ld", &held.resident) == 1)
		held.resident *= sysconf(_SC_PAGESIZE) / 1024;
	if (maps)
		fclose(maps);
	if (statm)
		fclose(statm);
	return held;
}

static int load(const char *module)
{
	void *handle = dlopen(module, RTLD_NOW);
	int whole = handle && dlsym(handle, "pam_sm_authenticate");

	if (!handle)
		fprintf(stderr, "reload: %s\n", dlerror());
	return handle && !dlclose(handle) && whole;
}

static void try_login(const char *service, const char *user)
{
	char nothing[] = "";
	struct pam_conv conv = { converse, nothing };
	pam_handle_t *pam = NULL;

	if (pam_start(service, user, &conv, &pam) == PAM_SUCCESS)
		pam_end(pam, pam_authenticate(pam, 0));
}

int main(int argc, char **argv)
{
	const char *service = NULL, *user = NULL;
	long times = 1000, loaded = 0;
	struct held start = { 0, 0, 0, 0 }, end;
	int c;

	while ((c = getopt(argc, argv, "s:u:n:")) != -1) {
		switch (c) {
		case 's': service = optarg; break;
		case 'u': user = optarg; break;
		case 'n': times = atol(optarg); break;
		default: return 64;
		}
	}
	if (!service || !user || optind + 1 != argc)
		return 64;
	for (long i = 0; i < times; i++)
		loaded += load(argv[optind]);
	for (long i = 0; i < times; i++) {
		try_login(service, user);
		if (i == WARM_UP)
			start = measure();
	}
	end = measure();
	printf("loaded %ld\nmappings %ld\n", loaded, end.mappings - start.mappings);
	printf("fds %ld\nthreads %ld\n", end.fds - start.fds, end.threads - start.threads);
	printf("resident %ld\n", end.resident - start.resident);
	return 0;
}
