/* What the files that check a request share. */
#ifndef GATEHOUSE_CORE_ASKING_CHECKING_H
#define GATEHOUSE_CORE_ASKING_CHECKING_H

#include "core/asking/check.h"

struct checking {
    const struct csr *csr;
    const struct sender *sender;
    const struct extension_list *extensions; /* asked for */
    bool renewal;                            /* names are not looked at */
};

/* "keyUsage (2.5.29.15)". */
const char *asked_oid_text(struct task *t, const char *oid);
/* UTF-8 of a string; NULL: it is none. */
const char *asked_string_text(struct task *t, const ASN1_STRING *string);

/* The SubjectAltName that is wanted against the one that is asked for (absent: none). */
MUST_USE bool check_alt_names(struct task *t, const struct checking *c, struct bytes asked);
/* A common name may repeat a name that was given. */
MUST_USE bool check_repeats_name(struct task *t, const struct checking *c, const char *text,
                                 bool *ret);

MUST_USE bool check_subject_by_template(struct task *t, const struct checking *c,
                                        const struct csr_template *template);
/* Nothing but what the IDevID states, or a given name as the common name. */
MUST_USE bool check_subject_of_device(struct task *t, const struct checking *c);
/* OIDs that were named bare: in the subject, or beside it. */
MUST_USE bool check_filled(struct task *t, const struct checking *c, const struct text_list *fill);

#endif
