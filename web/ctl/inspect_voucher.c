/* Signed vouchers and voucher requests in their three forms, and what is in them. */
#include "core/pki/cms.h"
#include "core/pki/cose.h"
#include "core/pki/jws.h"
#include "web/ctl/facts.h"
#include "web/ctl/inspect_internal.h"
#include "web/ctl/problems.h"

#include <inttypes.h>

#define NESTED_MAX 4 /* voucher requests within one another */
/* Here they are read and shown; a request in the container of vouchers is shown as it is. */
#define DEPARTURES (VOUCHER_PRIOR_OBJECT | VOUCHER_CREATED_ON_DATE | VOUCHER_COSE_UNTAGGED)

/* An artifact: how deep within others, and the certificates that came with the one around it. */
struct artifact {
    struct signed_voucher sv;
    unsigned depth;
    struct cert_list around;
};

static bool inspect_artifact(struct task *t, struct inspection *in, struct bytes octets,
                             const struct artifact *around, json_t *report);

/* A request that carries a pledge's request is a registrar's (RFC 8995 5.5). */
static const char *kind_of(const struct voucher *v)
{
    if (v->kind == VOUCHER)
        return "voucher";
    return bytes_present(v->prior_signed_voucher_request) ? "registrar-voucher-request"
                                                          : "voucher-request";
}

static void departures(struct task *t, const struct voucher *v, json_t *report)
{
    const char *names[3];
    struct text_list list = {names, 0};
    if ((v->departures & VOUCHER_PRIOR_OBJECT) != 0)
        names[list.count++] = "prior-signed-voucher-request is a JSON object";
    if ((v->departures & VOUCHER_CREATED_ON_DATE) != 0)
        names[list.count++] = "created-on is a date without time";
    if ((v->departures & VOUCHER_COSE_UNTAGGED) != 0)
        names[list.count++] = "the tag of COSE_Sign1 is missing";
    fact_texts(t, report, "departs-from-the-standards", &list);
}

/* ---- Signatures ---- */

static void cms_facts(struct task *t, const struct signed_voucher *sv, json_t *report)
{
    const struct cms *cms = sv->library;
    fact_text(t, report, "content-type", oid_label(t, cms->content_type));
}

static void jws_facts(struct task *t, const struct signed_voucher *sv, json_t *report)
{
    const struct jws *jws = sv->library;
    fact_text(t, report, "algorithm", jws->signatures[0].algorithm);
}

/* Further signatures of a JWS: whose they are, and whether they are right. */
static void countersignatures(struct task *t, const struct signed_voucher *sv, json_t *report)
{
    const struct jws *jws = sv->form == &voucher_form_jws ? sv->library : NULL;
    if (jws == NULL || jws->count == 1)
        return;
    json_t *list = fact_array(report, "countersignatures");
    for (size_t i = 1; i < jws->count; i++) {
        const struct cert *signer;
        json_t *one = fact_element(list);
        bool verifies = jws_verify(t, jws, i, &signer);
        fact_text(t, one, "algorithm", jws->signatures[i].algorithm);
        fact_bool(one, "verifies", verifies);
        if (verifies)
            certificate_summary(t, signer, fact_object(one, "signer"));
        else
            fact_problem(t, one, "detail");
    }
}

static void cose_facts(struct task *t, const struct signed_voucher *sv, json_t *report)
{
    const struct cose *cose = sv->library;
    fact_text(t, report, "algorithm", arena_printf(t->arena, "%" PRId64, cose->algorithm));
    fact_hex(t, report, "kid", cose->kid);
    if (sv->certs_unsigned)
        fact_text(t, report, "note",
                  "certificates outside of the signature: a registrar takes them out (cBRSKI 6.8)");
}

static void form_facts(struct task *t, const struct signed_voucher *sv, json_t *report)
{
    static const struct {
        const struct voucher_form *form;
        void (*facts)(struct task *t, const struct signed_voucher *sv, json_t *report);
    } forms[] = {
        {&voucher_form_cms, cms_facts},
        {&voucher_form_jws, jws_facts},
        {&voucher_form_cose, cose_facts},
    };
    fact_text(t, report, "form", sv->form->name);
    for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
        if (forms[i].form == sv->form)
            forms[i].facts(t, sv, report);
    }
}

/* Where the signer may be that the artifact does not carry. */
static struct cert_list known_signers(struct task *t, const struct inspection *in,
                                      const struct artifact *a)
{
    const struct cert_list *anchors = &in->rules->anchors;
    const struct cert **all =
        arena_array(t->arena, anchors->count + a->around.count, sizeof(struct cert *));
    for (size_t i = 0; i < anchors->count; i++)
        all[i] = anchors->items[i];
    for (size_t i = 0; i < a->around.count; i++)
        all[anchors->count + i] = a->around.items[i];
    return (struct cert_list){all, anchors->count + a->around.count};
}

static bool artifact_signature(struct task *t, struct inspection *in, const struct artifact *a,
                               json_t *report)
{
    const struct signed_voucher *sv = &a->sv;
    const struct cert *signer;
    struct cert_list known = known_signers(t, in, a);
    json_t *signature = fact_object(report, "signature");
    if (sv->certs.count == 0 && known.count == 0) {
        fact_text(t, signature, "verifies",
                  "not checked: it carries no certificate, and no --anchor names one");
        return true;
    }
    bool verifies = sv->form->verify(t, sv, &known, &signer);
    fact_bool(signature, "verifies", verifies);
    if (!verifies) {
        inspect_failed(in, arena_printf(t->arena, "%ssignature: %s",
                                        a->depth > 0 ? "prior-signed-voucher-request: " : "",
                                        t->detail));
        fact_problem(t, signature, "detail");
        return true;
    }
    certificate_summary(t, signer, fact_object(signature, "signer"));
    /* Whose request lies within a registrar's is another matter than who the registrar is. */
    const struct cert_list *others = sv->certs.count > 0 ? &sv->certs : &a->around;
    return inspect_chain(t, in, report, signer, others, sv->voucher.created_on, a->depth == 0);
}

/* ---- The whole ---- */

/* By its first octet: DER SEQUENCE, JSON, or a tag or array of CBOR. */
static const struct voucher_form *form_of_octets(struct bytes octets)
{
    if (octets.len > 0 && octets.data[0] == '{')
        return &voucher_form_jws;
    return octets.len > 0 && octets.data[0] >= 0x80 ? &voucher_form_cose : &voucher_form_cms;
}

static bool prior_request(struct task *t, struct inspection *in, const struct artifact *a,
                          json_t *members)
{
    struct bytes octets = a->sv.voucher.prior_signed_voucher_request;
    if (!bytes_present(octets))
        return true;
    json_t *prior = fact_object(members, "prior-signed-voucher-request");
    if (inspect_artifact(t, in, octets, a, prior))
        return true;
    inspect_failed(in, arena_printf(t->arena, "prior-signed-voucher-request: %s", t->detail));
    fact_text(t, prior, "problem", t->problem->name);
    fact_problem(t, prior, "detail");
    return true;
}

/* `around` is NULL for what lies in nothing else. */
static bool inspect_artifact(struct task *t, struct inspection *in, struct bytes octets,
                             const struct artifact *around, json_t *report)
{
    struct artifact a = {.depth = 0};
    if (around != NULL) {
        a.depth = around->depth + 1;
        a.around = around->sv.certs;
    }
    ENSURE(t, a.depth < NESTED_MAX, E_TOO_LARGE, "voucher requests nested deeper than %d",
           NESTED_MAX);
    TRY(form_of_octets(octets)->open(t, octets, DEPARTURES, NULL, &a.sv));
    fact_text(t, report, "kind", kind_of(&a.sv.voucher));
    form_facts(t, &a.sv, report);
    departures(t, &a.sv.voucher, report);
    TRY(artifact_signature(t, in, &a, report));
    countersignatures(t, &a.sv, report);
    json_t *members = fact_object(report, "members");
    inspect_voucher_members(t, &a.sv.voucher, members);
    TRY(prior_request(t, in, &a, members));
    json_t *certificates = fact_array(report, "certificates");
    for (size_t i = 0; i < a.sv.certs.count; i++)
        certificate_summary(t, a.sv.certs.items[i], fact_element(certificates));
    return true;
}

/* ---- Entrances ---- */

bool inspect_signed_data(struct task *t, struct inspection *in, struct bytes octets, json_t *report)
{
    struct cert_list certs;
    struct cms cms;
    if (cms_certs_only_read(t, octets, &certs))
        return inspect_certificates(t, in, &certs, "certs-only", report);
    task_forgive(t);
    if (cms_open(t, octets, NULL, &cms) && inspect_is_cmc(&cms))
        return inspect_cmc(t, in, &cms, report);
    task_forgive(t);
    return inspect_artifact(t, in, octets, NULL, report);
}

/* What is signed in one of the forms, by itself. */
static bool inspect_payload(struct task *t, struct inspection *in, const struct voucher *v,
                            const char *encoding, json_t *report)
{
    const struct artifact alone = {.sv = {.voucher = *v}};
    fact_text(t, report, "kind", kind_of(v));
    fact_text(t, report, "form", arena_printf(t->arena, "%s alone, unsigned", encoding));
    departures(t, v, report);
    inspect_without_chain(
        in,
        arena_printf(t->arena, "the %s of a voucher alone has no signature to verify", encoding));
    json_t *members = fact_object(report, "members");
    inspect_voucher_members(t, v, members);
    return prior_request(t, in, &alone, members);
}

bool inspect_json(struct task *t, struct inspection *in, struct bytes json, json_t *report)
{
    struct voucher v;
    json_t *object;
    if (json_parse(t, json, &object) && json_object_get(object, "payload") != NULL)
        return inspect_artifact(t, in, json, NULL, report);
    task_forgive(t);
    if (!voucher_from_json(t, json, DEPARTURES, &v))
        return fail(t, E_CTL_UNKNOWN_FILE, "JSON that is no voucher or voucher request: %s",
                    t->detail);
    return inspect_payload(t, in, &v, "JSON", report);
}

bool inspect_cbor(struct task *t, struct inspection *in, struct bytes cbor, json_t *report)
{
    struct voucher v;
    struct cose cose;
    if (cose_open(t, cbor, &cose))
        return inspect_artifact(t, in, cbor, NULL, report);
    const char *not_cose = t->detail;
    task_forgive(t);
    if (!voucher_from_cbor(t, cbor, DEPARTURES, &v))
        return fail(t, E_CTL_UNKNOWN_FILE,
                    "CBOR that is no voucher or voucher request: as COSE_Sign1, %s; alone, %s",
                    not_cose, t->detail);
    return inspect_payload(t, in, &v, "CBOR", report);
}
