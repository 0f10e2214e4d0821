#include "est/names.h"

#include "core/asking/check.h"
#include "core/base/clock.h"
#include "core/store/records/certificate.h"

#include <string.h>
#include <strings.h>

#include <openssl/x509v3.h>

/* ---- What is asked for ---- */

static bool alt_names(struct task *t, struct bytes value, struct text_list *ret)
{
    *ret = (struct text_list){NULL, 0};
    return !bytes_present(value) || alt_names_to_text(t, value, ret);
}

/* RFC 7030 3.6.1: whoever has cmcRA passes for an EST server, so nobody gets it. */
static bool check_powers(struct task *t, const struct csr *csr)
{
    const struct extension *constraints =
        extension_find(&csr->extensions, OID_CE_BASIC_CONSTRAINTS);
    const struct extension *usages = extension_find(&csr->extensions, OID_CE_EXT_KEY_USAGE);
    ENSURE(t,
           constraints == NULL || bytes_equal(constraints->value, BYTES_LITERAL("\x30\x00")) ||
               bytes_equal(constraints->value, BYTES_LITERAL("\x30\x03\x01\x01\x00")),
           E_NAME_REFUSED, "it asks for basicConstraints %s",
           bytes_to_hex(t->arena, constraints == NULL ? BYTES_ABSENT : constraints->value));
    static const uint8_t cmc[] = {0x2B, 6, 1, 5, 5, 7, 3}; /* 1.3.6.1.5.5.7.3, then 27 or 28 */
    for (size_t at = 0; usages != NULL && at + sizeof(cmc) < usages->value.len; at++) {
        const uint8_t *octets = usages->value.data + at;
        ENSURE(t,
               memcmp(octets, cmc, sizeof(cmc)) != 0 ||
                   (octets[sizeof(cmc)] != 27 && octets[sizeof(cmc)] != 28),
               E_NAME_REFUSED,
               "it asks for the extended key usage of a CA or registration authority");
    }
    return true;
}

/* ---- What is allowed ---- */

/* `name` is `domain`, or below it. */
static bool is_within(const char *name, const char *domain)
{
    size_t len = strlen(name);
    size_t end = strlen(domain);
    return len >= end && strcasecmp(name + len - end, domain) == 0 &&
           (len == end || name[len - end - 1] == '.');
}

static bool secret_allows(const struct est_client *client, const char *name)
{
    const char *allowed = client->secret.name;
    if (strncmp(allowed, "*.", 2) == 0)
        return is_within(name, allowed + 2) && strcasecmp(name, allowed + 2) != 0;
    return strcasecmp(name, allowed) == 0;
}

/* A secret that is bound to a name gives no other; else the label's domains say. */
static bool policy_allows(const struct est_client *client, const char *name)
{
    if (client->has_secret && client->secret.name != NULL)
        return secret_allows(client, name);
    for (size_t i = 0; i < client->label.domains.count; i++) {
        if (is_within(name, client->label.domains.items[i]))
            return true;
    }
    return false;
}

static bool contains(const struct text_list *list, const char *text)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strcasecmp(list->items[i], text) == 0)
            return true;
    }
    return false;
}

static bool check_alt_names(struct task *t, const struct est_client *client,
                            const struct text_list *asked)
{
    struct text_list stated = {NULL, 0};
    if (client->shown != NULL && client->proof == EST_PROOF_THIRD_PARTY)
        TRY(cert_alt_names(t, client->shown, &stated));
    for (size_t i = 0; i < asked->count; i++) {
        const char *name = asked->items[i];
        bool dns = strncmp(name, "DNS:", 4) == 0;
        bool given = false;
        if (client->asked != NULL)
            TRY(asked_gives_name(t, client->asked, name, &given));
        ENSURE(t, given || contains(&stated, name) || (dns && policy_allows(client, name + 4)),
               E_NAME_REFUSED, "%s may not have the name %s", client->name, name);
    }
    return true;
}

static bool states(const struct cert *cert, const X509_NAME_ENTRY *entry)
{
    const X509_NAME *name = cert == NULL ? NULL : X509_get_subject_name(cert->x509);
    for (int i = 0; name != NULL && i < X509_NAME_entry_count(name); i++) {
        const X509_NAME_ENTRY *other = X509_NAME_get_entry(name, i);
        if (OBJ_cmp(X509_NAME_ENTRY_get_object(other), X509_NAME_ENTRY_get_object(entry)) == 0 &&
            ASN1_STRING_cmp(X509_NAME_ENTRY_get_data(other), X509_NAME_ENTRY_get_data(entry)) == 0)
            return true;
    }
    return false;
}

/* The common name is one of the DNS names that are asked for, or could be. */
static bool is_allowed_name(struct task *t, const struct est_client *client,
                            const X509_NAME_ENTRY *entry)
{
    const ASN1_STRING *value = X509_NAME_ENTRY_get_data(entry);
    int type = ASN1_STRING_type(value);
    if (OBJ_obj2nid(X509_NAME_ENTRY_get_object(entry)) != NID_commonName ||
        (type != V_ASN1_UTF8STRING && type != V_ASN1_PRINTABLESTRING))
        return false;
    const char *text = bytes_to_text(
        t->arena, bytes_make(ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value)));
    return text != NULL && policy_allows(client, text);
}

static bool check_subject(struct task *t, const struct est_client *client, const struct csr *csr)
{
    const X509_NAME *subject = csr_wanted_subject(csr);
    const struct cert *shown = client->proof == EST_PROOF_THIRD_PARTY ? client->shown : NULL;
    for (int i = 0; i < X509_NAME_entry_count(subject); i++) {
        const X509_NAME_ENTRY *entry = X509_NAME_get_entry(subject, i);
        bool given = false;
        if (client->asked != NULL)
            TRY(asked_gives_attribute(t, client->asked, entry, &given));
        ENSURE(t, given || states(shown, entry) || is_allowed_name(t, client, entry),
               E_NAME_REFUSED, "%s may not have the subject %s", client->name,
               csr_wanted_subject_text(t, csr));
    }
    ENSURE(t, strlen(csr_wanted_subject_text(t, csr)) <= CERTIFICATE_SUBJECT_MAX, E_NAME_REFUSED,
           "the subject is longer than %d characters", CERTIFICATE_SUBJECT_MAX);
    return true;
}

bool names_check(struct task *t, const struct est_client *client, const struct csr *csr)
{
    struct text_list asked;
    TRY(check_powers(t, csr));
    TRY(alt_names(t, csr_wanted_alt_names(csr), &asked));
    TRY(check_alt_names(t, client, &asked));
    return check_subject(t, client, csr);
}

bool names_unchanged(struct task *t, const struct csr *csr, const struct cert *before)
{
    struct text_list asked;
    struct text_list had;
    const struct extension *san = extension_find(&csr->extensions, OID_CE_SUBJECT_ALT_NAME);
    TRY(check_powers(t, csr));
    TRY(alt_names(t, san == NULL ? BYTES_ABSENT : san->value, &asked));
    TRY(cert_alt_names(t, before, &had));
    ENSURE(t,
           X509_NAME_cmp(X509_REQ_get_subject_name(csr->request),
                         X509_get_subject_name(before->x509)) == 0,
           E_NOT_RENEWABLE, "the request says %s, the certificate %s", csr_subject(t, csr),
           cert_subject(t, before));
    bool same = asked.count == had.count;
    for (size_t i = 0; i < asked.count; i++)
        same = same && contains(&had, asked.items[i]) && contains(&asked, had.items[i]);
    ENSURE(t, same, E_NOT_RENEWABLE,
           "the request has %zu alternative names that are not the %zu of the certificate",
           asked.count, had.count);
    return true;
}

/* Records looked at for one subject: a client of long standing has not more in a day. */
#define LOOK_MAX 10000

static bool count_today(struct task *t, struct view *view, const char *subject, uint64_t enough,
                        uint64_t *ret)
{
    const char *key = certificate_name_key(t->arena, subject);
    const struct bytes parts[] = {bytes_of_text(key), BYTES_LITERAL("\0")};
    struct table_scan scan = table_scan_prefix(t, view, &certificate_names,
                                               bytes_concat(t->arena, parts, ARRAY_SIZE(parts)));
    int64_t since = clock_wall() - DAY_MS;
    uint64_t count = 0;
    for (int looked = 0; count < enough && looked < LOOK_MAX; looked++) {
        struct certificate_name name;
        struct certificate certificate;
        bool found;
        TRY(table_scan_next(t, &scan, &name, &found));
        if (!found)
            break;
        TRY(table_get(t, view_reader(view), &certificates, name.certificate, &certificate));
        count += certificate.issued > since;
    }
    *ret = count;
    return true;
}

bool names_have_room(struct task *t, struct store *store, const struct est_label *label,
                     const struct csr *csr)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    const char *subject = csr_wanted_subject_text(t, csr);
    uint64_t count;
    if (*subject == '\0')
        return true;
    TRY(view_open(t, store, &view));
    TRY(count_today(t, view, subject, label->per_day, &count));
    ENSURE(t, count < label->per_day, E_TOO_MANY_CERTIFICATES,
           "%llu certificates for %s in a day (label %s)", (unsigned long long)count, subject,
           label->name);
    return true;
}
