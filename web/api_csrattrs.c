/*
 * What a device would be told to put into its request, and whether a request has it: the same code
 * as EST's, without anything being given out.
 */
#include "core/asking/check.h"
#include "core/store/records/episode.h"
#include "web/api_internal.h"

#define NO_OPAQUE "00000000000000000000000000000000"

/* A device, a place that none has claimed yet, or anybody. */
struct subject {
    struct profile profile;
    bool is_device;
    struct asking_device own;
    struct bytes told;
    const struct cert *idevid; /* NULL: not known */
    bool provisional;
};

static bool read_device(struct task *t, struct reader *r, const struct device *device,
                        struct subject *s)
{
    struct bytes der;
    TRY(asking_device(t, r, device, &s->own));
    TRY(blob_get(t, r, &devices, device->id, DEVICE_BLOB_IDEVID, &der));
    if (bytes_present(der))
        TRY(cert_parse(t, der, &s->idevid));
    return !bytes_present(device->episode) ||
           blob_get(t, r, &episodes, device->episode, EPISODE_BLOB_CSRATTRS, &s->told);
}

static bool find_device(struct task *t, struct view *view, const char *text,
                        const char *manufacturer, struct subject *s)
{
    struct device device;
    struct expected place;
    bool found;
    s->is_device = true;
    TRY(api_find_device(t, view, text, manufacturer, &device, &found));
    if (found) {
        TRY(read_device(t, view_reader(view), &device, s));
    } else if (manufacturer == NULL) {
        TRY(api_find_place(t, view, text, &place, &found));
    } else {
        TRY(table_find(t, view_reader(view), &expected_devices,
                       expected_key(t->arena, manufacturer, text), &place, &found));
    }
    ENSURE(t, found, E_NOT_FOUND, "no device with the id or serial number %s is known or expected",
           api_quote(t, text));
    if (s->own.serial == NULL)
        s->own = asking_place(&place);
    return asking_profile(t, view_reader(view), s->own.manufacturer, &s->profile);
}

static bool find_subject(struct task *t, struct store *store, const struct csrattrs_question *q,
                         struct subject *ret)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    struct subject s = {.is_device = false};
    bool found = true;
    ENSURE(t, (q->device == NULL) != (q->profile == NULL), E_INVALID,
           "a device or a profile must be named, and not both");
    TRY(view_open(t, store, &view));
    if (q->device != NULL)
        TRY(find_device(t, view, q->device, q->manufacturer, &s));
    else
        TRY(table_find(t, view_reader(view), &profiles, bytes_of_text(q->profile), &s.profile,
                       &found));
    ENSURE(t, found, E_NOT_FOUND, "there is no profile %s", api_quote(t, q->profile));
    if (s.is_device && s.own.opaque == NULL && wishes_use(&s.profile, "opaque")) {
        s.own.opaque = NO_OPAQUE;
        s.provisional = true;
    }
    *ret = s;
    return true;
}

static bool compile(struct task *t, const struct subject *s, struct wishes *ret)
{
    return wishes_compile(t, &s->profile, s->is_device ? &s->own : NULL, false, ret);
}

bool api_csrattrs(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    const struct csrattrs_question q = {
        .device = http_query(t, rq, "device"),
        .manufacturer = http_query(t, rq, "manufacturer"),
        .profile = http_query(t, rq, "profile"),
    };
    struct subject s;
    struct wishes wishes;
    struct csrattrs_report report;
    json_t *json;
    TRY(find_subject(t, api_of(rq)->store, &q, &s));
    TRY(compile(t, &s, &wishes));
    record_init(t, &csrattrs_report_type, &report);
    TRY(csrattrs_encode(t, &wishes.attrs, &report.attributes));
    report.profile = s.profile.name;
    report.serial = s.own.serial;
    report.manufacturer = s.own.manufacturer;
    report.told = s.told;
    report.names = wishes.claims;
    report.provisional = s.provisional;
    TRY(record_to_json(t, &csrattrs_report_type, &report, &json));
    return api_reply(t, reply, 200, json);
}

/* By what the device was told, or would be told now. */
static bool judge(struct task *t, const struct subject *s, const struct csr *csr)
{
    struct wishes wishes;
    const struct sender sender = {
        .profile = &s->profile,
        .serial = s->is_device ? s->own.serial : NULL,
        .idevid = s->idevid,
    };
    if (!bytes_present(s->told))
        TRY(compile(t, s, &wishes));
    else
        TRY(csrattrs_decode(t, s->told, &wishes.attrs));
    TRY(csr_verify(t, csr));
    return csr_as_asked(t, csr, &wishes.attrs, &sender);
}

bool api_csrattrs_try(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    static const struct problem_kind *const judged[] = {
        E_CSR_NOT_AS_ASKED, E_CSR_POP, E_CSR_MALFORMED, E_PROFILE_NAME, E_PROFILE_VALUE, NULL};
    struct csrattrs_question q;
    struct csrattrs_verdict verdict;
    struct subject s;
    struct csr csr;
    json_t *json;
    TRY(api_read_record(t, rq, &csrattrs_question_type, &q));
    TRY(find_subject(t, api_of(rq)->store, &q, &s));
    const bool told = bytes_present(s.told);
    ENSURE(t, told || !s.provisional, E_INVALID,
           "%s: this device gets its opaque identifier when it first asks; no request can have it "
           "yet",
           s.own.serial);
    record_init(t, &csrattrs_verdict_type, &verdict);
    verdict.judged_by = told ? JUDGED_BY_TOLD : JUDGED_BY_PROFILE;
    /* What it was told may have been another's. */
    verdict.profile = told ? NULL : s.profile.name;
    verdict.accepted = csr_parse(t, q.csr, &csr) && judge(t, &s, &csr);
    if (!verdict.accepted && !task_failed_with_any(t, judged))
        return false;
    if (!verdict.accepted) {
        verdict.problem = t->problem->name;
        verdict.detail = t->detail;
        task_forgive(t);
    }
    TRY(record_to_json(t, &csrattrs_verdict_type, &verdict, &json));
    api_set_hint(api_of(rq), json, verdict.problem);
    return api_reply(t, reply, 200, json);
}
