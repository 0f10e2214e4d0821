/* What is wrong and stays so until somebody sees to it: alarms that were raised, and dates. */
#include "core/base/clock.h"
#include "core/pki/cert.h"
#include "core/pledge/problems.h"
#include "core/store/records/cloud.h"
#include "core/store/records/manufacturer.h"
#include "core/store/records/reduction.h"
#include "web/api_internal.h"

#define CRL_NOTICE    DAY_MS        /* before a revocation list is outdated */
#define ANCHOR_NOTICE (30 * DAY_MS) /* before a CA certificate ends */
#define ALARMS_MAX    512           /* shown at once */

struct alarm_list {
    struct alarm *items; /* ALARMS_MAX places */
    size_t count;
};

static void append(struct alarm_list *list, const struct alarm *alarm)
{
    if (list->count < ALARMS_MAX)
        list->items[list->count++] = *alarm;
}

static void append_date(struct task *t, struct alarm_list *list, const struct problem_kind *kind,
                        const struct manufacturer *m, const char *what, int64_t end)
{
    const struct alarm alarm = {
        .problem = kind->name,
        .about = m->name,
        .detail = arena_printf(t->arena, "%s: %s", what, time_to_text(t->arena, end)),
        .since = end,
    };
    append(list, &alarm);
}

/* ---- Dates ---- */

static void look_at_crls(struct task *t, struct alarm_list *list, const struct manufacturer *m)
{
    const struct revocation_list *crls = m->idevid_crls.items;
    for (size_t i = 0; i < m->idevid_crls.count; i++) {
        if (crls[i].next_update != 0 && crls[i].next_update < clock_wall() + CRL_NOTICE)
            append_date(t, list, E_CRL_OUTDATED, m,
                        arena_printf(t->arena, "the list after this one of %s", crls[i].issuer),
                        crls[i].next_update);
    }
}

/* A certificate for the same key that lasts takes the place of one that does not. */
static bool is_renewed(struct task *t, const struct cert_list *certs, const struct cert *cert)
{
    struct bytes key = cert_spki(t, cert);
    for (size_t i = 0; i < certs->count; i++) {
        if (cert_not_after(certs->items[i]) > cert_not_after(cert) &&
            bytes_equal(cert_spki(t, certs->items[i]), key))
            return true;
    }
    return false;
}

static void look_at_anchors(struct task *t, struct alarm_list *list, const struct manufacturer *m,
                            const char *name, const struct bytes_list *anchors)
{
    struct cert_list certs;
    struct task aside = *t;
    if (!certs_parse(&aside, anchors, &certs)) /* a damaged record is told in the log */
        return;
    for (size_t i = 0; i < certs.count; i++) {
        int64_t end = cert_not_after(certs.items[i]);
        if (end < clock_wall() + ANCHOR_NOTICE && !is_renewed(t, &certs, certs.items[i]))
            append_date(t, list, E_ANCHOR_ENDS, m,
                        arena_printf(t->arena, "%s: %s", name, cert_subject(t, certs.items[i])),
                        end);
    }
}

static bool look_at_manufacturers(struct task *t, struct view *view, struct alarm_list *list)
{
    struct table_scan scan = table_scan(t, view, &manufacturers, BYTES_ABSENT);
    for (;;) {
        struct manufacturer m;
        bool found;
        TRY(table_scan_next(t, &scan, &m, &found));
        if (!found)
            return true;
        look_at_crls(t, list, &m);
        if (!m.expired_idevids)
            look_at_anchors(t, list, &m, "idevid-anchors", &m.idevid_anchors);
        look_at_anchors(t, list, &m, "masa-anchors", &m.masa_anchors);
        look_at_anchors(t, list, &m, "voucher-anchors", &m.voucher_anchors);
    }
}

/* ---- Clouds, which say themselves how it stands ---- */

static void look_at_cloud(struct task *t, struct alarm_list *list, const struct cloud *cloud)
{
    struct alarm alarm = {
        .problem = cloud->problem,
        .about = arena_printf(t->arena, "cloud %s", cloud->name),
        .detail = cloud->detail,
        .since = cloud->tried,
    };
    if (cloud->problem != NULL)
        append(list, &alarm);
    alarm.problem = "cloud-does-not-find-us";
    alarm.detail = cloud->reach_detail;
    alarm.since = cloud->reach_checked;
    if (cloud->reach == CLOUD_UNREACHABLE)
        append(list, &alarm);
}

static bool look_at_clouds(struct task *t, struct view *view, struct alarm_list *list)
{
    struct table_scan scan = table_scan(t, view, &clouds, BYTES_ABSENT);
    for (;;) {
        struct cloud cloud;
        bool found;
        TRY(table_scan_next(t, &scan, &cloud, &found));
        if (!found)
            return true;
        look_at_cloud(t, list, &cloud);
    }
}

/* ---- Reductions of security, for as long as they are in force ---- */

static bool look_at_reductions(struct task *t, struct view *view, const struct api *api,
                               struct alarm_list *list)
{
    struct reduction_in_force *items;
    size_t count;
    TRY(reductions_read(t, view, api->unauthenticated, &items, &count));
    for (size_t i = 0; i < count; i++) {
        const struct alarm alarm = {
            .problem = E_REDUCED_SECURITY->name,
            .about = items[i].about,
            .detail = arena_printf(t->arena, "%s: %s", reduction_names[items[i].which],
                                   reduction_texts[items[i].which]),
            .since = items[i].since,
        };
        append(list, &alarm);
    }
    return true;
}

/* ---- All ---- */

static void add_hints(const struct api *api, const struct alarm_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct problem_kind *kind = problem_find(api->problems, list->items[i].problem);
        list->items[i].hint = kind == NULL ? NULL : kind->hint;
    }
}

bool api_alarms(struct task *t, const struct api *api, struct record_list *ret)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    struct alarm_list list = {arena_array(t->arena, ALARMS_MAX, sizeof(struct alarm)), 0};
    struct alarm *raised;
    size_t count;
    TRY(view_open(t, api->store, &view));
    TRY(alarms_read(t, view, &raised, &count));
    for (size_t i = 0; i < count; i++)
        append(&list, &raised[i]);
    TRY(look_at_manufacturers(t, view, &list));
    TRY(look_at_clouds(t, view, &list));
    TRY(look_at_reductions(t, view, api, &list));
    add_hints(api, &list);
    *ret = (struct record_list){list.items, list.count};
    return true;
}
