/* One login through libpam, timed. */
#ifndef ATTEMPT_H
#define ATTEMPT_H

struct login {
	const char *service, *user, *answer, *source;
};

/* Microseconds, but for the result and the count of page faults. */
struct told {
	int result;
	double whole, inside, processor;
	long faults;
};

/* Called between the parts of a login: "start", "ask", "asked", "end". */
typedef void mark(const char *part);

void attempt(const struct login *login, struct told *told, mark *mark);

#endif
