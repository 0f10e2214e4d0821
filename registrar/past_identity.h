/* Which certificates of ours pledges have been shown: those of now, and those of before. */
#ifndef GATEHOUSE_REGISTRAR_PAST_IDENTITY_H
#define GATEHOUSE_REGISTRAR_PAST_IDENTITY_H

#include "registrar/registrar.h"

/* TLS shows these (and no others) from now on.  To be called whenever they change. */
MUST_USE bool past_identity_note(struct task *t, struct store *store,
                                 const struct cert_list *shown);
/*
 * For a request whose proximity check has failed: when what the pledge saw is ours, the task's
 * problem says so: E_PREVIOUS_CERTIFICATE, or E_PROXIMITY in other words.  Always false.
 */
bool past_identity_explain(struct task *t, struct store *store, const struct voucher *request);

#endif
