/*
 * The way from the cloud registrar to the owner's: which redirects a pledge may follow
 * (draft-ietf-anima-brski-cloud 3.3.1, RFC 8995 5.6).
 */
#ifndef GATEHOUSE_LAB_JOURNEY_H
#define GATEHOUSE_LAB_JOURNEY_H

#include "lab/place.h"

/* One attempt: where the pledge is, and where it has been. */
struct journey {
    struct place *visited; /* the last one is where it is */
    size_t count;
    unsigned limit;         /* redirects in all */
    unsigned other_origins; /* redirects other than 307 that led to another server */
};

struct redirect {
    int status;           /* 3xx */
    const char *location; /* NULL: the answer had none */
    bool from_validated;  /* the answering server was validated with the implicit anchors */
};

void journey_begin(struct task *t, const struct place *start, unsigned limit, struct journey *ret);
const struct place *journey_here(const struct journey *journey);
/* True for the statuses that mean "the same request, elsewhere". */
bool journey_is_redirect(int status);
/*
 * Goes where the redirect leads.  Fails with E_REDIRECT_PROVISIONAL, E_REDIRECT_LOOP,
 * E_REDIRECT_LIMIT or E_REDIRECT (a Location that leads nowhere, another server too many).
 */
MUST_USE bool journey_follow(struct task *t, struct journey *journey,
                             const struct redirect *redirect);

#endif
