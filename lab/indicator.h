/*
 * What a person in front of the device sees when onboarding fails: one line, with a code that stays
 * the same (draft-ietf-anima-brski-cloud 3.2: a pledge indicates 4xx and 5xx to its operator).
 */
#ifndef GATEHOUSE_LAB_INDICATOR_H
#define GATEHOUSE_LAB_INDICATOR_H

#include "core/base/problem.h"
#include "lab/options.h"

/* Exit statuses besides LAB_EXIT_: one per class of failure, which is the code's first digit. */
enum pledge_exit {
    PLEDGE_EXIT_NETWORK = 3,   /* 1x: no way to a server */
    PLEDGE_EXIT_IDENTITY = 4,  /* 2x: a server is not who it should be */
    PLEDGE_EXIT_REFUSED = 5,   /* 3x: the cloud or the registrar said no */
    PLEDGE_EXIT_REDIRECT = 6,  /* 4x: redirects that may not be followed */
    PLEDGE_EXIT_VOUCHER = 7,   /* 5x: the voucher is not accepted */
    PLEDGE_EXIT_ENROLMENT = 8, /* 6x: no certificate, or none that is accepted */
    PLEDGE_EXIT_TIME = 9,      /* 7x: patience or attempts are at an end */
};

struct indicator {
    const char *name; /* for scripts */
    const char *text; /* for people; no foreign words in it */
    unsigned code;    /* two digits, never reused */
    int exit;
};

/* Whom the pledge was dealing with. */
enum encounter {
    ENCOUNTER_NOBODY,
    ENCOUNTER_CLOUD,
    ENCOUNTER_REGISTRAR,
    ENCOUNTER_EST, /* enrolment, wherever it takes place */
    ENCOUNTER_CONFIGURATION,
};

/* `status`: HTTP's, where the problem is E_STATUS.  There is one for every failure. */
const struct indicator *indicator_of(const struct problem_kind *problem, enum encounter with,
                                     int status);
/* All of them, for documentation and tests; by code. */
const struct indicator *indicators_all(size_t *ret_count);

#endif
