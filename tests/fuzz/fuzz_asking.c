/*
 * Whatever is read as a certification request, held against what a profile asks for: by legacy
 * elements, by the template, and by both, of a device and of somebody else.
 *
 * Covers: core/asking/check.c core/asking/check_names.c core/asking/check_subject.c
 */
#include "tests/fuzz/support.h"

#include "core/asking/check.h"

static struct profile_attribute subject[] = {
    {.type = "O", .value = "maker"}, {.type = "L"}, {.type = "serialNumber"}};
static struct profile_alt_name names[] = {
    {.kind = PROFILE_NAME_DNS, .value = "a.example"},
    {.kind = PROFILE_NAME_DNS, .value = "b.example"},
    {.kind = PROFILE_NAME_IP},
    {.kind = PROFILE_NAME_DIRECTORY},
};
static struct profile_extension extensions[] = {{.oid = "1.2.3"}};
static const char *fill[] = {"2.5.4.5"};
static const char *key_usages[] = {"digitalSignature", "keyAgreement"};
static const char *purposes[] = {"clientAuth"};

static struct profile profile_of(enum profile_csrattrs csrattrs, bool names_alone)
{
    struct profile profile = {
        .name = "fuzz",
        .csrattrs = csrattrs,
        .key = PROFILE_KEY_ANY,
        .hash = PROFILE_HASH_ANY,
        .key_usage = {key_usages, ARRAY_SIZE(key_usages)},
        .ext_key_usage = {purposes, ARRAY_SIZE(purposes)},
        .subject = {subject, ARRAY_SIZE(subject)},
        .alt_names = {names, ARRAY_SIZE(names)},
        .fill = {fill, ARRAY_SIZE(fill)},
    };
    if (names_alone)
        return profile;
    profile.extensions = (struct record_list){extensions, ARRAY_SIZE(extensions)};
    profile.ask_key_usage = PROFILE_ASK_FILL;
    profile.ask_ext_key_usage = PROFILE_ASK_FILL;
    return profile;
}

static void judge(struct task *t, const struct csr *csr, const struct profile *profile)
{
    static const struct asking_device device = {.serial = "1", .manufacturer = "maker"};
    const struct sender senders[] = {
        {.profile = profile, .serial = "1", .address = BYTES_LITERAL("\xC0\x00\x02\x07")},
        {.profile = profile},
    };
    struct wishes wishes;
    MUST(wishes_compile(t, profile, &device, false, &wishes));
    for (size_t i = 0; i < ARRAY_SIZE(senders); i++) {
        if (!csr_as_asked(t, csr, &wishes.attrs, &senders[i]))
            MUST(t->problem == E_CSR_NOT_AS_ASKED || t->problem == E_CSR_MALFORMED);
        task_forgive(t);
        if (!csr_renewal_as_asked(t, csr, &wishes.attrs, &senders[i]))
            MUST(t->problem == E_CSR_NOT_AS_ASKED || t->problem == E_CSR_MALFORMED);
        task_forgive(t);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_cleanup) struct arena *arena = arena_create();
    struct task t;
    struct csr csr;
    task_init(&t, arena, NULL);
    if (!csr_parse(&t, bytes_make(data, size), &csr))
        return 0;
    for (unsigned csrattrs = PROFILE_LEGACY; csrattrs <= PROFILE_BOTH; csrattrs++) {
        struct profile whole = profile_of(csrattrs, false);
        struct profile part = profile_of(csrattrs, true);
        judge(&t, &csr, &whole);
        judge(&t, &csr, &part);
    }
    return 0;
}
