#include "registrar/identity/certificate.h"

#include <arpa/inet.h>

#include <openssl/x509v3.h>

static bool is_ip_address(const char *host)
{
    struct in6_addr address;
    return inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, host, &address) == 1;
}

static bool check_dns_name(struct task *t, const char *host)
{
    struct bytes ignored;
    const struct text_list one = {&host, 1};
    return extension_dns_names(t, &one, &ignored);
}

static void release_names(void *names)
{
    GENERAL_NAMES_free(names);
}

/* RFC 5280 4.2.1.6 */
static bool make_alt_names(struct task *t, const struct text_list *hosts, struct bytes *ret)
{
    unsigned char *der = NULL;
    GENERAL_NAMES *names = GENERAL_NAMES_new();
    ENSURE(t, names != NULL, E_CRYPTO, "no memory for names");
    arena_defer(t->arena, release_names, names);
    for (size_t i = 0; i < hosts->count; i++) {
        bool ip = is_ip_address(hosts->items[i]);
        if (!ip)
            TRY(check_dns_name(t, hosts->items[i]));
        GENERAL_NAME *name =
            a2i_GENERAL_NAME(NULL, NULL, NULL, ip ? GEN_IPADD : GEN_DNS, hosts->items[i], 0);
        if (name == NULL || sk_GENERAL_NAME_push(names, name) <= 0) {
            GENERAL_NAME_free(name);
            return fail(t, E_INVALID, "host %s: %s", hosts->items[i], crypto_error(t));
        }
    }
    int len = i2d_GENERAL_NAMES(names, &der);
    ENSURE(t, len > 0, E_CRYPTO, "names: %s", crypto_error(t));
    *ret = bytes_copy(t->arena, bytes_make(der, (size_t)len));
    OPENSSL_free(der);
    return true;
}

static bool make_extensions(struct task *t, struct bytes alt_names, struct extension_list *ret)
{
    const char *usages[] = {"digitalSignature"};
    const char *purposes[] = {"serverAuth", "clientAuth", "cmcRA"};
    const struct text_list usage = {usages, ARRAY_SIZE(usages)};
    const struct text_list purpose = {purposes, ARRAY_SIZE(purposes)};
    struct extension *items = arena_array(t->arena, 3, sizeof(*items));
    items[0] = (struct extension){.oid = OID_CE_KEY_USAGE, .critical = true};
    items[1] = (struct extension){.oid = OID_CE_EXT_KEY_USAGE};
    items[2] = (struct extension){.oid = OID_CE_SUBJECT_ALT_NAME, .value = alt_names};
    TRY(extension_key_usage(t, &usage, &items[0].value));
    TRY(extension_ext_key_usage(t, &purpose, &items[1].value));
    *ret = (struct extension_list){items, 3};
    return true;
}

bool registrar_extensions(struct task *t, const struct text_list *hosts, struct extension_list *ret)
{
    struct bytes alt_names;
    TRY(make_alt_names(t, hosts, &alt_names));
    return make_extensions(t, alt_names, ret);
}

bool registrar_extensions_like(struct task *t, const struct cert *cert, struct extension_list *ret)
{
    return make_extensions(t, cert_extension(t, cert, OID_CE_SUBJECT_ALT_NAME), ret);
}
