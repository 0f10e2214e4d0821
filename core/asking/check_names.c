/* Alternative names, one by one: those asked for are there, and a device has no others. */
#include "core/asking/checking.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#define IPV4_LEN 4
#define IPV6_LEN 16

/* A SubjectAltName, read. */
struct names {
    GENERAL_NAMES *list;
    struct text_list texts; /* of each */
    bool *taken;
};

static void release_names(void *names)
{
    GENERAL_NAMES_free(names);
}

static bool read_names(struct task *t, struct bytes value, struct names *ret)
{
    struct names names = {.texts = {arena_array(t->arena, 1, sizeof(char *)), 0}};
    if (bytes_present(value)) {
        const unsigned char *at = value.data;
        TRY(alt_names_to_text(t, value, &names.texts));
        names.list = d2i_GENERAL_NAMES(NULL, &at, (long)value.len);
        ENSURE(t, names.list != NULL, E_CSR_MALFORMED, "a SubjectAltName that cannot be read");
        arena_defer(t->arena, release_names, names.list);
    }
    names.taken = arena_array(t->arena, names.texts.count + 1, sizeof(bool));
    *ret = names;
    return true;
}

static const char *all_of(struct task *t, const struct names *names)
{
    const char *text = names->texts.count == 0 ? "none" : names->texts.items[0];
    for (size_t i = 1; i < names->texts.count; i++)
        text = arena_printf(t->arena, "%s, %s", text, names->texts.items[i]);
    return text;
}

/* RFC 9908 3.4: a name with nothing in it is the client's to fill. */
static bool is_gap(const GENERAL_NAME *name)
{
    int type;
    const void *value = GENERAL_NAME_get0_value(name, &type);
    return (type == GEN_DIRNAME && X509_NAME_entry_count(value) == 0) ||
           (type == GEN_IPADD && ASN1_STRING_length(value) == 0);
}

static bool take_given(struct task *t, const struct names *asked, int at, struct names *got)
{
    GENERAL_NAME *want = sk_GENERAL_NAME_value(asked->list, at);
    for (int i = 0; i < sk_GENERAL_NAME_num(got->list); i++) {
        if (!got->taken[i] && GENERAL_NAME_cmp(want, sk_GENERAL_NAME_value(got->list, i)) == 0) {
            got->taken[i] = true;
            return true;
        }
    }
    return fail(t, E_CSR_NOT_AS_ASKED, "the name %s is asked for; the request has %s",
                asked->texts.items[at], all_of(t, got));
}

/* Where it sends from, as far as that is known. */
static bool check_address(struct task *t, const struct checking *c, const GENERAL_NAME *name,
                          const char *text)
{
    int type;
    const ASN1_STRING *value = GENERAL_NAME_get0_value(name, &type);
    const struct bytes address =
        bytes_make(ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value));
    ENSURE(t, address.len == IPV4_LEN || address.len == IPV6_LEN, E_CSR_NOT_AS_ASKED,
           "an IP address is to be filled; the request has %s", text);
    ENSURE(t,
           c->sender->serial == NULL || !bytes_present(c->sender->address) ||
               bytes_equal(address, c->sender->address),
           E_CSR_NOT_AS_ASKED, "the device fills its IP address with %s and sends from another",
           text);
    return true;
}

/* The subject, or what the IDevID has for one. */
static bool check_directory(struct task *t, const struct checking *c, const GENERAL_NAME *name,
                            const char *text)
{
    int type;
    const X509_NAME *value = GENERAL_NAME_get0_value(name, &type);
    const struct cert *idevid = c->sender->idevid;
    bool own = X509_NAME_cmp(value, csr_wanted_subject(c->csr)) == 0 ||
               (idevid != NULL && X509_NAME_cmp(value, X509_get_subject_name(idevid->x509)) == 0);
    ENSURE(t, own, E_CSR_NOT_AS_ASKED,
           "a directoryName is to be filled with the subject; the request has %s", text);
    return true;
}

static bool take_gap(struct task *t, const struct checking *c, const GENERAL_NAME *want,
                     struct names *got)
{
    int wanted;
    (void)GENERAL_NAME_get0_value(want, &wanted);
    for (int i = 0; i < sk_GENERAL_NAME_num(got->list); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(got->list, i);
        int type;
        (void)GENERAL_NAME_get0_value(name, &type);
        if (got->taken[i] || type != wanted)
            continue;
        got->taken[i] = true;
        return type == GEN_IPADD ? check_address(t, c, name, got->texts.items[i])
                                 : check_directory(t, c, name, got->texts.items[i]);
    }
    return fail(t, E_CSR_NOT_AS_ASKED, "%s is to be filled; the request has %s",
                wanted == GEN_IPADD ? "an IP address" : "a directoryName", all_of(t, got));
}

bool check_alt_names(struct task *t, const struct checking *c, struct bytes asked_value)
{
    struct names asked;
    struct names got;
    TRY(read_names(t, asked_value, &asked));
    TRY(read_names(t, csr_wanted_alt_names(c->csr), &got));
    for (int i = 0; i < sk_GENERAL_NAME_num(asked.list); i++) {
        if (!is_gap(sk_GENERAL_NAME_value(asked.list, i)))
            TRY(take_given(t, &asked, i, &got));
    }
    for (int i = 0; i < sk_GENERAL_NAME_num(asked.list); i++) {
        if (is_gap(sk_GENERAL_NAME_value(asked.list, i)))
            TRY(take_gap(t, c, sk_GENERAL_NAME_value(asked.list, i), &got));
    }
    for (size_t i = 0; c->sender->serial != NULL && i < got.texts.count; i++)
        ENSURE(t, got.taken[i], E_CSR_NOT_AS_ASKED,
               "the name %s was not asked for; asked for is %s", got.texts.items[i],
               all_of(t, &asked));
    return true;
}

static bool has_value(const struct text_list *names, const char *text)
{
    for (size_t i = 0; i < names->count; i++) {
        const char *value = strchr(names->items[i], ':');
        if (value != NULL && strcmp(value + 1, text) == 0)
            return true;
    }
    return false;
}

bool check_repeats_name(struct task *t, const struct checking *c, const char *text, bool *ret)
{
    const struct extension *san = extension_find(c->extensions, OID_CE_SUBJECT_ALT_NAME);
    struct text_list names = {NULL, 0};
    if (san != NULL)
        TRY(alt_names_to_text(t, san->value, &names));
    *ret = has_value(&names, text);
    return true;
}

bool asked_gives_name(struct task *t, const struct csrattrs *asked, const char *name, bool *ret)
{
    const struct extension_list *lists[] = {
        &asked->extensions, asked->template == NULL ? NULL : &asked->template->extensions};
    bool gives = false;
    for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
        const struct extension *san =
            lists[i] == NULL ? NULL : extension_find(lists[i], OID_CE_SUBJECT_ALT_NAME);
        struct text_list names = {NULL, 0};
        if (san != NULL)
            TRY(alt_names_to_text(t, san->value, &names));
        for (size_t j = 0; j < names.count; j++)
            gives = gives || strcmp(names.items[j], name) == 0;
    }
    *ret = gives;
    return true;
}
