/* The conversation of a program that answers every question with one password, its data. */
#ifndef PASSWORDS_H
#define PASSWORDS_H

#include <security/pam_appl.h>
#include <stdlib.h>
#include <string.h>

static int converse(int count, const struct pam_message **messages, struct pam_response **out,
		    void *data)
{
	struct pam_response *responses = calloc((size_t)count, sizeof *responses);

	if (!responses)
		return PAM_BUF_ERR;
	for (int i = 0; i < count; i++)
		if (messages[i]->msg_style <= PAM_PROMPT_ECHO_ON)
			responses[i].resp = strdup(data);
	*out = responses;
	return PAM_SUCCESS;
}

#endif
