#include "core/pki/crmf.h"

#include "core/pki/der.h"
#include "core/pki/library.h"

#include <string.h>

#include <openssl/err.h>

#define KIND E_CRMF_MALFORMED

#define TEMPLATE_FIELDS_MAX 10
#define VERSION_3           BYTES_LITERAL("\x80\x01\x02") /* [0] IMPLICIT INTEGER 2 */

/* Fields of a CertTemplate (RFC 4211 5). */
enum {
    TEMPLATE_VERSION = 0,
    TEMPLATE_SERIAL = 1,
    TEMPLATE_ALGORITHM = 2,
    TEMPLATE_ISSUER = 3,
    TEMPLATE_VALIDITY = 4,
    TEMPLATE_SUBJECT = 5,
    TEMPLATE_KEY = 6,
    TEMPLATE_ISSUER_ID = 7,
    TEMPLATE_SUBJECT_ID = 8,
    TEMPLATE_EXTENSIONS = 9,
};

/* Alternatives of a ProofOfPossession (RFC 4211 4). */
enum { PROOF_RA = 0, PROOF_SIGNATURE = 1, PROOF_KEY_AGREEMENT = 3 };

/* --- reading --- */

/* Explicit: a Name is a CHOICE (X.680 31.2.7). */
static bool read_subject(struct task *t, const struct der *field, struct crmf *crmf)
{
    struct der name;
    TRY(der_only(t, field->content, V_ASN1_SEQUENCE, KIND, &name));
    crmf->subject = name.whole;
    return true;
}

static bool read_template_field(struct task *t, const struct der *field, struct crmf *crmf)
{
    switch (field->tag) {
    case TEMPLATE_VERSION:
        /* RFC 4211 5: version 3 if it is said at all. */
        ENSURE(t, bytes_equal(field->whole, VERSION_3), KIND, "a certificate of another version");
        return true;
    case TEMPLATE_ISSUER: /* wishes, which the CA need not fulfil */
    case TEMPLATE_VALIDITY:
        return true;
    case TEMPLATE_SUBJECT:
        return read_subject(t, field, crmf);
    case TEMPLATE_KEY:
        ENSURE(t, field->constructed, KIND, "a public key that is none");
        crmf->spki = der_retagged(t, field, V_ASN1_SEQUENCE);
        return true;
    case TEMPLATE_EXTENSIONS:
        ENSURE(t, field->constructed, KIND, "extensions that are none");
        crmf->extensions = der_retagged(t, field, V_ASN1_SEQUENCE);
        return true;
    default:
        /* RFC 4211 5: serial number, algorithm and unique identifiers are not the client's. */
        return fail(t, KIND, "the template says what is the CA's to say (field %d)", field->tag);
    }
}

static bool read_template(struct task *t, const struct der *template, struct crmf *crmf)
{
    struct der_list fields;
    int last = -1;
    TRY(der_in_sequence(t, template->whole, TEMPLATE_FIELDS_MAX, KIND, &fields));
    for (size_t i = 0; i < fields.count; i++) {
        const struct der *field = &fields.items[i];
        ENSURE(t, field->contextual && field->tag > last, KIND,
               "the template's fields are not in their order");
        last = field->tag;
        TRY(read_template_field(t, field, crmf));
    }
    /* RFC 5272 3.2.1.2.2: key and subject are there; the subject may be empty. */
    ENSURE(t, bytes_present(crmf->spki) && bytes_present(crmf->subject), KIND,
           "the template lacks the %s", bytes_present(crmf->spki) ? "subject" : "public key");
    return true;
}

/* The controls that are read; NULL: another, which is only named. */
static struct bytes *control_member(struct crmf *crmf, const char *oid)
{
    if (strcmp(oid, OID_CMC_LINK_WITNESS_V2) == 0)
        return &crmf->link_witness;
    return strcmp(oid, OID_CMC_CHANGE_SUBJECT) == 0 ? &crmf->change : NULL;
}

static bool read_control(struct task *t, const struct der *element, struct crmf *crmf)
{
    struct der_list parts;
    const char *oid;
    TRY(der_in_sequence(t, element->whole, 2, KIND, &parts));
    ENSURE(t, parts.count == 2, KIND, "a control without a value");
    TRY(der_object(t, &parts.items[0], KIND, &oid));
    struct bytes *member = control_member(crmf, oid);
    if (member == NULL) {
        crmf->controls.items[crmf->controls.count++] = oid;
        return true;
    }
    ENSURE(t, !bytes_present(*member), KIND, "the control %s twice", oid);
    *member = parts.items[1].whole;
    return true;
}

static bool read_controls(struct task *t, const struct der *controls, struct crmf *crmf)
{
    struct der_list list;
    TRY(der_in_sequence(t, controls->whole, CRMF_CONTROLS_MAX, KIND, &list));
    crmf->controls.items = arena_array(t->arena, list.count, sizeof(char *));
    for (size_t i = 0; i < list.count; i++)
        TRY(read_control(t, &list.items[i], crmf));
    return true;
}

static bool read_request(struct task *t, const struct der *request, struct crmf *crmf)
{
    struct der_list parts;
    TRY(der_in_sequence(t, request->whole, 3, KIND, &parts));
    ENSURE(t, parts.count >= 2, KIND, "a CertRequest without a template");
    TRY(der_number(t, &parts.items[0], KIND, &crmf->id));
    TRY(read_template(t, &parts.items[1], crmf));
    crmf->request = request->whole;
    return parts.count == 2 || read_controls(t, &parts.items[2], crmf);
}

/*
 * POPOSigningKey.  RFC 4211 4.1: its own input has no place where subject and key are in the
 * template.
 */
static bool read_signature(struct task *t, const struct der *proof, struct crmf *crmf)
{
    struct der_list parts;
    TRY(der_elements(t, proof->content, 3, KIND, &parts));
    ENSURE(t,
           parts.count == 2 && der_is(&parts.items[0], V_ASN1_SEQUENCE) &&
               der_is(&parts.items[1], V_ASN1_BIT_STRING) && parts.items[1].content.len > 0 &&
               parts.items[1].content.data[0] == 0,
           KIND, "the proof is no algorithm and signature over the CertRequest");
    crmf->algorithm = parts.items[0].whole;
    crmf->signature = bytes_make(parts.items[1].content.data + 1, parts.items[1].content.len - 1);
    crmf->proof = CRMF_PROOF_SIGNATURE;
    return true;
}

static bool read_proof(struct task *t, const struct der *proof, struct crmf *crmf)
{
    ENSURE(t, proof->tag <= PROOF_KEY_AGREEMENT, KIND, "a proof of possession of kind %d",
           proof->tag);
    if (proof->tag == PROOF_SIGNATURE)
        return read_signature(t, proof, crmf);
    crmf->proof = proof->tag == PROOF_RA ? CRMF_PROOF_RA : CRMF_PROOF_OTHER;
    return true;
}

bool crmf_parse(struct task *t, struct bytes der, struct crmf *ret)
{
    struct crmf crmf = {.proof = CRMF_PROOF_NONE};
    struct der_list parts;
    ENSURE(t, der.len > 0 && der.len <= CSR_SIZE_MAX, KIND, "%zu octets; a request has 1 to %zu",
           der.len, CSR_SIZE_MAX);
    TRY(der_in_sequence(t, der, 3, KIND, &parts));
    ENSURE(t, parts.count > 0, KIND, "no CertRequest");
    TRY(read_request(t, &parts.items[0], &crmf));
    if (parts.count > 1 && parts.items[1].contextual)
        TRY(read_proof(t, &parts.items[1], &crmf));
    /* RFC 4211 7: what else the client says of its request (regInfo) has no meaning here. */
    for (size_t i = 1; i < parts.count; i++)
        ENSURE(t, (i == 1 && parts.items[i].contextual) || der_is(&parts.items[i], V_ASN1_SEQUENCE),
               KIND, "octets that belong to no CertReqMsg");
    *ret = crmf;
    return true;
}

/* --- as PKCS#10 --- */

/* RFC 2986 4.1: attributes [0], each with one value (RFC 2985 5.4.2, RFC 6402 2.8). */
static bool write_attributes(struct task *t, const struct crmf *crmf, struct bytes *ret)
{
    const struct {
        const char *oid;
        struct bytes value;
    } attributes[] = {
        {OID_EXTENSION_REQUEST, crmf->extensions},
        {OID_CMC_CHANGE_SUBJECT, crmf->change},
    };
    struct bytes written[ARRAY_SIZE(attributes)];
    size_t count = 0;
    for (size_t i = 0; i < ARRAY_SIZE(attributes); i++) {
        struct bytes value = attributes[i].value;
        if (!bytes_present(value))
            continue;
        TRY(der_pair(t, attributes[i].oid, der_set(t, &value, 1), &written[count]));
        count++;
    }
    *ret = der_tagged(t, 0, written, count);
    return true;
}

/* Without a signature: the algorithm that is natural for the key, which a profile may ask for. */
static bool natural_algorithm(struct task *t, const struct crmf *crmf, struct bytes *ret)
{
    const unsigned char *at = crmf->spki.data;
    EVP_PKEY *key = d2i_PUBKEY(NULL, &at, (long)crmf->spki.len);
    ERR_clear_error();
    enum key_kind kind = key == NULL ? KEY_OTHER : key_kind_of(key, NULL);
    EVP_PKEY_free(key);
    switch (kind) {
    case KEY_P384:
        return der_pair(t, OID_ECDSA_SHA384, BYTES_ABSENT, ret);
    case KEY_P521:
        return der_pair(t, OID_ECDSA_SHA512, BYTES_ABSENT, ret);
    case KEY_RSA:
        return der_pair(t, OID_RSA_SHA256, BYTES_LITERAL("\x05\x00"), ret);
    case KEY_ED25519:
        return der_pair(t, OID_ED25519, BYTES_ABSENT, ret);
    case KEY_P256:
    case KEY_OTHER:
        break;
    }
    return der_pair(t, OID_ECDSA_SHA256, BYTES_ABSENT, ret);
}

static struct bytes bit_string(struct task *t, struct bytes octets)
{
    ASN1_BIT_STRING *string = IN_ARENA(t, ASN1_BIT_STRING_free, ASN1_BIT_STRING_new());
    (void)ASN1_BIT_STRING_set(string, (unsigned char *)octets.data, (int)octets.len);
    string->flags |= ASN1_STRING_FLAG_BITS_LEFT; /* all of the last octet's bits count */
    return ENCODE(t, i2d_ASN1_BIT_STRING, string);
}

bool crmf_to_csr(struct task *t, const struct crmf *crmf, struct csr *ret)
{
    struct bytes info[] = {BYTES_LITERAL("\x02\x01\x00"), crmf->subject, crmf->spki, BYTES_ABSENT};
    struct bytes algorithm = crmf->algorithm;
    TRY(write_attributes(t, crmf, &info[3]));
    if (crmf->proof != CRMF_PROOF_SIGNATURE)
        TRY(natural_algorithm(t, crmf, &algorithm));
    const struct bytes parts[] = {
        der_sequence(t, info, ARRAY_SIZE(info)),
        algorithm,
        bit_string(t, crmf->signature),
    };
    return csr_parse(t, der_sequence(t, parts, ARRAY_SIZE(parts)), ret);
}

/* --- proof of possession --- */

static bool verify(struct task *t, const struct crmf *crmf, const struct csr *csr)
{
    int hash = NID_undef;
    int key = NID_undef;
    EVP_MD_CTX *context = IN_ARENA(t, EVP_MD_CTX_free, EVP_MD_CTX_new());
    bool known = OBJ_find_sigid_algs(OBJ_txt2nid(csr->signature_oid), &hash, &key) == 1;
    ERR_clear_error();
    ENSURE(t, known, E_CSR_POP, "signed with algorithm %s, which is not known here",
           csr->signature_oid);
    const EVP_MD *md = hash == NID_undef ? NULL : EVP_get_digestbynid(hash);
    ENSURE(t,
           (md != NULL) == (csr->key_kind != KEY_ED25519) &&
               EVP_DigestVerifyInit(context, NULL, md, NULL, csr->key) == 1 &&
               EVP_DigestVerify(context, crmf->signature.data, crmf->signature.len,
                                crmf->request.data, crmf->request.len) == 1,
           E_CSR_POP, "%s", crypto_error(t));
    return true;
}

bool crmf_verify(struct task *t, const struct crmf *crmf, const struct csr *csr)
{
    ENSURE(t, crmf->proof == CRMF_PROOF_SIGNATURE, E_POP_MISSING, "%s",
           crmf->proof == CRMF_PROOF_NONE ? "no proof of possession"
                                          : "a proof of possession that is no signature");
    return verify(t, crmf, csr);
}
