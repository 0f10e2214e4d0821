#include "core/store/records/authority.h"

#include "core/store/prefixes.h"
#include "core/store/records/slug.h"

#include <string.h>

#define CERTIFICATE_MAX (16 * 1024L)
#define SETTINGS_MAX    (64 * 1024L)
#define LABEL_MAX       128
#define DOMAIN_ID_MAX   64 /* octets: a SubjectKeyIdentifier or a SHA-256 */

static const struct field authority_fields[] = {
    FIELD(1, struct authority, name, "name", FIELD_TEXT, .flags = FIELD_REQUIRED | FIELD_READ_ONLY,
          .max = SLUG_MAX, .help = "Which of the owner's certificates this is."),
    FIELD(2, struct authority, certificate, "certificate", FIELD_OCTETS,
          .flags = FIELD_REQUIRED | FIELD_READ_ONLY, .max = CERTIFICATE_MAX,
          .help = "The certificate, DER."),
    FIELD(3, struct authority, issuer, "issuer", FIELD_TEXT,
          .flags = FIELD_REQUIRED | FIELD_READ_ONLY, .max = SLUG_MAX,
          .help = "Name of the authority that signed it; its own when it is self-signed."),
    FIELD(4, struct authority, key_label, "key-label", FIELD_TEXT,
          .flags = FIELD_REQUIRED | FIELD_READ_ONLY, .max = LABEL_MAX,
          .help = "Label (CKA_LABEL) of its private key in the token."),
    FIELD(5, struct authority, created, "created", FIELD_TIME, .flags = FIELD_READ_ONLY,
          .help = "When it was made."),
    FIELD(20, struct authority, replaced, "replaced", FIELD_TIME, .flags = FIELD_READ_ONLY,
          .help = "When another took its place; it signs nothing but revocation lists since."),
    FIELD(21, struct authority, new_with_old, "new-with-old", FIELD_OCTETS,
          .flags = FIELD_READ_ONLY, .max = CERTIFICATE_MAX,
          .help = "Its key in a certificate signed by the authority before it, DER."),
    FIELD(22, struct authority, old_with_new, "old-with-new", FIELD_OCTETS,
          .flags = FIELD_READ_ONLY, .max = CERTIFICATE_MAX,
          .help = "The key of the authority before it in a certificate signed by this one, DER."),
};
const struct record_type authority_type =
    RECORD_TYPE("authority", 1, struct authority, authority_fields);

struct bytes identity_subject(struct arena *arena)
{
    struct bytes digest = bytes_sha256(arena, BYTES_LITERAL("identity"));
    return bytes_make(digest.data, SUBJECT_LEN);
}

static struct bytes authority_key(struct arena *arena, const void *record)
{
    const struct authority *authority = record;
    (void)arena;
    return bytes_of_text(authority->name);
}

const struct table authorities = {
    .prefix = PREFIX_AUTHORITY,
    .type = &authority_type,
    .key_of = authority_key,
};

bool authority_chain(struct task *t, struct reader *r, const char *name, struct bytes_list *ret,
                     const char **ret_key_label)
{
    struct bytes *chain = arena_array(t->arena, AUTHORITY_CHAIN_MAX, sizeof(*chain));
    struct authority authority = {.issuer = name};
    const char *label = NULL;
    size_t count = 0;
    do {
        ENSURE(t, count < AUTHORITY_CHAIN_MAX, E_INVALID,
               "more than %d certificates from authority %s to its root", AUTHORITY_CHAIN_MAX,
               name);
        if (!table_get(t, r, &authorities, bytes_of_text(authority.issuer), &authority))
            return fail_context(t, "authority %s", authority.issuer);
        if (count == 0)
            label = authority.key_label;
        chain[count++] = authority.certificate;
    } while (strcmp(authority.name, authority.issuer) != 0);
    *ret = (struct bytes_list){chain, count};
    *ret_key_label = label;
    return true;
}

bool authority_former_name(struct task *t, struct reader *r, const char *name, const char **ret)
{
    for (int i = 1; i <= AUTHORITY_ROLLOVERS_MAX; i++) {
        struct authority authority;
        bool found;
        const char *former = arena_printf(t->arena, "%s-%d", name, i);
        TRY(table_find(t, r, &authorities, bytes_of_text(former), &authority, &found));
        if (!found) {
            *ret = former;
            return true;
        }
    }
    return fail(t, E_TOO_LARGE, "%s was replaced %d times", name, AUTHORITY_ROLLOVERS_MAX);
}

static const struct field own_domain_fields[] = {
    FIELD(1, struct own_domain, id, "id", FIELD_OCTETS, .flags = FIELD_REQUIRED | FIELD_READ_ONLY,
          .max = DOMAIN_ID_MAX, .help = "domainID, as audit logs have it."),
    FIELD(2, struct own_domain, since, "since", FIELD_TIME, .flags = FIELD_READ_ONLY,
          .help = "When Gatehouse first had a certificate with it."),
};
const struct record_type own_domain_type =
    RECORD_TYPE("own-domain", 1, struct own_domain, own_domain_fields);

static struct bytes own_domain_key(struct arena *arena, const void *record)
{
    const struct own_domain *domain = record;
    (void)arena;
    return domain->id;
}

const struct table own_domains = {
    .prefix = PREFIX_OWN_DOMAIN,
    .type = &own_domain_type,
    .key_of = own_domain_key,
};

bool own_domains_read(struct task *t, struct view *view, struct bytes_list *ret)
{
    struct table_scan scan = table_scan(t, view, &own_domains, BYTES_ABSENT);
    struct bytes *ids = NULL;
    size_t count = 0;
    size_t room = 0;
    for (;;) {
        struct own_domain domain;
        bool found;
        TRY(table_scan_next(t, &scan, &domain, &found));
        if (!found)
            break;
        if (count == room) {
            room = room == 0 ? 8 : room * 2;
            struct bytes *more = arena_array(t->arena, room, sizeof(*more));
            for (size_t i = 0; i < count; i++)
                more[i] = ids[i];
            ids = more;
        }
        ids[count++] = domain.id;
    }
    *ret = (struct bytes_list){ids, count};
    return true;
}

/* The settings hold passwords; the connector's own field table says what may be shown of them. */
static const struct field ca_fields[] = {
    FIELD(1, struct ca_record, name, "name", FIELD_TEXT, .flags = FIELD_REQUIRED, .max = SLUG_MAX,
          .help = "Name of the CA, as enrolment profiles refer to it: lower-case letters, digits "
                  "and \"-\"."),
    FIELD(2, struct ca_record, connector, "connector", FIELD_TEXT, .flags = FIELD_REQUIRED,
          .max = SLUG_MAX, .help = "The kind of CA: which connector speaks to it."),
    FIELD(3, struct ca_record, settings, "settings", FIELD_OCTETS,
          .flags = FIELD_SECRET | FIELD_READ_ONLY, .max = SETTINGS_MAX,
          .help = "The connector's own settings, CBOR."),
};
const struct record_type ca_type = RECORD_TYPE("ca", 1, struct ca_record, ca_fields);

static struct bytes ca_key(struct arena *arena, const void *record)
{
    const struct ca_record *ca = record;
    (void)arena;
    return bytes_of_text(ca->name);
}

const struct table cas = {
    .prefix = PREFIX_CA,
    .type = &ca_type,
    .key_of = ca_key,
};

bool ca_put(struct task *t, struct tx *tx, const struct ca_record *ca)
{
    TRY(slug_check(t, "name", ca->name));
    TRY(slug_check(t, "connector", ca->connector));
    return table_put(t, tx, &cas, ca);
}
