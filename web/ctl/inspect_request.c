#include "core/pki/csrattrs.h"
#include "web/ctl/facts.h"
#include "web/ctl/inspect_internal.h"

#include <string.h>

#include <openssl/objects.h>

const char *oid_label(struct task *t, const char *oid)
{
    int nid = OBJ_txt2nid(oid);
    const char *name = nid == NID_undef ? NULL : OBJ_nid2ln(nid);
    if (strcmp(oid, OID_ANIMA_JSON_VOUCHER) == 0)
        name = "id-ct-animaJSONVoucher";
    if (strcmp(oid, OID_CRI_TEMPLATE) == 0)
        name = "id-aa-certificationRequestInfoTemplate";
    if (strcmp(oid, OID_EXTENSION_TEMPLATE) == 0)
        name = "id-aa-extensionReqTemplate";
    return name == NULL ? oid : arena_printf(t->arena, "%s (%s)", oid, name);
}

static void extension_facts(struct task *t, const struct extension_list *extensions, json_t *report)
{
    if (extensions->count == 0)
        return;
    json_t *list = fact_array(report, "extensions");
    for (size_t i = 0; i < extensions->count; i++) {
        const struct extension *e = &extensions->items[i];
        struct text_list names = {NULL, 0};
        json_t *one = fact_element(list);
        fact_text(t, one, "oid", oid_label(t, e->oid));
        fact_bool(one, "critical", e->critical);
        if (!bytes_present(e->value)) {
            fact_bool(one, "to-be-filled", true);
            continue;
        }
        fact_hex(t, one, "value", e->value);
        if (strcmp(e->oid, OID_CE_SUBJECT_ALT_NAME) == 0 && !alt_names_to_text(t, e->value, &names))
            fact_problem(t, one, "alt-names-problem");
        fact_texts(t, one, "alt-names", &names);
    }
}

bool inspect_request(struct task *t, struct inspection *in, struct bytes der, json_t *report)
{
    struct csr csr;
    TRY(csr_parse(t, der, &csr));
    fact_text(t, report, "kind", "certification-request");
    fact_text(t, report, "subject", csr_subject(t, &csr));
    fact_text(t, report, "key", key_kind_text(t, csr.key_kind, csr.key_bits));
    fact_hex(t, report, "spki-sha256", bytes_sha256(t->arena, csr.spki));
    fact_text(t, report, "signature-algorithm", oid_label(t, csr.signature_oid));
    fact_bool(report, "challenge-password", csr.challenge_password != NULL);
    extension_facts(t, &csr.extensions, report);
    json_t *signature = fact_object(report, "signature");
    bool verifies = csr_verify(t, &csr);
    fact_bool(signature, "verifies", verifies);
    if (!verifies) {
        inspect_failed(in, arena_printf(t->arena, "proof of possession: %s", t->detail));
        fact_problem(t, signature, "detail");
    }
    inspect_without_chain(in, "a certification request leads to no anchor");
    return true;
}

static void subject_facts(struct task *t, const struct csr_template *template, json_t *report)
{
    json_t *subject = fact_array(report, "subject");
    for (size_t i = 0; i < template->rdn_count; i++) {
        for (size_t j = 0; j < template->rdns[i].count; j++) {
            const struct name_attribute *attribute = &template->rdns[i].items[j];
            json_t *one = fact_element(subject);
            fact_text(t, one, "oid", oid_label(t, attribute->oid));
            if (bytes_present(attribute->value)) {
                fact_hex(t, one, "value", attribute->value);
                fact_text(t, one, "text", name_attribute_text(t, attribute));
            } else {
                fact_bool(one, "to-be-filled", true);
            }
        }
    }
}

/* RFC 9908 3.4. */
static void template_facts(struct task *t, const struct csr_template *template, json_t *report)
{
    if (template->has_subject)
        subject_facts(t, template, report);
    if (template->has_key)
        fact_text(t, report, "key", key_kind_text(t, template->key, template->rsa_bits));
    extension_facts(t, &template->extensions, report);
}

bool inspect_csrattrs(struct task *t, struct inspection *in, struct bytes der, json_t *report)
{
    struct csrattrs attrs;
    TRY(csrattrs_decode(t, der, &attrs));
    fact_text(t, report, "kind", "csr-attributes");
    fact_bool(report, "challenge-password", attrs.challenge_password);
    if (attrs.key != KEY_OTHER)
        fact_text(t, report, "key", key_kind_text(t, attrs.key, attrs.rsa_bits));
    if (attrs.signature_oid != NULL)
        fact_text(t, report, "signature-algorithm", oid_label(t, attrs.signature_oid));
    extension_facts(t, &attrs.extensions, report);
    for (size_t i = 0; i < attrs.fill.count; i++)
        attrs.fill.items[i] = oid_label(t, attrs.fill.items[i]);
    fact_texts(t, report, "to-be-filled", &attrs.fill);
    if (attrs.template != NULL)
        template_facts(t, attrs.template, fact_object(report, "template"));
    inspect_without_chain(in, "CSR attributes have no signature to verify");
    return true;
}

bool inspect_private_key(struct task *t, struct inspection *in, struct bytes der, json_t *report)
{
    EVP_PKEY *key;
    unsigned bits = 0;
    TRY(key_from_file_octets(t, der, &key));
    enum key_kind kind = key_kind_of(key, &bits);
    fact_text(t, report, "kind", "private-key");
    fact_text(t, report, "key", key_kind_text(t, kind, bits));
    fact_text(t, report, "note", "what is secret in it is not shown");
    inspect_without_chain(in, "a private key has no signature to verify");
    return true;
}
