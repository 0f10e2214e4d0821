/* What the sources of `inspect` share. */
#ifndef GATEHOUSE_WEB_CTL_INSPECT_INTERNAL_H
#define GATEHOUSE_WEB_CTL_INSPECT_INTERNAL_H

#include "core/pki/cms.h"
#include "registrar/voucher/voucher.h"
#include "web/ctl/inspect.h"

struct inspection {
    const struct inspect_rules *rules;
    const struct anchors *anchors; /* NULL: none were named */
    const char *failed;            /* see struct inspect_report */
};

/* Notes the first verification that failed. */
void inspect_failed(struct inspection *in, const char *what);
/* With anchors named: nothing in this file can be held against them. */
void inspect_without_chain(struct inspection *in, const char *what);
/*
 * With anchors named: the member "chain" says whether `leaf` leads to one of them, judged at the
 * time that the rules, `created_on` (0: none) or the clock give.  `counts`: a failure is noted.
 */
MUST_USE bool inspect_chain(struct task *t, struct inspection *in, json_t *report,
                            const struct cert *leaf, const struct cert_list *others,
                            int64_t created_on, bool counts);

/* "kind" and all else about each kind of thing. */
MUST_USE bool inspect_signed_data(struct task *t, struct inspection *in, struct bytes octets,
                                  json_t *report);
/* JWS, or a voucher alone. */
MUST_USE bool inspect_json(struct task *t, struct inspection *in, struct bytes json,
                           json_t *report);
/* COSE_Sign1, or a voucher alone. */
MUST_USE bool inspect_cbor(struct task *t, struct inspection *in, struct bytes cbor,
                           json_t *report);
MUST_USE bool inspect_certificate(struct task *t, struct inspection *in, const struct cert *cert,
                                  json_t *report);
MUST_USE bool inspect_certificates(struct task *t, struct inspection *in,
                                   const struct cert_list *certs, const char *kind, json_t *report);
MUST_USE bool inspect_request(struct task *t, struct inspection *in, struct bytes der,
                              json_t *report);
/* A Full PKI Request or Response (RFC 5272), by its content type. */
bool inspect_is_cmc(const struct cms *cms);
MUST_USE bool inspect_cmc(struct task *t, struct inspection *in, const struct cms *cms,
                          json_t *report);
MUST_USE bool inspect_csrattrs(struct task *t, struct inspection *in, struct bytes der,
                               json_t *report);
MUST_USE bool inspect_private_key(struct task *t, struct inspection *in, struct bytes der,
                                  json_t *report);

/* All but the request that lies in a request. */
void inspect_voucher_members(struct task *t, const struct voucher *v, json_t *members);
/* Whose, from whom, until when: a few lines about a certificate. */
void certificate_summary(struct task *t, const struct cert *cert, json_t *report);
/* "1.3.132.0.34 (secp384r1)". */
const char *oid_label(struct task *t, const char *oid);

#endif
