#include "lab/indicator.h"

#include "core/base/task.h"
#include "core/http/problems.h"
#include "core/pki/problems.h"
#include "lab/problems.h"

enum {
    ANY = 0,
    CLOUD = 1U << ENCOUNTER_CLOUD,
    EST = 1U << ENCOUNTER_EST,
};

/* The codes; docs/man/gatehouse-pledge.1 lists them. */
static const struct indicator table[] = {
    {"no-address", "a server's name cannot be resolved; check the network", 11,
     PLEDGE_EXIT_NETWORK},
    {"no-connection", "a server cannot be reached; check the network", 12, PLEDGE_EXIT_NETWORK},
    {"no-answer", "a server does not answer", 13, PLEDGE_EXIT_NETWORK},
    {"broken-off", "a server hung up in the middle", 14, PLEDGE_EXIT_NETWORK},
    {"garbage", "what answers is no registrar; something stands in the way", 15,
     PLEDGE_EXIT_NETWORK},
    {"proxy", "the proxy of this network refuses", 16, PLEDGE_EXIT_NETWORK},
    {"captive", "this network wants somebody to log in first", 17, PLEDGE_EXIT_NETWORK},
    {"cloud-identity", "the manufacturer's server is not genuine; something stands in the way", 21,
     PLEDGE_EXIT_IDENTITY},
    {"registrar-tls", "no secure connection to the registrar", 22, PLEDGE_EXIT_IDENTITY},
    {"registrar-identity", "the registrar is not the owner's", 23, PLEDGE_EXIT_IDENTITY},
    {"est-identity", "the owner's enrolment server is not genuine", 24, PLEDGE_EXIT_IDENTITY},
    {"no-owner", "nobody is known to own this device yet; ask who sold it", 31,
     PLEDGE_EXIT_REFUSED},
    {"unknown-device", "this device is not known here", 32, PLEDGE_EXIT_REFUSED},
    {"forbidden", "the registrar does not allow this device", 33, PLEDGE_EXIT_REFUSED},
    {"not-acceptable", "the owner's policy refuses this device", 34, PLEDGE_EXIT_REFUSED},
    {"not-understood", "the registrar does not understand this device", 35, PLEDGE_EXIT_REFUSED},
    {"busy", "the server is overloaded; try again later", 36, PLEDGE_EXIT_REFUSED},
    {"server-error", "the server has a fault; try again later", 37, PLEDGE_EXIT_REFUSED},
    {"proximity", "the registrar was told of another connection; something stands in the way", 38,
     PLEDGE_EXIT_REFUSED},
    {"status", "an answer that means nothing here", 39, PLEDGE_EXIT_REFUSED},
    {"redirect-provisional", "a redirect from a server that is not validated", 41,
     PLEDGE_EXIT_REDIRECT},
    {"redirect-loop", "redirects lead in a circle", 42, PLEDGE_EXIT_REDIRECT},
    {"redirect-limit", "too many redirects", 43, PLEDGE_EXIT_REDIRECT},
    {"redirect", "a redirect that leads nowhere", 44, PLEDGE_EXIT_REDIRECT},
    {"voucher", "the voucher is not for this device or not genuine", 51, PLEDGE_EXIT_VOUCHER},
    {"enrol-refused", "the owner's CA refuses", 61, PLEDGE_EXIT_ENROLMENT},
    {"enrol-error", "enrolment has a fault; try again later", 62, PLEDGE_EXIT_ENROLMENT},
    {"csrattrs", "enrolment asks for what this device does not have", 63, PLEDGE_EXIT_ENROLMENT},
    {"certificate", "the certificate that came is not what was asked for", 64,
     PLEDGE_EXIT_ENROLMENT},
    {"enrol-answer", "enrolment answers with garbage", 65, PLEDGE_EXIT_ENROLMENT},
    {"time", "it took too long", 71, PLEDGE_EXIT_TIME},
    {"pending", "the owner has not decided yet", 72, PLEDGE_EXIT_TIME},
    {"configuration", "the device has its certificate and no configuration", 81, LAB_EXIT_OK},
    {"device", "this device's own identity cannot be used", 91, LAB_EXIT_FAILED},
    {"failure", "something failed", 99, LAB_EXIT_FAILED},
};

/* The first row that fits says which. */
static const struct rule {
    const struct problem_kind *problem; /* NULL: any */
    unsigned with;                      /* set of encounters; ANY */
    int status_from;                    /* E_STATUS only */
    int status_to;
    unsigned code;
} rules[] = {
    {E_PEER_UNRESOLVED, ANY, 0, 0, 11},
    {E_PEER_UNREACHABLE, ANY, 0, 0, 12},
    {E_PEER_TIMEOUT, ANY, 0, 0, 13},
    {E_PEER_CLOSED, ANY, 0, 0, 14},
    {E_PROXY, ANY, 0, 0, 16},
    {E_CAPTIVE, ANY, 0, 0, 17},
    {E_ABANDONED, ANY, 0, 0, 13},
    {E_PEER_ANSWER, EST, 0, 0, 65},
    {E_PEER_ANSWER, ANY, 0, 0, 15},
    {E_TOO_LARGE, EST, 0, 0, 65},
    {E_TOO_LARGE, ANY, 0, 0, 15},
    {E_PEER_TLS, CLOUD, 0, 0, 21},
    {E_PEER_TLS, EST, 0, 0, 24},
    {E_PEER_TLS, ANY, 0, 0, 22},
    {E_REGISTRAR_REFUSED, ANY, 0, 0, 23},
    {E_EST_SERVER_REFUSED, ANY, 0, 0, 24},
    {E_STATUS, ANY, 202, 202, 72},
    {E_STATUS, EST, 400, 499, 61},
    {E_STATUS, EST, 500, 599, 62},
    {E_STATUS, EST, 0, 999, 65},
    {E_STATUS, CLOUD, 401, 401, 31},
    {E_STATUS, ANY, 401, 401, 38},
    {E_STATUS, ANY, 403, 403, 33},
    {E_STATUS, ANY, 404, 404, 32},
    {E_STATUS, ANY, 406, 406, 34},
    {E_STATUS, ANY, 400, 400, 35},
    {E_STATUS, ANY, 415, 415, 35},
    {E_STATUS, ANY, 429, 429, 36},
    {E_STATUS, ANY, 503, 503, 36},
    {E_STATUS, ANY, 500, 599, 37},
    {E_STATUS, ANY, 0, 999, 39},
    {E_REDIRECT_PROVISIONAL, ANY, 0, 0, 41},
    {E_REDIRECT_LOOP, ANY, 0, 0, 42},
    {E_REDIRECT_LIMIT, ANY, 0, 0, 43},
    {E_REDIRECT, ANY, 0, 0, 44},
    {E_VOUCHER_REFUSED, ANY, 0, 0, 51},
    {E_CSRATTRS_UNMET, ANY, 0, 0, 63},
    {E_CSRATTRS_MALFORMED, ANY, 0, 0, 65},
    {E_CMS_MALFORMED, EST, 0, 0, 65},
    {E_CERT_MALFORMED, EST, 0, 0, 65},
    {E_CERTIFICATE_REFUSED, ANY, 0, 0, 64},
    {E_TIMEOUT, ANY, 0, 0, 71},
};

static const struct indicator *by_code(unsigned code)
{
    size_t at = 0;
    while (table[at].code != code && at + 1 < ARRAY_SIZE(table))
        at++;
    return &table[at];
}

static bool fits(const struct rule *rule, const struct problem_kind *problem, enum encounter with,
                 int status)
{
    return rule->problem == problem && (rule->with == ANY || (rule->with & 1U << with) != 0) &&
           (problem != E_STATUS || (status >= rule->status_from && status <= rule->status_to));
}

const struct indicator *indicator_of(const struct problem_kind *problem, enum encounter with,
                                     int status)
{
    if (with == ENCOUNTER_CONFIGURATION)
        return by_code(81);
    for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
        if (fits(&rules[i], problem, with, status))
            return by_code(rules[i].code);
    }
    return by_code(with == ENCOUNTER_NOBODY ? 91 : 99);
}

const struct indicator *indicators_all(size_t *ret_count)
{
    *ret_count = ARRAY_SIZE(table);
    return table;
}
