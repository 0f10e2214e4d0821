#include "ca-connectors/local.h"

#include "ca-connectors/ca.h"
#include "ca-connectors/ca_urls.h"
#include "core/base/failpoint.h"
#include "core/pki/issue.h"
#include "core/store/records/authority.h"

#define AUTHORITY_MAX 64 /* characters of a name */

static const struct field fields[] = {
    FIELD(1, struct local_settings, authority, "authority", FIELD_TEXT, .flags = FIELD_REQUIRED,
          .max = AUTHORITY_MAX, .preset = AUTHORITY_DEVICE_CA,
          .help = "Which of the owner's authorities signs."),
};
const struct record_type local_settings_type =
    RECORD_TYPE("ca-local", 1, struct local_settings, fields);

struct local_ca {
    struct cert_list chain;  /* the issuer first */
    struct cert_list others; /* former issuers, and what a roll-over leaves behind */
    struct keystore_key *key;
    const char *public_url; /* NULL: no status is served */
};

/* ---- Opening ---- */

static bool add_other(struct task *t, struct bytes der, struct cert_list *list)
{
    const struct cert *cert;
    if (!bytes_present(der))
        return true;
    TRY(cert_parse(t, der, &cert));
    if (cert_not_after(cert) >= clock_wall())
        list->items[list->count++] = cert;
    return true;
}

/* RFC 7030 4.1.3: OldWithOld, OldWithNew and NewWithOld, as long as they are good. */
static bool read_others(struct task *t, struct reader *r, const char *name, struct cert_list *ret)
{
    const struct cert **items =
        arena_array(t->arena, (size_t)3 * (AUTHORITY_ROLLOVERS_MAX + 1), sizeof(struct cert *));
    struct cert_list list = {items, 0};
    const char *next = name;
    for (int i = 1; i <= AUTHORITY_ROLLOVERS_MAX + 1; i++) {
        struct authority authority;
        bool found;
        TRY(table_find(t, r, &authorities, bytes_of_text(next), &authority, &found));
        if (!found)
            break;
        if (authority.replaced != 0)
            TRY(add_other(t, authority.certificate, &list));
        TRY(add_other(t, authority.new_with_old, &list));
        TRY(add_other(t, authority.old_with_new, &list));
        next = arena_printf(t->arena, "%s-%d", name, i);
    }
    *ret = list;
    return true;
}

static bool local_open(struct task *t, const struct ca_environment *env, const void *settings,
                       void **ret)
{
    const struct local_settings *local = settings;
    CLEANUP(view_cleanup) struct view *view = NULL;
    struct local_ca *ca = arena_alloc(t->arena, sizeof(*ca));
    struct bytes_list chain;
    const char *label;
    TRY(view_open(t, env->store, &view));
    TRY(authority_chain(t, view_reader(view), local->authority, &chain, &label));
    TRY(certs_parse(t, &chain, &ca->chain));
    TRY(read_others(t, view_reader(view), local->authority, &ca->others));
    ca->public_url = env->public_url;
    TRY(keystore_find(t, env->keys, label, &ca->key));
    const struct cert *issuer = ca->chain.items[0];
    ENSURE(t, cert_is_ca(issuer), E_CA_FAILED, "authority %s is no CA", local->authority);
    ENSURE(t, bytes_equal(cert_spki(t, issuer), keystore_key_spki(ca->key)), E_CA_FAILED,
           "the certificate of authority %s is for another key than the token's %s",
           local->authority, label);
    *ret = ca;
    return true;
}

static void local_close(void *ca)
{
    (void)ca; /* everything is in the arena it was opened with */
}

static bool local_chain(struct task *t, void *ca, struct cert_list *ret)
{
    const struct local_ca *local = ca;
    (void)t;
    *ret = local->chain;
    return true;
}

static bool local_others(struct task *t, void *ca, struct cert_list *ret)
{
    (void)t;
    *ret = ((const struct local_ca *)ca)->others;
    return true;
}

/* ---- Issuing ---- */

/* What the device wants of a usage, where the profile lets it say; it was held against that. */
static const struct extension *wanted_usage(const struct ca_request *request, const char *oid,
                                            unsigned ask)
{
    return ask == PROFILE_ASK_FILL ? extension_find(&request->csr->extensions, oid) : NULL;
}

static bool add_usages(struct task *t, const struct ca_request *request, struct extension *items,
                       size_t *count)
{
    const struct profile *profile = request->profile;
    const struct extension *key = wanted_usage(request, OID_CE_KEY_USAGE, profile->ask_key_usage);
    const struct extension *extended =
        wanted_usage(request, OID_CE_EXT_KEY_USAGE, profile->ask_ext_key_usage);
    if (profile->key_usage.count > 0) {
        /* RFC 5280 4.2.1.3: to be critical. */
        struct extension *usage = &items[(*count)++];
        *usage = (struct extension){.oid = OID_CE_KEY_USAGE, .critical = true};
        if (key != NULL)
            usage->value = key->value;
        else
            TRY(extension_key_usage(t, &profile->key_usage, &usage->value));
    }
    if (profile->ext_key_usage.count > 0) {
        struct extension *usage = &items[(*count)++];
        *usage = (struct extension){.oid = OID_CE_EXT_KEY_USAGE};
        if (extended != NULL)
            usage->value = extended->value;
        else
            TRY(extension_ext_key_usage(t, &profile->ext_key_usage, &usage->value));
    }
    return true;
}

/* The profile's own extensions, as the request has them: it was held against the profile. */
static void add_further(const struct ca_request *request, struct extension *items, size_t *count)
{
    const struct profile_extension *wanted = request->profile->extensions.items;
    for (size_t i = 0; i < request->profile->extensions.count; i++) {
        const struct extension *got = extension_find(&request->csr->extensions, wanted[i].oid);
        if (got != NULL)
            items[(*count)++] = (struct extension){got->oid, wanted[i].critical, got->value};
    }
}

/*
 * What the profile says of the key's use, the names and further extensions that the device asked
 * for, and where the certificate's status is served.
 */
static bool make_extensions(struct task *t, const struct local_ca *local,
                            const struct ca_request *request, struct extension_list *ret)
{
    const struct profile *profile = request->profile;
    const struct bytes names = csr_wanted_alt_names(request->csr);
    struct extension *items =
        arena_array(t->arena, 3 + profile->extensions.count + CA_URL_EXTENSIONS, sizeof(*items));
    size_t count = 0;
    if (bytes_present(names))
        items[count++] =
            (struct extension){OID_CE_SUBJECT_ALT_NAME, profile->alt_names_critical, names};
    TRY(add_usages(t, request, items, &count));
    add_further(request, items, &count);
    TRY(ca_url_extensions(t, local->public_url, local->chain.items[0], items, &count));
    *ret = (struct extension_list){items, count};
    return true;
}

/* From a little before now, as long as the profile says, and never beyond the issuer's. */
static bool set_validity(struct task *t, const struct cert *issuer, int64_t validity,
                         struct issue *issue)
{
    int64_t now = clock_wall();
    int64_t first = cert_not_before(issuer);
    int64_t last = cert_not_after(issuer);
    ENSURE(t, now >= first && now < last, E_CA_FAILED,
           "the CA's certificate is valid from %s to %s", time_to_text(t->arena, first),
           time_to_text(t->arena, last));
    issue->not_before = now - LOCAL_BACKDATE > first ? now - LOCAL_BACKDATE : first;
    issue->not_after = validity < last - now ? now + validity : last;
    return true;
}

/* RFC 5280 A.1: what is a PrintableString there becomes one, where its characters allow it. */
static bool fit_subject(struct task *t, const struct csr *csr, X509_NAME **ret)
{
    X509_NAME *subject = X509_NAME_dup(csr_wanted_subject(csr));
    ENSURE(t, subject != NULL, E_CRYPTO, "subject: %s", crypto_error(t));
    ARENA_DEFER(t->arena, X509_NAME_free, subject);
    for (int i = 0; i < X509_NAME_entry_count(subject); i++) {
        X509_NAME_ENTRY *entry = X509_NAME_get_entry(subject, i);
        ASN1_STRING *value = X509_NAME_ENTRY_get_data(entry);
        if (name_wants_printable(entry) && ASN1_STRING_type(value) == V_ASN1_UTF8STRING)
            ENSURE(t,
                   X509_NAME_ENTRY_set_data(entry, V_ASN1_PRINTABLESTRING,
                                            ASN1_STRING_get0_data(value),
                                            ASN1_STRING_length(value)) == 1,
                   E_CRYPTO, "subject: %s", crypto_error(t));
    }
    *ret = subject;
    return true;
}

static bool local_enrol(struct task *t, void *ca, const struct ca_request *request,
                        struct ca_result *ret)
{
    const struct local_ca *local = ca;
    const struct cert *certificate;
    struct issue issue = {
        .csr = request->csr,
        .issuer = local->chain.items[0],
        .issuer_key = keystore_key_evp(local->key),
    };
    TRY(fit_subject(t, request->csr, &issue.subject));
    TRY(make_extensions(t, local, request, &issue.extensions));
    /* RFC 5280 4.1.2.6: a subject, or names in the extension. */
    ENSURE(t,
           X509_NAME_entry_count(issue.subject) > 0 ||
               extension_find(&issue.extensions, OID_CE_SUBJECT_ALT_NAME) != NULL,
           E_CA_REFUSED, "the request has neither a subject nor a SubjectAltName");
    TRY(set_validity(t, issue.issuer, request->profile->validity, &issue));
    failpoint(FP_ENROL_BEFORE_SIGNED);
    TRY(issue_certificate(t, &issue, &certificate));
    failpoint(FP_ENROL_AFTER_SIGNED);
    *ret = (struct ca_result){
        .outcome = CA_ISSUED, .certificate = certificate, .issuer = issue.issuer};
    return true;
}

const struct ca_connector ca_local = {
    .name = CA_LOCAL,
    .settings = &local_settings_type,
    .settings_size = sizeof(struct local_settings),
    .open = local_open,
    .close = local_close,
    .chain = local_chain,
    .others = local_others,
    .enrol = local_enrol,
};
