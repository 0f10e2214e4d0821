#include "registrar/identity/change.h"

#include "core/base/clock.h"
#include "core/store/records/alarm.h"
#include "core/store/records/authority.h"
#include "core/store/records/cloud.h"
#include "core/store/records/event.h"
#include "registrar/identity/certificate.h"

#include <string.h>

#define ALARM_ABOUT  "identity"
#define BACKDATE     (5 * MINUTE_MS) /* for peers whose clock is slow */
#define LABEL_RANDOM 4               /* octets in the label of a new key */
#define DIGITS       12              /* of a certificate's SHA-256 in an authority's name */

static bool note(struct task *t, struct tx *tx, const char *name, const char *actor,
                 unsigned severity, const char *detail)
{
    const struct event event = {
        .name = name,
        .severity = severity,
        .actor = actor,
        .device = identity_subject(t->arena),
        .detail = detail,
    };
    return event_add(t, tx, &event);
}

static bool set_alarm(struct task *t, struct tx *tx, const char *text)
{
    return text == NULL ? alarm_clear(t, tx, E_PIN_AT_STAKE, ALARM_ABOUT)
                        : alarm_raise(t, tx, E_PIN_AT_STAKE, ALARM_ABOUT, text);
}

/* ---- Staging ---- */

struct staging {
    const struct identity_plan *plan;
    struct authority present;
    struct authority ca;
    const struct cert *present_cert;
    const struct cert *ca_cert;
    struct keystore_key *ca_key;
    struct keystore_key *key;
    const struct cert *made;
};

static bool read_present(struct task *t, struct store *store, struct staging *s)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    TRY(view_open(t, store, &view));
    struct reader *r = view_reader(view);
    TRY(table_get(t, r, &authorities, BYTES_LITERAL(AUTHORITY_REGISTRAR), &s->present));
    TRY(table_get(t, r, &authorities, bytes_of_text(s->present.issuer), &s->ca));
    TRY(cert_parse(t, s->present.certificate, &s->present_cert));
    return cert_parse(t, s->ca.certificate, &s->ca_cert);
}

/* Of the kind that the registrar CA's key has. */
static bool make_key(struct task *t, struct keystore *keys, struct staging *s)
{
    unsigned bits;
    const char *label = arena_printf(t->arena, "gatehouse-registrar-%s",
                                     bytes_to_hex(t->arena, bytes_random(t->arena, LABEL_RANDOM)));
    enum keystore_kind kind =
        key_kind_of(keystore_key_evp(s->ca_key), &bits) == KEY_P384 ? KEYSTORE_P384 : KEYSTORE_P256;
    if (!s->plan->new_key)
        return keystore_find(t, keys, s->present.key_label, &s->key);
    return keystore_generate(t, keys, label, kind, &s->key);
}

static bool make_certificate(struct task *t, struct staging *s)
{
    int64_t now = clock_wall();
    int64_t validity = s->plan->validity == 0 ? IDENTITY_VALIDITY_PRESET : s->plan->validity;
    int64_t end = now + validity;
    struct issue issue = {
        .subject = X509_get_subject_name(s->present_cert->x509),
        .key = keystore_key_evp(s->key),
        .not_before = now - BACKDATE,
        .not_after = end < cert_not_after(s->ca_cert) ? end : cert_not_after(s->ca_cert),
        .path_length = -1,
        .issuer = s->ca_cert,
        .issuer_key = keystore_key_evp(s->ca_key),
    };
    TRY(s->plan->hosts.count == 0 ? registrar_extensions_like(t, s->present_cert, &issue.extensions)
                                  : registrar_extensions(t, &s->plan->hosts, &issue.extensions));
    return issue_certificate(t, &issue, &s->made);
}

static const char *names_of(struct task *t, const struct cert *cert)
{
    struct text_list names;
    const char *text = "";
    if (!cert_alt_names(t, cert, &names))
        return "";
    for (size_t i = 0; i < names.count; i++)
        text = arena_printf(t->arena, "%s%s%s", text, i == 0 ? "" : ", ", names.items[i]);
    return text;
}

static bool put_staged(struct task *t, struct tx *tx, void *arg)
{
    const struct staging *s = arg;
    struct authority next;
    record_init(t, &authority_type, &next);
    next.name = AUTHORITY_REGISTRAR_NEXT;
    next.certificate = s->made->der;
    next.issuer = s->present.issuer;
    next.key_label = keystore_key_label(s->key);
    next.created = clock_wall();
    TRY(table_put(t, tx, &authorities, &next));
    TRY(set_alarm(t, tx, NULL));
    return note(t, tx, "identity-staged", s->plan->actor, EVENT_INFO,
                arena_printf(t->arena, "%s, %s key, until %s, SHA-256 %s", names_of(t, s->made),
                             s->plan->new_key ? "another" : "the same",
                             time_to_text(t->arena, cert_not_after(s->made)),
                             bytes_to_hex(t->arena, bytes_sha256(t->arena, s->made->der))));
}

bool identity_stage(struct task *t, struct store *store, struct keystore *keys,
                    const struct identity_plan *plan, const struct cert **ret)
{
    struct staging s = {.plan = plan};
    TRY(read_present(t, store, &s));
    ENSURE(t, strcmp(s.present.issuer, s.present.name) != 0, E_REGISTRAR_IDENTITY,
           "our certificate was signed by no CA of ours");
    TRY(keystore_find(t, keys, s.ca.key_label, &s.ca_key));
    TRY(make_key(t, keys, &s));
    TRY(make_certificate(t, &s));
    TRY(store_update(t, store, put_staged, &s));
    *ret = s.made;
    return true;
}

static bool get_staged(struct task *t, struct reader *r, struct authority *ret)
{
    bool found;
    TRY(table_find(t, r, &authorities, BYTES_LITERAL(AUTHORITY_REGISTRAR_NEXT), ret, &found));
    ENSURE(t, found, E_NOTHING_STAGED, "nothing was renewed");
    return true;
}

static bool drop_staged(struct task *t, struct tx *tx, void *arg)
{
    const char *actor = arg;
    struct authority staged;
    TRY(get_staged(t, tx_reader(tx), &staged));
    TRY(table_delete(t, tx, &authorities, bytes_of_text(staged.name)));
    TRY(set_alarm(t, tx, NULL));
    return note(t, tx, "identity-taken-back", actor, EVENT_INFO,
                bytes_to_hex(t->arena, bytes_sha256(t->arena, staged.certificate)));
}

bool identity_unstage(struct task *t, struct store *store, const char *actor)
{
    return store_update(t, store, drop_staged, (void *)actor);
}

/* ---- What is at stake ---- */

static void add_text(struct task *t, struct text_list *list, const char *text)
{
    const char **items = arena_array(t->arena, list->count + 1, sizeof(*items));
    for (size_t i = 0; i < list->count; i++)
        items[i] = list->items[i];
    items[list->count] = text;
    *list = (struct text_list){items, list->count + 1};
}

/*
 * As a pledge judges it.  RFC 8995 5.6.2 has it take another certificate with the key of a pinned
 * end entity; brski-cloud 4.2 speaks of the identical one, and of RFC 7030 3.3.1, where it is an
 * anchor like any other: TLS libraries compare the certificate itself.  So the key counts only
 * where the record says that devices go by it.
 */
static bool is_found(struct task *t, const struct cloud *cloud, const struct cloud_pinned *pinned,
                     const struct registrar_identity *seen, const char *host)
{
    const struct chain_rules rules = {0};
    const struct cert *cert;
    bool found = cert_parse(t, pinned->certificate, &cert) &&
                 chain_verify_pinned(t, cert, seen->cert, &seen->tls_chain, &rules);
    task_forgive(t);
    if (!found)
        return false;
    if (cert_is_ca(cert))
        return cert_names_host(seen->cert, host);
    return cloud->pin_match == CLOUD_PIN_MATCH_KEY || bytes_equal(cert->der, seen->cert->der);
}

/* One pin of a cloud's: what devices see at its address afterwards must be what they expect. */
static bool judge_pin(struct task *t, const struct cloud *cloud, const struct cloud_pinned *pinned,
                      const struct identity_set *set, struct text_list *obstacles)
{
    const char *host;
    TRY(cloud_url_host(t, "est-domain", pinned->est_domain, &host));
    const struct registrar_identity *seen = identity_seen_at(set, host, true);
    const char *standing = pinned->until == 0 ? "pins" : "has lately pinned";
    if (!is_found(t, cloud, pinned, seen, host))
        add_text(t, obstacles,
                 arena_printf(t->arena,
                              "cloud %s %s a certificate for %s that would not be seen there",
                              cloud->name, standing, pinned->est_domain));
    /* What is pinned is registered before it is shown, even when its key is the same. */
    else if (pinned->until == 0 && cloud->pin == CLOUD_PIN_END_ENTITY &&
             !bytes_equal(pinned->certificate, seen->cert->der))
        add_text(t, obstacles,
                 arena_printf(t->arena, "cloud %s has not acknowledged the new pin%s%s",
                              cloud->name, cloud->problem == NULL ? "" : ": ",
                              cloud->problem == NULL ? "" : cloud->problem));
    return true;
}

static bool judge_cloud(struct task *t, const struct cloud *cloud, const struct identity_set *set,
                        struct text_list *obstacles)
{
    const struct cloud_pinned *pins = cloud->pins.items;
    int64_t now = clock_wall();
    for (size_t i = 0; i < cloud->pins.count; i++) {
        if (pins[i].until == 0 || pins[i].until + cloud->pin_hold > now)
            TRY(judge_pin(t, cloud, &pins[i], set, obstacles));
    }
    return true;
}

bool identity_obstacles(struct task *t, struct view *view, const struct identity_set *set,
                        struct text_list *ret)
{
    struct table_scan scan = table_scan(t, view, &clouds, BYTES_ABSENT);
    struct text_list obstacles = {0};
    while (set->staged) {
        struct cloud cloud;
        bool found;
        TRY(table_scan_next(t, &scan, &cloud, &found));
        if (!found)
            break;
        TRY(judge_cloud(t, &cloud, set, &obstacles));
    }
    *ret = obstacles;
    return true;
}

/* ---- The switch ---- */

struct switching {
    const struct identity_switch *change;
    struct bytes staged;        /* the certificate that was judged */
    const char *obstacles;      /* NULL: none */
    struct text_list forgotten; /* earlier authorities that make room */
};

static const char *joined(struct task *t, const struct text_list *texts)
{
    const char *text = NULL;
    for (size_t i = 0; i < texts->count; i++)
        text = text == NULL ? texts->items[i]
                            : arena_printf(t->arena, "%s; %s", text, texts->items[i]);
    return text;
}

static bool is_over(struct task *t, const struct authority *a)
{
    const struct cert *cert;
    TRY(cert_parse(t, a->certificate, &cert));
    return cert_not_after(cert) < clock_wall();
}

/* Earlier ones whose time is over, and the oldest when there would be too many. */
static bool choose_forgotten(struct task *t, struct view *view, struct text_list *ret)
{
    struct table_scan scan = table_scan(t, view, &authorities, BYTES_ABSENT);
    struct authority oldest = {.name = NULL};
    struct text_list forgotten = {0};
    size_t kept = 0;
    for (;;) {
        struct authority a;
        bool found;
        TRY(table_scan_next(t, &scan, &a, &found));
        if (!found)
            break;
        if (strncmp(a.name, AUTHORITY_EARLIER, strlen(AUTHORITY_EARLIER)) != 0)
            continue;
        if (is_over(t, &a)) {
            add_text(t, &forgotten, a.name);
            continue;
        }
        kept++;
        if (oldest.name == NULL || a.replaced < oldest.replaced)
            oldest = a;
    }
    if (kept >= IDENTITIES_EARLIER_MAX)
        add_text(t, &forgotten, oldest.name);
    *ret = forgotten;
    return true;
}

static bool prepare(struct task *t, struct store *store, struct switching *s)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    struct identity_set set;
    struct authority staged;
    struct text_list obstacles;
    TRY(view_open(t, store, &view));
    TRY(get_staged(t, view_reader(view), &staged));
    TRY(identity_set_read(t, view, &set));
    TRY(identity_obstacles(t, view, &set, &obstacles));
    s->staged = staged.certificate;
    s->obstacles = joined(t, &obstacles);
    return choose_forgotten(t, view, &s->forgotten);
}

static bool keep_present(struct task *t, struct tx *tx)
{
    struct authority present;
    TRY(table_get(t, tx_reader(tx), &authorities, BYTES_LITERAL(AUTHORITY_REGISTRAR), &present));
    const char *digest = bytes_to_hex(t->arena, bytes_sha256(t->arena, present.certificate));
    present.name = arena_printf(t->arena, AUTHORITY_EARLIER "%.*s", DIGITS, digest);
    present.replaced = clock_wall();
    return table_put(t, tx, &authorities, &present);
}

static bool move(struct task *t, struct tx *tx, void *arg)
{
    const struct switching *s = arg;
    struct authority staged;
    TRY(get_staged(t, tx_reader(tx), &staged));
    ENSURE(t, bytes_equal(staged.certificate, s->staged), E_BUSY,
           "another certificate was staged meanwhile");
    TRY(keep_present(t, tx));
    for (size_t i = 0; i < s->forgotten.count; i++)
        TRY(table_delete(t, tx, &authorities, bytes_of_text(s->forgotten.items[i])));
    staged.name = AUTHORITY_REGISTRAR;
    TRY(table_put(t, tx, &authorities, &staged));
    TRY(table_delete(t, tx, &authorities, BYTES_LITERAL(AUTHORITY_REGISTRAR_NEXT)));
    TRY(set_alarm(t, tx, NULL));
    const char *digest = bytes_to_hex(t->arena, bytes_sha256(t->arena, staged.certificate));
    if (s->obstacles == NULL)
        return note(t, tx, "identity-switched", s->change->actor, EVENT_INFO, digest);
    return note(t, tx, "identity-switched-by-override", s->change->actor, EVENT_WARNING,
                arena_printf(t->arena, "%s; because: %s; in spite of: %s", digest,
                             s->change->override, s->obstacles));
}

static bool raise_alarm(struct task *t, struct tx *tx, void *arg)
{
    const struct switching *s = arg;
    TRY(set_alarm(t, tx, s->obstacles));
    const struct event event = {
        .name = "identity-switch-blocked",
        .severity = EVENT_ERROR,
        .actor = s->change->actor,
        .device = identity_subject(t->arena),
        .problem = E_PIN_AT_STAKE->name,
        .detail = s->obstacles,
    };
    return event_add(t, tx, &event);
}

bool identity_switch(struct task *t, struct store *store, const struct identity_switch *change)
{
    struct switching s = {.change = change};
    TRY(prepare(t, store, &s));
    if (s.obstacles != NULL && change->override == NULL) {
        TRY(store_update(t, store, raise_alarm, &s));
        return fail(t, E_PIN_AT_STAKE, "%s", s.obstacles);
    }
    return store_update(t, store, move, &s);
}
