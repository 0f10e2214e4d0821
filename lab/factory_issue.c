#include "lab/factory_issue.h"

#include "core/base/clock.h"
#include "core/pki/issue.h"
#include "lab/credentials.h"

const char *const factory_key_names[] = {"p256",    "p384",    "p521",    "rsa2048",
                                         "rsa3072", "rsa4096", "ed25519", NULL};

static const struct {
    enum key_kind kind;
    unsigned bits;
} key_kinds[] = {
    [FACTORY_P256] = {KEY_P256, 256},       [FACTORY_P384] = {KEY_P384, 384},
    [FACTORY_P521] = {KEY_P521, 521},       [FACTORY_RSA2048] = {KEY_RSA, 2048},
    [FACTORY_RSA3072] = {KEY_RSA, 3072},    [FACTORY_RSA4096] = {KEY_RSA, 4096},
    [FACTORY_ED25519] = {KEY_ED25519, 256},
};

bool factory_time(struct task *t, const char *text, int64_t *ret)
{
    ENSURE(t, time_from_text(text, ret), E_INVALID, "\"%s\" is no time", text);
    return true;
}

static bool add_to_name(struct task *t, X509_NAME *name, int attribute, const char *text)
{
    ENSURE(t,
           X509_NAME_add_entry_by_NID(name, attribute, MBSTRING_UTF8, (const unsigned char *)text,
                                      -1, -1, 0) == 1,
           E_INVALID, "\"%s\" cannot be in a subject: %s", text, crypto_error(t));
    return true;
}

static bool make_name(struct task *t, const struct factory *factory,
                      const struct factory_item *item, X509_NAME **ret)
{
    X509_NAME *name = X509_NAME_new();
    ENSURE(t, name != NULL, E_CRYPTO, "%s", crypto_error(t));
    ARENA_DEFER(t->arena, X509_NAME_free, name);
    TRY(add_to_name(t, name, NID_organizationName, factory->name));
    TRY(add_to_name(t, name, NID_commonName, item->common_name));
    if (item->serial != NULL)
        TRY(add_to_name(t, name, NID_serialNumber, item->serial));
    *ret = name;
    return true;
}

bool factory_issue(struct task *t, const struct factory *factory, const struct factory_item *item,
                   const struct cert **ret, EVP_PKEY **ret_key)
{
    struct issue issue = {
        .not_before = item->valid_from,
        .not_after = item->valid_to,
        .ca = item->ca,
        .path_length = item->ca ? 0 : -1,
        .extensions = item->extensions,
        .issuer = item->ca ? NULL : factory->ca,
    };
    const struct cert *cert;
    TRY(key_generate(t, key_kinds[item->key].kind, key_kinds[item->key].bits, &issue.key));
    issue.issuer_key = item->ca ? issue.key : factory->key;
    TRY(make_name(t, factory, item, &issue.subject));
    TRY(issue_certificate(t, &issue, &cert));
    TRY(credentials_write(t, arena_printf(t->arena, "%s.pem", item->path),
                          arena_printf(t->arena, "%s.key", item->path), cert, issue.key));
    *ret = cert;
    *ret_key = issue.key;
    return true;
}

static void add(struct extension_list *list, const char *oid, bool critical, struct bytes value)
{
    list->items[list->count++] =
        (struct extension){.oid = oid, .critical = critical, .value = value};
}

bool add_key_usage(struct task *t, struct extension_list *list, const struct text_list *names)
{
    struct bytes value;
    TRY(extension_key_usage(t, names, &value));
    add(list, OID_CE_KEY_USAGE, true, value);
    return true;
}

bool add_ext_key_usage(struct task *t, struct extension_list *list, const char *name)
{
    struct bytes value;
    TRY(extension_ext_key_usage(t, &(struct text_list){&name, 1}, &value));
    add(list, OID_CE_EXT_KEY_USAGE, false, value);
    return true;
}

bool add_dns_name(struct task *t, struct extension_list *list, const char *name)
{
    struct bytes value;
    TRY(extension_dns_names(t, &(struct text_list){&name, 1}, &value));
    add(list, OID_CE_SUBJECT_ALT_NAME, false, value);
    return true;
}

bool add_masa_url(struct task *t, struct extension_list *list, const char *url)
{
    unsigned char *der = NULL;
    for (const char *c = url; *c != '\0'; c++)
        ENSURE(t, (unsigned char)*c < 0x80, E_INVALID, "the MASA URL is not ASCII");
    ASN1_IA5STRING *text = ASN1_IA5STRING_new();
    bool made = text != NULL && ASN1_STRING_set(text, url, -1) == 1;
    int len = made ? i2d_ASN1_IA5STRING(text, &der) : -1;
    ASN1_IA5STRING_free(text);
    ENSURE(t, len > 0, E_CRYPTO, "MASA URL: %s", crypto_error(t));
    add(list, OID_PE_MASA_URL, false, bytes_copy(t->arena, bytes_make(der, (size_t)len)));
    OPENSSL_free(der);
    return true;
}
