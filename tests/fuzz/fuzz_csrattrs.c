/*
 * CSR attributes that are read are written so that they are read to the same again; a template
 * among them can be filled, or it is said why not.
 *
 * Covers: core/pki/csrattrs.c core/pki/csr_template.c core/pki/csr_fill.c
 */
#include "tests/fuzz/support.h"

#include "core/pki/csr_fill.h"
#include "core/pki/csrattrs.h"
#include "core/pki/issue.h"

#include <string.h>

static bool same_text(const char *a, const char *b)
{
    return (a == NULL && b == NULL) || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static void check_same(const struct csrattrs *a, const struct csrattrs *b)
{
    MUST(a->challenge_password == b->challenge_password);
    MUST(same_text(a->signature_oid, b->signature_oid));
    MUST(a->key == b->key && a->rsa_bits == b->rsa_bits);
    MUST(a->fill.count == b->fill.count && a->extensions.count == b->extensions.count);
    for (size_t i = 0; i < a->fill.count; i++)
        MUST(same_text(a->fill.items[i], b->fill.items[i]));
    for (size_t i = 0; i < a->extensions.count; i++) {
        const struct extension *one = &a->extensions.items[i];
        const struct extension *other = &b->extensions.items[i];
        MUST(same_text(one->oid, other->oid) && one->critical == other->critical);
        MUST(bytes_equal(one->value, other->value));
    }
}

/* The same octets: SETs come out in the order of DER. */
static void check_same_template(struct task *t, const struct csr_template *a,
                                const struct csr_template *b)
{
    struct bytes one;
    struct bytes other;
    MUST((a == NULL) == (b == NULL));
    if (a == NULL)
        return;
    MUST(csr_template_encode(t, a, &one) && csr_template_encode(t, b, &other));
    MUST(bytes_equal(one, other));
}

/* A device whose certificate and key live as long as the process. */
static const struct csr_facts *device(void)
{
    static struct csr_facts facts;
    static struct arena *arena;
    struct task t;
    struct issue issue = {.not_before = 0, .not_after = 253402300799000LL, .path_length = -1};
    if (arena != NULL)
        return &facts;
    arena = arena_create();
    task_init(&t, arena, NULL);
    MUST(key_generate(&t, KEY_P256, 0, &issue.key));
    issue.issuer_key = issue.key;
    MUST(name_from_text(&t, "serialNumber=1,O=maker", &issue.subject));
    MUST(issue_certificate(&t, &issue, &facts.idevid));
    facts.key = issue.key;
    facts.address = BYTES_LITERAL("\xC0\x00\x02\x01");
    return &facts;
}

static void check_filling(struct task *t, const struct csr_template *template)
{
    struct csr_content content;
    if (template == NULL)
        return;
    if (!csr_fill(t, template, device(), &content))
        MUST(t->problem == E_CSRATTRS_UNMET || t->problem == E_CSRATTRS_MALFORMED ||
             t->problem == E_INVALID);
    task_forgive(t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_cleanup) struct arena *arena = arena_create();
    struct task t;
    struct csrattrs attrs;
    struct csrattrs again;
    struct bytes der;
    task_init(&t, arena, NULL);
    if (!csrattrs_decode(&t, bytes_make(data, size), &attrs)) {
        MUST(t.problem == E_CSRATTRS_MALFORMED);
        return 0;
    }
    check_filling(&t, attrs.template);
    if (!csrattrs_encode(&t, &attrs, &der)) { /* OIDs of hundreds of characters, unknown keys */
        MUST(t.problem == E_INVALID);
        return 0;
    }
    MUST(csrattrs_decode(&t, der, &again));
    check_same(&attrs, &again);
    check_same_template(&t, attrs.template, again.template);
    return 0;
}
