#include "web/ctl/owner.h"

#include "ca-connectors/ca.h"
#include "ca-connectors/local.h"
#include "core/base/file.h"
#include "core/pki/issue.h"
#include "core/store/records/authority.h"
#include "core/store/records/event.h"
#include "core/store/records/profile.h"
#include "core/store/records/setting.h"
#include "registrar/identity/certificate.h"

#include <string.h>

#include <openssl/x509v3.h>

/* The certificates are valid from a little before they are made, for peers whose clock is slow. */
#define BACKDATE (5 * MINUTE_MS)

/* Issuers before those that they sign. */
enum place { ROOT, REGISTRAR_CA, DEVICE_CA, REGISTRAR, PLACE_COUNT };

struct role {
    const char *name; /* of the authority's record */
    const char *label;
    const char *common_name;
    enum place issuer;
    bool ca;
    int path_length;
    const char *file;
};
static const struct role roles[PLACE_COUNT] = {
    [ROOT] = {AUTHORITY_ROOT, "gatehouse-root", "Root CA", ROOT, true, -1, OWNER_FILE_ROOT},
    [REGISTRAR_CA] = {AUTHORITY_REGISTRAR_CA, "gatehouse-registrar-ca", "Registrar CA", ROOT, true,
                      0, OWNER_FILE_REGISTRAR_CA},
    [DEVICE_CA] = {AUTHORITY_DEVICE_CA, "gatehouse-device-ca", "Device CA", ROOT, true, 0,
                   OWNER_FILE_DEVICE_CA},
    [REGISTRAR] = {AUTHORITY_REGISTRAR, "gatehouse-registrar", "Registrar", REGISTRAR_CA, false, -1,
                   OWNER_FILE_REGISTRAR},
};

struct owner_options owner_presets(void)
{
    return (struct owner_options){
        .kind = KEYSTORE_P256,
        .root_validity = OWNER_ROOT_VALIDITY,
        .ca_validity = OWNER_CA_VALIDITY,
        .registrar_validity = OWNER_REGISTRAR_VALIDITY,
        .device_validity = OWNER_DEVICE_VALIDITY,
    };
}

/* ---- Keys ---- */

/* The key is there when an earlier run was cut short. */
static bool make_key(struct task *t, struct keystore *keys, const char *label,
                     enum keystore_kind kind, struct keystore_key **ret)
{
    enum key_kind wanted = kind == KEYSTORE_P384 ? KEY_P384 : KEY_P256;
    unsigned bits;
    if (keystore_generate(t, keys, label, kind, ret))
        return true;
    if (!task_failed_with(t, E_EXISTS))
        return false;
    task_forgive(t);
    TRY(keystore_find(t, keys, label, ret));
    ENSURE(t, key_kind_of(keystore_key_evp(*ret), &bits) == wanted, E_INVALID,
           "the token has a key %s of another kind than asked for", label);
    return true;
}

/* ---- Certificates ---- */

static bool add_entry(X509_NAME *name, int nid, const char *text)
{
    return X509_NAME_add_entry_by_NID(name, nid, MBSTRING_UTF8, (const unsigned char *)text, -1, -1,
                                      0) == 1;
}

static bool make_subject(struct task *t, const char *owner, const char *common_name,
                         X509_NAME **ret)
{
    X509_NAME *name = X509_NAME_new();
    ENSURE(t, name != NULL, E_CRYPTO, "no memory for a name");
    ARENA_DEFER(t->arena, X509_NAME_free, name);
    ENSURE(t,
           add_entry(name, NID_organizationName, owner) &&
               add_entry(name, NID_commonName, common_name),
           E_INVALID, "the owner's name must be 1 to %d characters: %s", OWNER_NAME_MAX,
           crypto_error(t));
    *ret = name;
    return true;
}

/* The registrar CA also signs that it is ours (docs/cloud-registration.yaml; RFC 5280 4.2.1.3). */
static bool ca_extensions(struct task *t, enum place place, struct extension_list *ret)
{
    const char *usages[] = {"keyCertSign", "cRLSign", "digitalSignature"};
    const struct text_list usage = {usages, place == REGISTRAR_CA ? 3 : 2};
    struct extension *items = arena_array(t->arena, 1, sizeof(*items));
    items[0] = (struct extension){.oid = OID_CE_KEY_USAGE, .critical = true};
    TRY(extension_key_usage(t, &usage, &items[0].value));
    *ret = (struct extension_list){items, 1};
    return true;
}

static int64_t validity_of(const struct owner_options *options, enum place place)
{
    if (place == ROOT)
        return options->root_validity;
    return place == REGISTRAR ? options->registrar_validity : options->ca_validity;
}

struct making {
    const struct owner_options *options;
    int64_t now;
    struct keystore_key *keys[PLACE_COUNT];
    const struct cert *certs[PLACE_COUNT];
};

static bool make_certificate(struct task *t, struct making *m, enum place place)
{
    const struct role *role = &roles[place];
    struct issue issue = {
        .key = keystore_key_evp(m->keys[place]),
        .not_before = m->now - BACKDATE,
        .not_after = m->now + validity_of(m->options, place),
        .ca = role->ca,
        .path_length = role->path_length,
        .issuer = role->issuer == place ? NULL : m->certs[role->issuer],
        .issuer_key = keystore_key_evp(m->keys[role->issuer]),
    };
    TRY(make_subject(t, m->options->name, role->common_name, &issue.subject));
    TRY(role->ca ? ca_extensions(t, place, &issue.extensions)
                 : registrar_extensions(t, &m->options->hosts, &issue.extensions));
    return issue_certificate(t, &issue, &m->certs[place]) || fail_context(t, "%s", role->name);
}

/* ---- Records ---- */

static bool has_owner(struct task *t, struct reader *r, bool *ret)
{
    struct authority root;
    return table_find(t, r, &authorities, bytes_of_text(AUTHORITY_ROOT), &root, ret);
}

static bool fail_exists(struct task *t)
{
    return fail(t, E_EXISTS,
                "the store has an owner already: its keys and certificates are kept as they are");
}

static bool put_authorities(struct task *t, struct tx *tx, const struct making *m)
{
    for (size_t i = 0; i < PLACE_COUNT; i++) {
        struct authority authority;
        record_init(t, &authority_type, &authority);
        authority.name = roles[i].name;
        authority.certificate = m->certs[i]->der;
        authority.issuer = roles[roles[i].issuer].name;
        authority.key_label = roles[i].label;
        authority.created = m->now;
        TRY(table_put(t, tx, &authorities, &authority));
    }
    return true;
}

/* Devices are enrolled with the local CA, which signs with the device CA's key. */
static bool put_ca(struct task *t, struct tx *tx)
{
    struct ca_record ca;
    struct local_settings local;
    record_init(t, &ca_type, &ca);
    record_init(t, ca_local.settings, &local);
    local.authority = AUTHORITY_DEVICE_CA;
    ca.name = "local";
    ca.connector = ca_local.name;
    TRY(record_encode(t, ca_local.settings, &local, &ca.settings));
    return ca_put(t, tx, &ca);
}

static bool put_profile(struct task *t, struct tx *tx, const struct owner_options *options)
{
    const char *usage = "digitalSignature";
    const char *purpose = "clientAuth";
    struct profile profile;
    record_init(t, &profile_type, &profile);
    profile.name = PROFILE_DEFAULT;
    profile.ca = "local";
    profile.dns_pattern = options->dns_pattern;
    profile.key = PROFILE_KEY_P256;
    profile.hash = PROFILE_HASH_SHA256;
    profile.validity = options->device_validity;
    profile.key_usage = (struct text_list){&usage, 1};
    profile.ext_key_usage = (struct text_list){&purpose, 1};
    return profile_put(t, tx, &profile);
}

static bool put_name(struct task *t, struct tx *tx, const struct owner_options *options)
{
    struct setting setting;
    struct event event;
    record_init(t, &setting_type, &setting);
    setting.name = SETTING_OWNER;
    setting.text = options->name;
    TRY(table_put(t, tx, &settings, &setting));
    record_init(t, &event_type, &event);
    event.name = "owner-made";
    event.actor = options->actor;
    event.detail = arena_printf(t->arena, "keys and certificates of %s", options->name);
    return event_add(t, tx, &event);
}

static bool put_owner(struct task *t, struct tx *tx, void *arg)
{
    const struct making *m = arg;
    bool exists;
    TRY(has_owner(t, tx_reader(tx), &exists));
    if (exists)
        return fail_exists(t);
    TRY(put_authorities(t, tx, m));
    TRY(put_ca(t, tx));
    TRY(put_profile(t, tx, m->options));
    return put_name(t, tx, m->options);
}

/* ---- Copies ---- */

static bool write_copy(struct task *t, const char *folder, const char *name, const char *pem)
{
    return file_write(t, arena_printf(t->arena, "%s/%s", folder, name), bytes_of_text(pem), 0644);
}

static bool write_copies(struct task *t, const char *folder, const struct cert *const *certs)
{
    TRY(folder_make(t, folder, 0755));
    for (size_t i = 0; i < PLACE_COUNT; i++) {
        const char *pem = cert_to_pem(t, certs[i]);
        if (i == REGISTRAR) /* as a TLS server shows it: with all but the root */
            pem = arena_printf(t->arena, "%s%s", pem, cert_to_pem(t, certs[REGISTRAR_CA]));
        TRY(write_copy(t, folder, roles[i].file, pem));
    }
    return true;
}

bool owner_export(struct task *t, struct store *store, const char *folder)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    const struct cert *certs[PLACE_COUNT];
    TRY(view_open(t, store, &view));
    for (size_t i = 0; i < PLACE_COUNT; i++) {
        struct authority authority;
        TRY(table_get(t, view_reader(view), &authorities, bytes_of_text(roles[i].name),
                      &authority));
        TRY(cert_parse(t, authority.certificate, &certs[i]));
    }
    return write_copies(t, folder, certs);
}

/* ---- All of it ---- */

static bool check_options(struct task *t, const struct owner_options *options)
{
    ENSURE(t, options->name != NULL && options->name[0] != '\0', E_INVALID,
           "the owner needs a name");
    ENSURE(t, options->hosts.count > 0, E_INVALID,
           "the registrar needs a DNS name or IP address for its certificate");
    ENSURE(t,
           options->registrar_validity <= options->ca_validity &&
               options->ca_validity <= options->root_validity,
           E_INVALID, "a certificate cannot be valid for longer than its issuer's");
    return true;
}

static bool refuse_second_owner(struct task *t, struct store *store, const char *folder)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    bool exists;
    TRY(view_open(t, store, &view));
    TRY(has_owner(t, view_reader(view), &exists));
    if (!exists)
        return true;
    TRY(owner_export(t, store, folder));
    return fail_exists(t);
}

bool owner_make(struct task *t, const struct owner_options *options, struct store *store,
                struct keystore *keys, struct owner *ret)
{
    struct making m = {.options = options, .now = clock_wall()};
    TRY(check_options(t, options));
    TRY(refuse_second_owner(t, store, options->folder));
    for (size_t i = 0; i < PLACE_COUNT; i++)
        TRY(make_key(t, keys, roles[i].label, options->kind, &m.keys[i]));
    for (size_t i = 0; i < PLACE_COUNT; i++)
        TRY(make_certificate(t, &m, (enum place)i));
    TRY(store_update(t, store, put_owner, &m));
    TRY(write_copies(t, options->folder, m.certs));
    *ret = (struct owner){m.certs[ROOT], m.certs[REGISTRAR_CA], m.certs[DEVICE_CA],
                          m.certs[REGISTRAR]};
    return true;
}
