#include "core/asking/check.h"

#include "core/asking/checking.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#define FILLED_MAX 4096 /* octets of an extension that the client fills */

const char *asked_oid_text(struct task *t, const char *oid)
{
    int nid = OBJ_txt2nid(oid);
    return nid == NID_undef ? oid : arena_printf(t->arena, "%s (%s)", OBJ_nid2sn(nid), oid);
}

/* ---- Key, hash, channel binding ---- */

static bool check_key(struct task *t, const struct checking *c, enum key_kind kind, unsigned bits)
{
    const struct csr *csr = c->csr;
    if (c->sender->key_is_ours)
        return true;
    ENSURE(t, kind == KEY_OTHER || csr->key_kind == kind, E_CSR_NOT_AS_ASKED,
           "key is %s, asked for is %s", key_kind_text(t, csr->key_kind, csr->key_bits),
           key_kind_text(t, kind, bits));
    ENSURE(t, bits == 0 || csr->key_bits == bits, E_CSR_NOT_AS_ASKED,
           "the RSA key has %u bits, asked for are %u", csr->key_bits, bits);
    return true;
}

static bool check_manner(struct task *t, const struct checking *c, const struct csrattrs *asked)
{
    const struct csr *csr = c->csr;
    ENSURE(t,
           asked->signature_oid == NULL || c->sender->key_is_ours ||
               strcmp(csr->signature_oid, asked->signature_oid) == 0,
           E_CSR_NOT_AS_ASKED, "signed with algorithm %s, asked for is %s",
           asked_oid_text(t, csr->signature_oid), asked_oid_text(t, asked->signature_oid));
    /* RFC 7030 3.5: what is there has been verified; here it is missing. */
    ENSURE(t,
           !asked->challenge_password || csr->challenge_password != NULL || c->sender->binds_itself,
           E_CSR_NOT_AS_ASKED,
           "a challengePassword that binds the request to its connection is asked for (RFC 7030 "
           "3.5); it has none");
    return true;
}

/* ---- Extensions ---- */

static bool has_bit(const ASN1_BIT_STRING *allowed, const ASN1_BIT_STRING *got)
{
    for (int bit = 0; bit < 8 * ASN1_STRING_length(got); bit++) {
        if (ASN1_BIT_STRING_get_bit(got, bit) == 1 && ASN1_BIT_STRING_get_bit(allowed, bit) != 1)
            return false;
    }
    return true;
}

/* Key usages, none but those of the profile. */
static bool is_within_key_usage(struct bytes allowed, struct bytes got)
{
    const unsigned char *at = allowed.data;
    ASN1_BIT_STRING *most = d2i_ASN1_BIT_STRING(NULL, &at, (long)allowed.len);
    at = got.data;
    ASN1_BIT_STRING *bits = d2i_ASN1_BIT_STRING(NULL, &at, (long)got.len);
    bool within = most != NULL && bits != NULL && at == got.data + got.len &&
                  ASN1_STRING_length(bits) > 0 && has_bit(most, bits);
    ASN1_BIT_STRING_free(most);
    ASN1_BIT_STRING_free(bits);
    ERR_clear_error();
    return within;
}

static bool has_purpose(const EXTENDED_KEY_USAGE *list, const ASN1_OBJECT *purpose)
{
    for (int i = 0; i < sk_ASN1_OBJECT_num(list); i++) {
        if (OBJ_cmp(sk_ASN1_OBJECT_value(list, i), purpose) == 0)
            return true;
    }
    return false;
}

static bool is_within_ext_key_usage(struct bytes allowed, struct bytes got)
{
    const unsigned char *at = allowed.data;
    EXTENDED_KEY_USAGE *most = d2i_EXTENDED_KEY_USAGE(NULL, &at, (long)allowed.len);
    at = got.data;
    EXTENDED_KEY_USAGE *list = d2i_EXTENDED_KEY_USAGE(NULL, &at, (long)got.len);
    bool within =
        most != NULL && list != NULL && at == got.data + got.len && sk_ASN1_OBJECT_num(list) > 0;
    for (int i = 0; within && i < sk_ASN1_OBJECT_num(list); i++)
        within = has_purpose(most, sk_ASN1_OBJECT_value(list, i));
    EXTENDED_KEY_USAGE_free(most);
    EXTENDED_KEY_USAGE_free(list);
    ERR_clear_error();
    return within;
}

static bool is_der(struct bytes octets)
{
    const unsigned char *at = octets.data;
    ASN1_TYPE *value = d2i_ASN1_TYPE(NULL, &at, (long)octets.len);
    bool whole = value != NULL && at == octets.data + octets.len;
    ASN1_TYPE_free(value);
    ERR_clear_error();
    return whole;
}

/* What the client has put where it was told to put something. */
static bool check_gap(struct task *t, const struct checking *c, const struct extension *got)
{
    const struct profile *profile = c->sender->profile;
    struct bytes allowed;
    const char *name = asked_oid_text(t, got->oid);
    const char *hex = bytes_to_hex(t->arena, got->value);
    if (strcmp(got->oid, OID_CE_KEY_USAGE) == 0) {
        TRY(extension_key_usage(t, &profile->key_usage, &allowed));
        ENSURE(t, is_within_key_usage(allowed, got->value), E_CSR_NOT_AS_ASKED,
               "extension %s is %s, which goes beyond what the profile gives: %s", name, hex,
               bytes_to_hex(t->arena, allowed));
    } else if (strcmp(got->oid, OID_CE_EXT_KEY_USAGE) == 0) {
        TRY(extension_ext_key_usage(t, &profile->ext_key_usage, &allowed));
        ENSURE(t, is_within_ext_key_usage(allowed, got->value), E_CSR_NOT_AS_ASKED,
               "extension %s is %s, which goes beyond what the profile gives: %s", name, hex,
               bytes_to_hex(t->arena, allowed));
    }
    ENSURE(t, got->value.len <= FILLED_MAX && is_der(got->value), E_CSR_NOT_AS_ASKED,
           "extension %s was to be filled, and is no DER of at most %d octets", name, FILLED_MAX);
    return true;
}

static bool check_extension(struct task *t, const struct checking *c, const struct extension *want)
{
    if (strcmp(want->oid, OID_CE_SUBJECT_ALT_NAME) == 0)
        return c->renewal || check_alt_names(t, c, want->value);
    const struct extension *got = extension_find(&c->csr->extensions, want->oid);
    const char *name = asked_oid_text(t, want->oid);
    ENSURE(t, got != NULL, E_CSR_NOT_AS_ASKED, "extension %s is asked for and missing", name);
    if (!bytes_present(want->value))
        return check_gap(t, c, got);
    ENSURE(t, bytes_equal(got->value, want->value), E_CSR_NOT_AS_ASKED,
           "extension %s is %s, asked for is %s", name, bytes_to_hex(t->arena, got->value),
           bytes_to_hex(t->arena, want->value));
    return true;
}

static bool is_asked_for(const struct checking *c, const char *oid)
{
    return extension_find(c->extensions, oid) != NULL;
}

/* A device asks for nothing that it was not told to ask for. */
static bool check_nothing_besides(struct task *t, const struct checking *c)
{
    /* Also where they are in a ChangeSubjectName, and so no extension of the request. */
    ENSURE(t,
           !bytes_present(csr_wanted_alt_names(c->csr)) || is_asked_for(c, OID_CE_SUBJECT_ALT_NAME),
           E_CSR_NOT_AS_ASKED, "alternative names were not asked for");
    for (size_t i = 0; i < c->csr->extensions.count; i++) {
        const char *oid = c->csr->extensions.items[i].oid;
        ENSURE(t, is_asked_for(c, oid), E_CSR_NOT_AS_ASKED, "extension %s was not asked for",
               asked_oid_text(t, oid));
    }
    return true;
}

/* A usage that the CA takes from the request is one of the profile's, also when nobody asked. */
static bool check_usage(struct task *t, const struct checking *c, const char *oid, unsigned ask)
{
    const struct extension *got = extension_find(&c->csr->extensions, oid);
    return ask != PROFILE_ASK_FILL || got == NULL || is_asked_for(c, oid) || check_gap(t, c, got);
}

/*
 * Others, and those who renew, may have more in their requests: the CA passes over it.  But what
 * the CA takes from a request on the profile's word has been asked for.
 */
static bool check_what_is_taken(struct task *t, const struct checking *c)
{
    const struct profile *profile = c->sender->profile;
    const struct profile_extension *own = profile->extensions.items;
    for (size_t i = 0; i < profile->extensions.count; i++)
        ENSURE(t,
               is_asked_for(c, own[i].oid) ||
                   extension_find(&c->csr->extensions, own[i].oid) == NULL,
               E_CSR_NOT_AS_ASKED, "extension %s was not asked for", asked_oid_text(t, own[i].oid));
    TRY(check_usage(t, c, OID_CE_KEY_USAGE, profile->ask_key_usage));
    return check_usage(t, c, OID_CE_EXT_KEY_USAGE, profile->ask_ext_key_usage);
}

static bool check_extensions(struct task *t, const struct checking *c)
{
    for (size_t i = 0; i < c->extensions->count; i++)
        TRY(check_extension(t, c, &c->extensions->items[i]));
    return c->sender->serial == NULL || c->renewal ? check_what_is_taken(t, c)
                                                   : check_nothing_besides(t, c);
}

/* ---- Either way of asking ---- */

/* RFC 9908 3.4. */
static bool check_by_template(struct task *t, const struct checking *c,
                              const struct csrattrs *asked)
{
    const struct csr_template *template = asked->template;
    TRY(check_manner(t, c, asked));
    if (template->has_key)
        TRY(check_key(t, c, template->key, template->rsa_bits));
    TRY(check_extensions(t, c));
    if (c->renewal)
        return true;
    return template->has_subject ? check_subject_by_template(t, c, template)
                                 : check_subject_of_device(t, c);
}

/* RFC 9908 3.2. */
static bool check_by_elements(struct task *t, const struct checking *c,
                              const struct csrattrs *asked)
{
    TRY(check_manner(t, c, asked));
    TRY(check_key(t, c, asked->key, asked->rsa_bits));
    TRY(check_extensions(t, c));
    if (c->renewal)
        return true;
    TRY(check_filled(t, c, &asked->fill));
    return check_subject_of_device(t, c);
}

/* Something that a client without a notion of templates is told. */
static bool has_elements(const struct csrattrs *asked)
{
    return asked->key != KEY_OTHER || asked->extensions.count > 0 || asked->fill.count > 0;
}

/* Neither way: both reasons are told. */
static bool check_either(struct task *t, struct checking *c, const struct csrattrs *asked)
{
    c->extensions = &asked->template->extensions;
    if (check_by_template(t, c, asked))
        return true;
    if (!task_failed_with(t, E_CSR_NOT_AS_ASKED) || !has_elements(asked))
        return false;
    const char *why = t->detail;
    task_forgive(t);
    c->extensions = &asked->extensions;
    if (check_by_elements(t, c, asked))
        return true;
    return !task_failed_with(t, E_CSR_NOT_AS_ASKED)
               ? false
               : fail(t, E_CSR_NOT_AS_ASKED,
                      "not as the template asks: %s; nor as the rest does: %s", why, t->detail);
}

static bool check(struct task *t, struct checking *c, const struct csrattrs *asked)
{
    if (asked->template != NULL)
        return check_either(t, c, asked);
    c->extensions = &asked->extensions;
    return check_by_elements(t, c, asked);
}

bool csr_as_asked(struct task *t, const struct csr *csr, const struct csrattrs *asked,
                  const struct sender *sender)
{
    struct checking c = {.csr = csr, .sender = sender};
    return check(t, &c, asked);
}

bool csr_renewal_as_asked(struct task *t, const struct csr *csr, const struct csrattrs *asked,
                          const struct sender *sender)
{
    struct checking c = {.csr = csr, .sender = sender, .renewal = true};
    return check(t, &c, asked);
}
