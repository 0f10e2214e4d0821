#include "core/pledge/caller.h"

#include "core/base/clock.h"
#include "core/store/records/standing.h"

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

static bool shown_leaf(struct task *t, struct http_connection *connection, const struct cert **ret)
{
    struct bytes_list shown = http_connection_peer(connection);
    ENSURE(t, shown.count > 0, E_NO_CERTIFICATE, "no client certificate in TLS");
    return cert_parse(t, shown.items[0], ret);
}

/* What else the client sent with it. */
static bool shown_others(struct task *t, struct http_connection *connection, struct cert_list *ret)
{
    struct bytes_list shown = http_connection_peer(connection);
    const struct bytes_list others = {shown.items + 1, shown.count - 1};
    return certs_parse(t, &others, ret);
}

/*
 * Whose device it is, of whom the connection has shown a certificate.  Most are issued by an anchor
 * itself: what was sent with them is parsed only for those that are not.
 */
static bool judge_verified(struct task *t, const struct trust_snapshot *trust,
                           struct http_connection *connection, struct judgement *j)
{
    const struct cert *leaf;
    struct cert_list others = {NULL, 0};
    TRY(shown_leaf(t, connection, &leaf));
    if (idevid_judge(t, trust, leaf, &others, &j->idevid))
        return true;
    if (!task_failed_with(t, E_UNKNOWN_MAKER) || http_connection_peer(connection).count == 1)
        return false;
    task_forgive(t);
    TRY(shown_others(t, connection, &others));
    return idevid_judge(t, trust, leaf, &others, &j->idevid);
}

/*
 * RFC 8995 7.3 (2): whoever is not authenticated is believed only where an administrator has
 * configured it, and after all else has failed.
 */
static bool judge_shown(struct task *t, const struct callers *callers,
                        const struct trust_snapshot *trust, struct http_connection *connection,
                        struct judgement *j)
{
    if (judge_verified(t, trust, connection, j))
        return true;
    return callers->options.unauthenticated && task_failed_with(t, E_UNKNOWN_MAKER) &&
           idevid_claim(t, trust, j->idevid.cert, &j->idevid);
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

void caller_is_stranger(struct task *t, struct callers *callers, struct http_connection *connection)
{
    struct task aside = *t;
    const struct cert *leaf = NULL;
    if (!shown_leaf(&aside, connection, &leaf))
        leaf = NULL;
    note_stranger(t, callers, connection, leaf);
}

/* Judges with the connection's arena, so that the judgement lives as long as the connection. */
static struct judgement *judge(struct task *t, const struct callers *callers,
                               struct http_connection *connection,
                               const struct trust_snapshot *trust)
{
    struct task lasting = *t;
    lasting.arena = http_connection_arena(connection);
    task_forgive(&lasting);
    struct judgement *j = arena_alloc(lasting.arena, sizeof(*j));
    j->trust = trust;
    if (!judge_shown(&lasting, callers, trust, connection, j)) {
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
        j = judge(t, callers, connection, trust);
        *slot = j;
    }
    *ret = j;
    return j->problem == NULL || fail(t, j->problem, "%s", j->detail);
}

bool caller_judge(struct task *t, struct callers *callers, struct http_request *rq,
                  const struct idevid **ret)
{
    struct judgement *j = NULL;
    TRY(judgement_of(t, callers, rq->connection, &j));
    *ret = &j->idevid;
    return true;
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

/* The very octets that we issued: nothing needs to be parsed, and no path to be built. */
bool caller_issued(struct task *t, struct callers *callers, struct http_request *rq,
                   const struct ldevid **ret)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    struct bytes_list shown = http_connection_peer(rq->connection);
    struct ldevid *ldevid = arena_alloc(t->arena, sizeof(*ldevid));
    bool found;
    *ret = NULL;
    if (shown.count == 0)
        return true;
    TRY(view_open(t, callers->options.store, &view));
    TRY(table_find(t, view_reader(view), &certificates, bytes_sha256(t->arena, shown.items[0]),
                   &ldevid->record, &found));
    if (!found)
        return true;
    *ret = ldevid;
    return true;
}

/* Whatever is not simply good is not good, and its device's timeline says so. */
bool caller_check_issued(struct task *t, const struct certificate *record, int64_t grace)
{
    int64_t now = clock_wall();
    ENSURE(t, record->state == CERTIFICATE_ISSUED, E_REVOKED_CERTIFICATE, "serial %s was %s: %s",
           bytes_to_hex(t->arena, record->serial),
           record->state == CERTIFICATE_SUSPENDED ? "suspended" : "revoked",
           record->revoked_because == NULL ? revocation_reason_names[record->reason]
                                           : record->revoked_because);
    ENSURE(t, now >= record->not_before && now <= record->not_after + grace, E_CERT_EXPIRED,
           "%s is valid from %s to %s", record->subject == NULL ? "it" : record->subject,
           time_to_text(t->arena, record->not_before), time_to_text(t->arena, record->not_after));
    return true;
}

bool caller_either(struct task *t, struct callers *callers, struct http_request *rq,
                   const struct idevid **ret_idevid, const struct ldevid **ret_ldevid)
{
    const struct ldevid *ldevid;
    TRY(caller_issued(t, callers, rq, &ldevid));
    if (ldevid == NULL) {
        TRY(caller_idevid(t, callers, rq, ret_idevid));
    } else {
        TRY(caller_check_issued(t, &ldevid->record, 0));
        *ret_idevid = NULL;
    }
    *ret_ldevid = ldevid;
    return true;
}

bool caller_device_id(struct task *t, struct callers *callers, struct http_request *rq,
                      struct bytes *ret, const struct idevid **ret_idevid)
{
    const struct ldevid *ldevid;
    struct judgement *j = NULL;
    TRY(caller_issued(t, callers, rq, &ldevid));
    if (ldevid != NULL) {
        ENSURE(t, bytes_present(ldevid->record.device), E_NOT_FOUND,
               "the certificate was issued to no device");
        *ret = ldevid->record.device;
        *ret_idevid = NULL;
        return true;
    }
    if (judgement_of(t, callers, rq->connection, &j)) {
        *ret = j->idevid.device;
        *ret_idevid = &j->idevid;
        return true;
    }
    /* A device that is told apart and not believed: of interest when it has been here before. */
    if (j == NULL || !bytes_present(j->idevid.device))
        return false;
    task_forgive(t);
    *ret = j->idevid.device;
    *ret_idevid = NULL;
    return true;
}

bool caller_check_key(struct task *t, const struct device *device, const struct idevid *idevid)
{
    ENSURE(t,
           !bytes_present(device->idevid_spki_sha256) ||
               bytes_equal(device->idevid_spki_sha256, idevid->spki_sha256),
           E_DEVICE_OTHER_KEY, "serial number %s first came with the key %s, now with %s",
           device->serial, bytes_to_hex(t->arena, device->idevid_spki_sha256),
           bytes_to_hex(t->arena, idevid->spki_sha256));
    return true;
}

static void new_device(struct task *t, const struct idevid *idevid, struct device *ret)
{
    record_init(t, &device_type, ret);
    ret->id = idevid->device;
    ret->issuer_spki_sha256 = idevid->issuer_spki_sha256;
    ret->serial = idevid->serial;
    ret->first_seen = clock_wall();
}

/* From now on this is its key (caller_check_key()), and this what it is called. */
static bool take_key(struct task *t, struct tx *tx, const struct idevid *idevid,
                     struct device *device)
{
    device->idevid_spki_sha256 = idevid->spki_sha256;
    device->subject = bytes_to_printable(t->arena, bytes_of_text(cert_subject(t, idevid->cert)),
                                         DEVICE_SUBJECT_MAX);
    return blob_put(t, tx, &devices, device->id, DEVICE_BLOB_IDEVID, idevid->cert->der);
}

/* So that a flood of genuine but foreign devices cannot fill the store, nor anybody's day. */
static bool check_room(struct task *t, struct tx *tx, const struct callers *callers,
                       const char *manufacturer, enum device_admission admission)
{
    uint64_t count;
    TRY(standing_count(t, tx_reader(tx), manufacturer, admission, &count));
    if (admission == DEVICE_UNEXPECTED)
        ENSURE(t, count < callers->options.unexpected_devices, E_TOO_MANY_DEVICES,
               "%llu unexpected devices of %s", (unsigned long long)count, manufacturer);
    if (admission == DEVICE_HELD)
        ENSURE(t, count < callers->options.held_devices, E_TOO_MANY_HELD,
               "%llu devices of %s are held", (unsigned long long)count, manufacturer);
    return true;
}

/* `admission` NULL: as it is, and unexpected when it is new. */
static bool find_device(struct task *t, struct tx *tx, struct callers *callers,
                        const struct idevid *idevid, const char *address,
                        const enum device_admission *admission, struct device *ret)
{
    static const struct decided nobody = {NULL, NULL};
    struct device device;
    bool found;
    const char *manufacturer = idevid->manufacturer->name;
    TRY(table_find(t, tx_reader(tx), &devices, idevid->device, &device, &found));
    if (!found)
        new_device(t, idevid, &device);
    bool moves = !found || strcmp(device.manufacturer, manufacturer) != 0;
    enum device_admission becomes = admission == NULL ? device.admission : *admission;
    if (moves || becomes != device.admission) {
        const struct decided decided = {device.decided_by, device.decided_because};
        TRY(check_room(t, tx, callers, manufacturer, becomes));
        TRY(standing_set(t, tx, &device, manufacturer, becomes,
                         becomes == device.admission ? &decided : &nobody));
    }
    /*
     * A place that was vacated is for whatever key it is taken with; who is refused leaves none,
     * and neither does whoever only says that it is this device.
     * What was erased when it left us is known again when it is let in again.
     */
    if ((!found && (admission != NULL || !idevid->unauthenticated)) ||
        (admission != NULL &&
         (!bytes_present(device.idevid_spki_sha256) || device.subject == NULL)))
        TRY(take_key(t, tx, idevid, &device));
    device.last_seen = clock_wall();
    device.last_address = address;
    *ret = device;
    return true;
}

bool caller_device(struct task *t, struct tx *tx, struct callers *callers,
                   const struct idevid *idevid, const char *address, struct device *ret)
{
    return find_device(t, tx, callers, idevid, address, NULL, ret);
}

bool caller_device_as(struct task *t, struct tx *tx, struct callers *callers,
                      const struct idevid *idevid, const char *address,
                      enum device_admission admission, struct device *ret)
{
    return find_device(t, tx, callers, idevid, address, &admission, ret);
}

bool callers_maker(struct task *t, struct callers *callers, const char *name,
                   const struct trusted_maker **ret)
{
    const struct trust_snapshot *trust;
    TRY(trust_get(t, callers->trust, t->arena, &trust));
    const struct trusted_maker *maker = trust_maker_named(trust, name);
    ENSURE(t, maker != NULL, E_UNKNOWN_MAKER, "there is no manufacturer %s", name);
    *ret = maker;
    return true;
}
