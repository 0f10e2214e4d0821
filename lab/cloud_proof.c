#include "lab/cloud_proof.h"

#include "core/base/json.h"
#include "core/pki/cms.h"
#include "lab/problems.h"

#include <string.h>

#define STATEMENT "gatehouse-registration:statement"
#define TEXT_MAX  200 /* octets of foreign text in a detail */

static const char *shown(struct task *t, const char *text)
{
    return text == NULL ? "nothing" : bytes_to_printable(t->arena, bytes_of_text(text), TEXT_MAX);
}

static bool check_text(struct task *t, const json_t *statement, const char *name,
                       const char *expected)
{
    const char *text = json_string_value(json_object_get(statement, name));
    ENSURE(t, text != NULL && strcmp(text, expected) == 0, E_PROOF, "%s is %s, not %s", name,
           shown(t, text), expected);
    return true;
}

static bool check_age(struct task *t, const json_t *statement, int64_t now)
{
    int64_t created;
    const char *text = json_string_value(json_object_get(statement, "created-on"));
    ENSURE(t, text != NULL && time_from_text(text, &created), E_PROOF, "created-on is %s",
           shown(t, text));
    ENSURE(t, created <= now + CLOUD_CLOCK_SKEW_MAX, E_PROOF, "created-on %s is in the future",
           shown(t, text));
    ENSURE(t, created >= now - CLOUD_STATEMENT_AGE_MAX, E_PROOF, "created-on %s: it is too old",
           shown(t, text));
    return true;
}

bool cloud_statement_check(struct task *t, struct bytes content, const struct cert *cert,
                           const struct cloud_proof_rules *rules)
{
    json_t *json;
    struct bytes digest = bytes_sha256(t->arena, cert->der);
    TRY(json_parse(t, content, &json));
    const json_t *statement = json_object_get(json, STATEMENT);
    ENSURE(t, json_is_object(statement), E_PROOF, "there is no member \"" STATEMENT "\"");
    TRY(check_text(t, statement, "audience", rules->audience));
    TRY(check_text(t, statement, "owner", rules->owner));
    TRY(check_text(t, statement, "certificate-sha256", bytes_to_base64(t->arena, digest)));
    return check_age(t, statement, rules->now);
}

static bool check(struct task *t, const struct cloud_proof *proof,
                  const struct cloud_proof_rules *rules, const struct cert **ret)
{
    struct cms cms;
    const struct cert *cert;
    const struct cert *signer;
    TRY(cert_parse(t, proof->certificate, &cert));
    TRY(cms_open(t, proof->statement, NULL, &cms));
    TRY(cms_verify(t, &cms, &(struct cert_list){&cert, 1}, &signer));
    ENSURE(t, bytes_equal(cert_spki(t, signer), cert_spki(t, cert)), E_PROOF,
           "signed with another key than the certificate's");
    TRY(cloud_statement_check(t, cms.content, cert, rules));
    *ret = cert;
    return true;
}

bool cloud_proof_check(struct task *t, const struct cloud_proof *proof,
                       const struct cloud_proof_rules *rules, const struct cert **ret)
{
    return check(t, proof, rules, ret) || fail(t, E_PROOF, "%s", t->detail);
}
