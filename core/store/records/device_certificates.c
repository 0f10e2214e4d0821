#include "core/store/records/device_certificates.h"

#include "core/base/clock.h"
#include "core/store/records/event.h"

bool device_certificates_live(struct task *t, struct view *view, struct bytes device,
                              struct bytes_list *ret)
{
    struct table_scan scan =
        table_scan_index(t, view, &certificates, &certificates_by_device, device, true);
    struct bytes *ids = arena_array(t->arena, DEVICE_CERTIFICATES_MAX, sizeof(*ids));
    struct bytes_list list = {ids, 0};
    int64_t now = clock_wall();
    while (list.count < DEVICE_CERTIFICATES_MAX) {
        struct certificate certificate;
        bool found;
        TRY(table_scan_next(t, &scan, &certificate, &found));
        if (!found)
            break;
        if (certificate.state != CERTIFICATE_REVOKED && certificate.not_after > now)
            ids[list.count++] = certificate.id;
    }
    *ret = list;
    return true;
}

static bool note(struct task *t, struct tx *tx, const struct device_revocation *revocation,
                 const struct certificate *certificate)
{
    struct event event;
    record_init(t, &event_type, &event);
    event.name = "certificate-revoked";
    event.severity = EVENT_WARNING;
    event.actor = revocation->actor;
    event.device = certificate->device;
    event.episode = certificate->episode;
    event.detail =
        arena_printf(t->arena, "serial %s, CA %s: %s", bytes_to_hex(t->arena, certificate->serial),
                     certificate->ca, revocation->because);
    return event_add(t, tx, &event);
}

bool device_certificates_revoke(struct task *t, struct tx *tx,
                                const struct device_revocation *revocation)
{
    for (size_t i = 0; i < revocation->certificates.count; i++) {
        struct certificate certificate;
        bool changed;
        TRY(certificate_revoke(t, tx, revocation->certificates.items[i], revocation->reason,
                               revocation->because, &certificate, &changed));
        if (changed)
            TRY(note(t, tx, revocation, &certificate));
    }
    return true;
}
