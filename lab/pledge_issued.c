/* What the pledge demands of the certificate that it gets. */
#include "lab/pledge_enrol.h"
#include "lab/problems.h"

#include <string.h>

bool est_anchors(struct task *t, const struct pledge *p, const struct anchors **ret)
{
    const struct cert_list *all = &p->now.cacerts;
    struct cert_list roots = {.items = arena_array(t->arena, all->count, sizeof(struct cert *))};
    for (size_t i = 0; i < all->count; i++) {
        if (cert_is_self_signed(all->items[i]))
            roots.items[roots.count++] = all->items[i];
    }
    return anchors_make(t, roots.count > 0 ? &roots : all, ret);
}

static bool find_ours(struct task *t, const struct pledge *p, const struct cert_list *given,
                      const struct cert **ret)
{
    for (size_t i = 0; i < given->count; i++) {
        if (X509_check_private_key(given->items[i]->x509, p->now.key) == 1) {
            *ret = given->items[i];
            return true;
        }
    }
    (void)crypto_error(t);
    return fail(t, E_CERTIFICATE_REFUSED, "none of %zu certificates is for our key", given->count);
}

static bool contains(const struct text_list *list, const char *text)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->items[i], text) == 0)
            return true;
    }
    return false;
}

/* Every name that was asked for; the CA may add others. */
static bool check_names(struct task *t, const struct csr_content *asked, const struct cert *cert)
{
    const struct extension *names = extension_find(&asked->extensions, OID_CE_SUBJECT_ALT_NAME);
    struct text_list wanted;
    struct text_list got;
    if (names == NULL)
        return true;
    TRY(alt_names_to_text(t, names->value, &wanted));
    TRY(cert_alt_names(t, cert, &got));
    for (size_t i = 0; i < wanted.count; i++)
        ENSURE(t, contains(&got, wanted.items[i]), E_CERTIFICATE_REFUSED,
               "csrattrs asked for the name %s, and the certificate has it not", wanted.items[i]);
    return true;
}

static bool subject_has(const X509_NAME *subject, const X509_NAME_ENTRY *wanted)
{
    const ASN1_OBJECT *type = X509_NAME_ENTRY_get_object(wanted);
    int at = -1;
    while ((at = X509_NAME_get_index_by_OBJ(subject, type, at)) >= 0) {
        const X509_NAME_ENTRY *entry = X509_NAME_get_entry(subject, at);
        if (ASN1_STRING_cmp(X509_NAME_ENTRY_get_data(entry), X509_NAME_ENTRY_get_data(wanted)) == 0)
            return true;
    }
    return false;
}

/* The template's subject, values and filled gaps; the owner's CA may add to it. */
static bool check_subject(struct task *t, const struct csr_template *template,
                          const struct csr_content *asked, const struct cert *cert)
{
    const X509_NAME *subject = X509_get_subject_name(cert->x509);
    if (template == NULL || !template->has_subject)
        return true;
    for (int i = 0; i < X509_NAME_entry_count(asked->subject); i++)
        ENSURE(t, subject_has(subject, X509_NAME_get_entry(asked->subject, i)),
               E_CERTIFICATE_REFUSED, "the subject is %s, and not all of what csrattrs asked for",
               cert_subject(t, cert));
    return true;
}

bool issued_check(struct task *t, const struct pledge *p, const struct csrattrs *wishes,
                  const struct cert_list *given, const struct cert **ret)
{
    const struct chain_rules rules = {.ignore_validity = p->world->settings.no_clock};
    const struct anchors *anchors;
    const struct cert *ours;
    TRY(find_ours(t, p, given, &ours));
    TRY(est_anchors(t, p, &anchors));
    if (!chain_verify(t, anchors, ours, &p->now.cacerts, &rules, NULL))
        return fail(t, E_CERTIFICATE_REFUSED, "does not lead to cacerts: %s", t->detail);
    /* brski-cloud 4.2: the identity in it is the one that we were told to ask for. */
    TRY(check_subject(t, wishes->template, &p->now.content, ours));
    TRY(check_names(t, &p->now.content, ours));
    /* RFC 7030 3.6.1: its holder would pass for an EST server with every client. */
    ENSURE(t, !cert_has_eku(ours, OID_KP_CMC_RA), E_CERTIFICATE_REFUSED,
           "the certificate makes a registration authority of a device");
    ENSURE(t, !cert_is_ca(ours), E_CERTIFICATE_REFUSED, "the certificate makes a CA of a device");
    *ret = ours;
    return true;
}
