#include "core/pledge/caller.h"

#include "core/base/clock.h"
#include "core/pledge/trust.h"
#include "core/store/records/setting.h"

#include <stdlib.h>
#include <string.h>

struct callers {
    struct callers_options options;
    struct trust *trust;
};

/* What was found out about a connection's certificate, kept with the connection. */
struct judgement {
    const struct trust_snapshot *trust; /* what it was judged by */
    const struct problem_kind *problem; /* NULL: it passed */
    const char *detail;
    struct idevid idevid;
    struct trusted_maker maker;
};

struct callers *callers_make(const struct callers_options *options)
{
    struct callers *callers = calloc(1, sizeof(*callers));
    if (callers == NULL)
        abort();
    callers->options = *options;
    callers->trust = trust_make(options->store);
    return callers;
}

void callers_free(struct callers *callers)
{
    if (callers == NULL)
        return;
    trust_free(callers->trust);
    free(callers);
}

const struct callers_options *callers_options(const struct callers *callers)
{
    return &callers->options;
}

/* The leaf, and what else the client sent with it. */
static bool shown_chain(struct task *t, struct http_connection *connection,
                        const struct cert **ret_leaf, struct cert_list *ret_others)
{
    struct bytes_list shown = http_connection_peer(connection);
    ENSURE(t, shown.count > 0, E_NO_CERTIFICATE, "no client certificate in TLS");
    struct cert_list certs;
    TRY(certs_parse(t, &shown, &certs));
    *ret_leaf = certs.items[0];
    *ret_others = (struct cert_list){certs.items + 1, certs.count - 1};
    return true;
}

/*
 * RFC 8995 5.3: the IDevID chains to a manufacturer's anchor.  RFC 8995 2.3.1: the subject's
 * serialNumber attribute tells the device.
 */
static bool judge_idevid(struct task *t, const struct trust_snapshot *trust,
                         struct http_connection *connection, struct judgement *j)
{
    const struct cert *leaf;
    struct cert_list others;
    TRY(shown_chain(t, connection, &leaf, &others));
    j->idevid.cert = leaf;
    ENSURE(t, trust->idevid_anchors != NULL, E_UNKNOWN_MAKER, "no manufacturer is configured");
    if (!chain_verify(t, trust->idevid_anchors, leaf, &others, NULL, &j->idevid.chain)) {
        if (task_failed_with(t, E_CERT_EXPIRED))
            return false;
        return fail(t, E_UNKNOWN_MAKER, "%s, issued by %s: %s", cert_subject(t, leaf),
                    cert_issuer(t, leaf), t->detail);
    }
    const struct cert_list *chain = &j->idevid.chain;
    const struct trusted_maker *maker = trust_maker_of(trust, chain->items[chain->count - 1]);
    ENSURE(t, maker != NULL, E_INTERNAL, "the anchor of %s is no manufacturer's",
           cert_subject(t, leaf));
    j->maker = *maker;
    TRY(cert_subject_serial(t, leaf, &j->idevid.serial));
    ENSURE(t, j->idevid.serial != NULL && *j->idevid.serial != '\0', E_NO_SERIAL,
           "subject %s has no serialNumber", cert_subject(t, leaf));
    ENSURE(t, strlen(j->idevid.serial) <= SERIAL_MAX, E_NO_SERIAL,
           "the serialNumber is longer than %d octets", SERIAL_MAX);
    const struct cert *issuer = chain->items[chain->count > 1 ? 1 : 0];
    j->idevid.issuer_spki_sha256 = cert_spki_sha256(t, issuer);
    j->idevid.device = device_id(t->arena, j->idevid.issuer_spki_sha256, j->idevid.serial);
    j->idevid.manufacturer = &j->maker.record;
    j->idevid.voucher_anchors = j->maker.voucher_anchors;
    return true;
}

static void note_stranger(struct task *t, struct callers *callers,
                          struct http_connection *connection, const struct cert *cert)
{
    const char *address = http_connection_address(connection);
    const char *port = strrchr(address, ':');
    struct stranger stranger = {
        .address =
            port == NULL ? address : arena_strndup(t->arena, address, (size_t)(port - address)),
    };
    if (cert != NULL) {
        struct task aside = *t; /* what goes wrong here is not what the stranger is noted for */
        stranger.subject = cert_subject(&aside, cert);
        stranger.issuer = cert_issuer(&aside, cert);
        stranger.certificate_sha256 = bytes_sha256(t->arena, cert->der);
        if (!cert_subject_serial(&aside, cert, &stranger.serial))
            stranger.serial = NULL;
    }
    strangers_note(callers->options.strangers, t, &stranger);
}

/* Judges with the connection's arena, so that the judgement lives as long as the connection. */
static struct judgement *judge(struct task *t, struct http_connection *connection,
                               const struct trust_snapshot *trust)
{
    struct task lasting = *t;
    lasting.arena = http_connection_arena(connection);
    task_forgive(&lasting);
    struct judgement *j = arena_alloc(lasting.arena, sizeof(*j));
    j->trust = trust;
    if (!judge_idevid(&lasting, trust, connection, j)) {
        j->problem = lasting.problem;
        j->detail = lasting.detail;
    }
    return j;
}

/* The connection's judgement, made when there is none yet or manufacturers have changed since. */
static bool judgement_of(struct task *t, struct callers *callers,
                         struct http_connection *connection, struct judgement **ret)
{
    void **slot = http_connection_slot(connection, callers);
    struct judgement *j = *slot;
    const struct trust_snapshot *trust;
    TRY(trust_get(t, callers->trust, t->arena, &trust));
    if (j == NULL || j->trust->generation != trust->generation) {
        TRY(trust_get(t, callers->trust, http_connection_arena(connection), &trust));
        j = judge(t, connection, trust);
        *slot = j;
    }
    *ret = j;
    return j->problem == NULL || fail(t, j->problem, "%s", j->detail);
}

bool caller_idevid(struct task *t, struct callers *callers, struct http_request *rq,
                   const struct idevid **ret)
{
    struct judgement *j = NULL;
    if (!judgement_of(t, callers, rq->connection, &j)) {
        if (j != NULL)
            note_stranger(t, callers, rq->connection, j->idevid.cert);
        return false;
    }
    *ret = &j->idevid;
    return true;
}

bool caller_ldevid(struct task *t, struct callers *callers, struct http_request *rq,
                   const struct ldevid **ret)
{
    const struct cert *leaf;
    struct cert_list others;
    TRY(shown_chain(t, rq->connection, &leaf, &others));
    CLEANUP(view_cleanup) struct view *view = NULL;
    struct ldevid *ldevid = arena_alloc(t->arena, sizeof(*ldevid));
    bool found;
    /* The very octets that we issued: no path needs to be built. */
    TRY(view_open(t, callers->options.store, &view));
    TRY(table_find(t, view_reader(view), &certificates, bytes_sha256(t->arena, leaf->der),
                   &ldevid->record, &found));
    ENSURE(t, found, E_UNKNOWN_CERTIFICATE, "%s, issued by %s", cert_subject(t, leaf),
           cert_issuer(t, leaf));
    ENSURE(t, ldevid->record.state == CERTIFICATE_ISSUED, E_REVOKED_CERTIFICATE,
           "revoked because: %s",
           ldevid->record.revoked_because == NULL ? "no reason given"
                                                  : ldevid->record.revoked_because);
    int64_t now = clock_wall();
    ENSURE(t, now >= cert_not_before(leaf) && now <= cert_not_after(leaf), E_CERT_EXPIRED,
           "%s is valid until %s", cert_subject(t, leaf),
           time_to_text(t->arena, cert_not_after(leaf)));
    ldevid->cert = leaf;
    *ret = ldevid;
    return true;
}

/* An LDevID is looked for first: only a certificate that is none of ours can be an IDevID. */
static bool ldevid_or_nothing(struct task *t, struct callers *callers, struct http_request *rq,
                              const struct ldevid **ret)
{
    if (caller_ldevid(t, callers, rq, ret))
        return true;
    if (!task_failed_with(t, E_UNKNOWN_CERTIFICATE) && !task_failed_with(t, E_NO_CERTIFICATE))
        return false;
    task_forgive(t);
    *ret = NULL;
    return true;
}

bool caller_either(struct task *t, struct callers *callers, struct http_request *rq,
                   const struct idevid **ret_idevid, const struct ldevid **ret_ldevid)
{
    const struct ldevid *ldevid;
    TRY(ldevid_or_nothing(t, callers, rq, &ldevid));
    if (ldevid == NULL)
        TRY(caller_idevid(t, callers, rq, ret_idevid));
    else
        *ret_idevid = NULL;
    *ret_ldevid = ldevid;
    return true;
}

bool caller_device_id(struct task *t, struct callers *callers, struct http_request *rq,
                      struct bytes *ret, const struct idevid **ret_idevid)
{
    const struct ldevid *ldevid;
    struct judgement *j = NULL;
    TRY(ldevid_or_nothing(t, callers, rq, &ldevid));
    if (ldevid != NULL) {
        *ret = ldevid->record.device;
        *ret_idevid = NULL;
        return true;
    }
    TRY(judgement_of(t, callers, rq->connection, &j));
    *ret = j->idevid.device;
    *ret_idevid = &j->idevid;
    return true;
}

/*
 * How many devices on nobody's list a manufacturer has: one more, or one less.  Kept with the
 * settings, so that a flood of genuine but foreign devices cannot fill the store.
 */
static bool count_unexpected(struct task *t, struct tx *tx, struct callers *callers,
                             const char *manufacturer, bool more)
{
    struct setting counter;
    bool found;
    const char *name = arena_printf(t->arena, SETTING_UNEXPECTED_DEVICES "%s", manufacturer);
    TRY(table_find(t, tx_reader(tx), &settings, bytes_of_text(name), &counter, &found));
    if (!found) {
        record_init(t, &setting_type, &counter);
        counter.name = name;
    }
    ENSURE(t, !more || counter.number < callers->options.unexpected_devices, E_TOO_MANY_DEVICES,
           "%llu unexpected devices of %s", (unsigned long long)counter.number, manufacturer);
    if (more)
        counter.number++;
    else if (counter.number > 0)
        counter.number--;
    return table_put(t, tx, &settings, &counter);
}

static bool new_device(struct task *t, struct tx *tx, const struct idevid *idevid,
                       struct device *ret)
{
    record_init(t, &device_type, ret);
    ret->id = idevid->device;
    ret->issuer_spki_sha256 = idevid->issuer_spki_sha256;
    ret->serial = idevid->serial;
    ret->manufacturer = idevid->manufacturer->name;
    ret->idevid_spki_sha256 = cert_spki_sha256(t, idevid->cert);
    ret->first_seen = clock_wall();
    return blob_put(t, tx, &devices, ret->id, DEVICE_BLOB_IDEVID, idevid->cert->der);
}

bool caller_device(struct task *t, struct tx *tx, struct callers *callers,
                   const struct idevid *idevid, const char *address, bool admit, struct device *ret)
{
    struct device device;
    bool found;
    TRY(table_find(t, tx_reader(tx), &devices, idevid->device, &device, &found));
    if (!found)
        TRY(new_device(t, tx, idevid, &device));
    bool was_admitted = found && device.admission == DEVICE_ADMITTED;
    if (!found && !admit)
        TRY(count_unexpected(t, tx, callers, device.manufacturer, true));
    else if (found && admit && !was_admitted)
        TRY(count_unexpected(t, tx, callers, device.manufacturer, false));
    if (admit)
        device.admission = DEVICE_ADMITTED;
    device.last_seen = clock_wall();
    device.last_address = address;
    *ret = device;
    return true;
}
