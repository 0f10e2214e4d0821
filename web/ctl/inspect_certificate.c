#include "core/base/clock.h"
#include "core/pki/csr.h"
#include "web/ctl/facts.h"
#include "web/ctl/inspect_internal.h"

#include <openssl/x509.h>

void certificate_summary(struct task *t, const struct cert *cert, json_t *report)
{
    unsigned bits = 0;
    EVP_PKEY *key = X509_get0_pubkey(cert->x509);
    fact_text(t, report, "subject", cert_subject(t, cert));
    fact_text(t, report, "issuer", cert_issuer(t, cert));
    fact_hex(t, report, "serial", cert_serial(t, cert));
    fact_text(t, report, "not-before", time_to_text(t->arena, cert_not_before(cert)));
    fact_text(t, report, "not-after", time_to_text(t->arena, cert_not_after(cert)));
    if (key != NULL) {
        enum key_kind kind = key_kind_of(key, &bits);
        fact_text(t, report, "key", key_kind_text(t, kind, bits));
    }
    fact_hex(t, report, "sha256", bytes_sha256(t->arena, cert->der));
}

static void key_usages(struct task *t, const struct cert *cert, json_t *report)
{
    static const struct {
        const char *oid;
        const char *name;
    } known[] = {
        {OID_KP_SERVER_AUTH, "serverAuth"},
        {OID_KP_CLIENT_AUTH, "clientAuth"},
        {OID_KP_CMC_CA, "cmcCA"},
        {OID_KP_CMC_RA, "cmcRA"},
    };
    if (!bytes_present(cert_extension(t, cert, OID_CE_EXT_KEY_USAGE)))
        return;
    const char *names[ARRAY_SIZE(known)];
    struct text_list list = {names, 0};
    for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
        if (cert_has_eku(cert, known[i].oid))
            names[list.count++] = known[i].name;
    }
    fact_texts(t, report, "extended-key-usage", &list);
}

/* What BRSKI reads from a pledge's certificate (RFC 8995 2.3, RFC 8366bis 6.1). */
static void idevid_serial(struct task *t, struct inspection *in, const struct cert *cert,
                          json_t *report)
{
    const struct serial_rule *rule = &in->rules->serial;
    const char *serial = NULL;
    const char *none =
        arena_printf(t->arena, "(none in the %s)", serial_source_names[rule->source]);
    bool read = cert_device_serial(t, cert, rule, &serial);
    if (read)
        fact_text(t, report, "serial-number", serial == NULL ? none : serial);
    if (in->rules->serial_wanted && serial == NULL)
        inspect_failed(in, arena_printf(t->arena, "serial number: %s", read ? none : t->detail));
    if (!read)
        fact_problem(t, report, "serial-number-problem");
}

static void idevid_masa(struct task *t, const struct cert *cert, json_t *report)
{
    struct masa_url url = {.text = NULL};
    const char *base = NULL;
    if (!cert_masa_url_found(t, cert, &url))
        fact_problem(t, report, "masa-url-problem");
    fact_text(t, report, "masa-url", url.text);
    if (url.no_ia5_string)
        fact_text(t, report, "masa-url-encoding", "no IA5String (RFC 8995 2.3.2)");
    if (url.old_oid)
        fact_text(t, report, "masa-url-oid", OID_PE_MASA_URL_OLD " (from before RFC 8995)");
    if (url.text != NULL && !masa_base_url(t, url.text, &base))
        fact_problem(t, report, "masa-url-problem");
    fact_text(t, report, "masa-base", base);
}

static void idevid_facts(struct task *t, struct inspection *in, const struct cert *cert,
                         json_t *report)
{
    struct bytes issuer = BYTES_ABSENT;
    idevid_serial(t, in, cert, report);
    idevid_masa(t, cert, report);
    if (!cert_idevid_issuer(t, cert, &issuer))
        fact_problem(t, report, "idevid-issuer-problem");
    fact_base64(t, report, "idevid-issuer", issuer);
}

static void certificate_details(struct task *t, struct inspection *in, const struct cert *cert,
                                json_t *report)
{
    struct text_list names = {NULL, 0};
    struct bytes domain_id = BYTES_ABSENT;
    certificate_summary(t, cert, report);
    fact_bool(report, "ca", cert_is_ca(cert));
    fact_bool(report, "self-signed", cert_is_self_signed(cert));
    if (!cert_alt_names(t, cert, &names))
        fact_problem(t, report, "alt-names-problem");
    fact_texts(t, report, "alt-names", &names);
    key_usages(t, cert, report);
    fact_hex(t, report, "spki-sha256", cert_spki_sha256(t, cert));
    if (!cert_domain_id(t, cert, &domain_id))
        fact_problem(t, report, "domain-id-problem");
    fact_base64(t, report, "domain-id", domain_id);
    if (!cert_is_ca(cert))
        idevid_facts(t, in, cert, fact_object(report, "idevid"));
}

static int64_t judged_at(const struct inspection *in, int64_t created_on, const char **ret_what)
{
    if (in->rules->at != 0) {
        *ret_what = "the time asked for";
        return in->rules->at;
    }
    *ret_what = created_on != 0 ? "its created-on" : "now";
    return created_on != 0 ? created_on : clock_wall();
}

bool inspect_chain(struct task *t, struct inspection *in, json_t *report, const struct cert *leaf,
                   const struct cert_list *others, int64_t created_on, bool counts)
{
    const char *what;
    struct cert_list path;
    if (in->anchors == NULL)
        return true;
    const struct chain_rules rules = {.at = judged_at(in, created_on, &what)};
    json_t *chain = fact_object(report, "chain");
    bool verifies = chain_verify(t, in->anchors, leaf, others, &rules, &path);
    fact_bool(chain, "verifies", verifies);
    fact_time(t, chain, "judged-at", rules.at);
    fact_text(t, chain, "judged-at-is", what);
    if (verifies) {
        json_t *subjects = fact_array(chain, "path");
        for (size_t i = 0; i < path.count; i++)
            (void)json_array_append_new(subjects, json_string(cert_subject(t, path.items[i])));
        return true;
    }
    if (counts)
        inspect_failed(in, arena_printf(t->arena, "certification path: %s", t->detail));
    fact_text(t, chain, "problem", t->problem->name);
    fact_problem(t, chain, "detail");
    return true;
}

bool inspect_certificates(struct task *t, struct inspection *in, const struct cert_list *certs,
                          const char *kind, json_t *report)
{
    fact_text(t, report, "kind", kind);
    json_t *list = fact_array(report, "certificates");
    for (size_t i = 0; i < certs->count; i++) {
        json_t *one = fact_element(list);
        certificate_details(t, in, certs->items[i], one);
        TRY(inspect_chain(t, in, one, certs->items[i], certs, 0, true));
    }
    return true;
}

bool inspect_certificate(struct task *t, struct inspection *in, const struct cert *cert,
                         json_t *report)
{
    const struct cert_list none = {NULL, 0};
    fact_text(t, report, "kind", "certificate");
    certificate_details(t, in, cert, report);
    return inspect_chain(t, in, report, cert, &none, 0, true);
}
