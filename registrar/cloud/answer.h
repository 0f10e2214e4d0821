/* What a cloud answers (docs/cloud-registration.yaml); members that are not known are passed over.
 */
#ifndef GATEHOUSE_REGISTRAR_CLOUD_ANSWER_H
#define GATEHOUSE_REGISTRAR_CLOUD_ANSWER_H

#include "core/base/task.h"
#include "registrar/cloud/problems.h"

#define CLOUD_PAGE_MAX 1000 /* devices */

struct cloud_registered {
    uint64_t devices;
    bool looked; /* it says whether it finds us */
    bool reachable;
    int64_t checked;
    const char *reach_detail; /* made printable; NULL: nothing was said */
};
/* Fails with E_CLOUD_ANSWER. */
MUST_USE bool cloud_registered_read(struct task *t, struct bytes json,
                                    struct cloud_registered *ret);

struct cloud_listed {
    struct text_list serials; /* ascending, each once; at most CLOUD_PAGE_MAX */
    const char *next;         /* where the next page begins; NULL: that was all */
};
/*
 * `after`: where this page was to begin (NULL: at the beginning).  Serial numbers that cannot stand
 * in a record are passed over.  Fails with E_CLOUD_ANSWER.
 */
MUST_USE bool cloud_listed_read(struct task *t, struct bytes json, const char *after,
                                struct cloud_listed *ret);

/* "code: detail" of a problem (RFC 9457), or the beginning of the body, made printable. */
const char *cloud_problem_words(struct task *t, struct bytes body);

#endif
