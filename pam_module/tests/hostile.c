/* hostile - a program whose conversation keeps no promise but those that libpam itself needs.
 *
 *   cc -o hostile hostile.c -l:libpam.so.0
 *   hostile FOLDER SERVICE USER CONVERSATION PHASES
 *
 * FOLDER holds the PAM services. CONVERSATION is what happens at every message:
 *   none          there is no conversation function
 *   fails         PAM_CONV_ERR, and nothing else
 *   fails+reply   PAM_CONV_ERR with a reply all the same
 *   again         PAM_CONV_AGAIN
 *   no-array      PAM_SUCCESS without replies
 *   no-text       PAM_SUCCESS with a reply that holds no text
 *   =TEXT         PAM_SUCCESS with this answer
 * PHASES in order: a authenticate, s setcred, c acct_mgmt, o open_session, x close_session,
 * p chauthtok.
 *
 * Prints one event a line: "say STYLE TEXT", "log PRIORITY TEXT", "PHASE CODE", and at the end how
 * many replies were made, freed, and still held their text when they were freed. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct pam_handle;
struct pam_message { int style; const char *text; };
struct pam_response { char *text; int code; };
struct pam_conv {
	int (*call)(int, const struct pam_message **, struct pam_response **, void *);
	void *data;
};

int pam_start_confdir(const char *, const char *, const struct pam_conv *, const char *, struct pam_handle **);
int pam_end(struct pam_handle *, int);
int pam_authenticate(struct pam_handle *, int);
int pam_setcred(struct pam_handle *, int);
int pam_acct_mgmt(struct pam_handle *, int);
int pam_open_session(struct pam_handle *, int);
int pam_close_session(struct pam_handle *, int);
int pam_chauthtok(struct pam_handle *, int);
void __libc_free(void *);

enum { CONV_ERR = 19, CONV_AGAIN = 30 };

static struct pam_response *replies[64];
static char *texts[64];
static size_t lengths[64];
static int made, replies_freed, texts_freed, unwiped;

/* Stands before the C library's, for libpam and the module too. */
void free(void *memory)
{
	for (int i = 0; memory && i < made; i++) {
		if (memory == replies[i]) {
			replies[i] = NULL;
			replies_freed++;
		} else if (memory == texts[i]) {
			for (size_t at = 0; at < lengths[i]; at++)
				if (texts[i][at]) {
					unwiped++;
					break;
				}
			texts[i] = NULL;
			texts_freed++;
		}
	}
	__libc_free(memory);
}

static void log_line(int priority, const char *format, va_list values)
{
	printf("log %d ", priority & 7);
	vprintf(format, values);
	printf("\n");
}

void syslog(int priority, const char *format, ...)
{
	va_list values;

	va_start(values, format);
	log_line(priority, format, values);
	va_end(values);
}

void __syslog_chk(int priority, int flag, const char *format, ...)
{
	va_list values;

	(void)flag;
	va_start(values, format);
	log_line(priority, format, values);
	va_end(values);
}

static struct pam_response *reply(const char *text)
{
	if (made == 64)
		abort();
	replies[made] = calloc(1, sizeof **replies);
	replies[made]->text = texts[made] = text ? strdup(text) : NULL;
	lengths[made] = text ? strlen(text) : 0;
	return replies[made++];
}

static int converse(int count, const struct pam_message **messages, struct pam_response **answers, void *data)
{
	const char *how = data;

	if (count != 1)
		abort();
	printf("say %d %s\n", messages[0]->style, messages[0]->text);
	if (messages[0]->style > 2 && *how == '=')
		how = "no-text";
	if (!strcmp(how, "fails"))
		return CONV_ERR;
	if (!strcmp(how, "fails+reply")) {
		*answers = reply("hunter2");
		return CONV_ERR;
	}
	if (!strcmp(how, "again"))
		return CONV_AGAIN;
	if (!strcmp(how, "no-array"))
		*answers = NULL;
	else
		*answers = reply(*how == '=' ? how + 1 : NULL);
	return 0;
}

static int run(struct pam_handle *handle, char phase)
{
	switch (phase) {
	case 'a': return pam_authenticate(handle, 0);
	case 's': return pam_setcred(handle, 2);
	case 'c': return pam_acct_mgmt(handle, 0);
	case 'o': return pam_open_session(handle, 0);
	case 'x': return pam_close_session(handle, 0);
	case 'p': return pam_chauthtok(handle, 0);
	}
	abort();
}

int main(int argc, char **argv)
{
	struct pam_handle *handle;
	int code = 0;

	if (argc != 6)
		return 64;
	setvbuf(stdout, NULL, _IOLBF, 0);
	struct pam_conv conversation = { strcmp(argv[4], "none") ? converse : NULL, argv[4] };
	if (pam_start_confdir(argv[2], argv[3], &conversation, argv[1], &handle))
		return 65;
	for (const char *phase = argv[5]; *phase; phase++)
		printf("%c %d\n", *phase, code = run(handle, *phase));
	pam_end(handle, code);
	int texts_made = 0;
	for (int i = 0; i < made; i++)
		texts_made += lengths[i] > 0;
	printf("replies %d freed %d texts %d freed %d unwiped %d\n", made, replies_freed, texts_made, texts_freed, unwiped);
	return 0;
}
