/* floor - a service that answers a constant. What it costs is what any service costs; the rest is
 * Twostep's.
 *
 *   cc -O2 -Wall -Wextra -o floor floor.c
 *
 * A request without answers is answered by a question, and every other one accepted. It reads nothing
 * else of it, knows nobody and writes nothing. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static const char question[] = "{\"ask\":{\"prompt\":\"Verification code: \",\"echo\":false}}";
static const char accepted[] = "{\"done\":{\"outcome\":\"accepted\",\"cut\":0}}";
static const char none_yet[] = "\"answers\":[]";

static int receive(int from, char *into, size_t length)
{
	return recv(from, into, length, MSG_WAITALL) == (ssize_t)length;
}

static void answer(int caller)
{
	static char request[16384], frame[256];
	uint32_t length;
	const char *text;

	if (!receive(caller, (char *)&length, sizeof length) || ntohl(length) > sizeof request ||
	    !receive(caller, request, ntohl(length)))
		return;
	text = memmem(request, ntohl(length), none_yet, sizeof none_yet - 1) ? question : accepted;
	length = htonl((uint32_t)strlen(text));
	memcpy(frame, &length, sizeof length);
	memcpy(frame + sizeof length, text, strlen(text));
	send(caller, frame, sizeof length + strlen(text), MSG_NOSIGNAL);
}

int main(void)
{
	struct sockaddr_un place = { .sun_family = AF_UNIX, .sun_path = "/run/twostep/login.sock" };
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), caller;

	if (listener < 0 || bind(listener, (struct sockaddr *)&place, sizeof place) || listen(listener, 64))
		return 1;
	while ((caller = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
		answer(caller);
		close(caller);
	}
	return 1;
}
