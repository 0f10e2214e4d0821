#include "registrar/past_identity.h"

#include "core/base/clock.h"
#include "core/store/records/shown_certificate.h"

bool past_identity_note(struct task *t, struct store *store, const struct cert_list *shown)
{
    struct shown_certificate *records = arena_array(t->arena, shown->count, sizeof(*records));
    for (size_t i = 0; i < shown->count; i++) {
        const struct cert *cert = shown->items[i];
        record_init(t, &shown_certificate_type, &records[i]);
        records[i].sha256 = bytes_sha256(t->arena, cert->der);
        records[i].spki_sha256 = cert_spki_sha256(t, cert);
        records[i].subject = cert_subject(t, cert);
    }
    return shown_certificates_note(t, store, records, shown->count);
}

/* Several certificates may have had the key: the one that is shown now, or was last. */
static bool find_by_key(struct task *t, struct view *view, struct bytes spki_sha256,
                        struct shown_certificate *ret, bool *ret_found)
{
    struct table_scan scan = table_scan_index(t, view, &shown_certificates,
                                              &shown_certificates_by_key, spki_sha256, false);
    bool any = false;
    for (;;) {
        struct shown_certificate one;
        bool found;
        TRY(table_scan_next(t, &scan, &one, &found));
        if (!found)
            break;
        if (!any || one.until == 0 || (ret->until != 0 && one.until > ret->until))
            *ret = one;
        any = true;
    }
    *ret_found = any;
    return true;
}

/* What the pledge says that it saw, by whichever of the three members. */
static bool find_seen(struct task *t, struct store *store, const struct voucher *v,
                      struct shown_certificate *ret, bool *ret_found)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    struct bytes key = v->proximity_registrar_pubk_sha256;
    *ret_found = false;
    TRY(view_open(t, store, &view));
    if (bytes_present(v->proximity_registrar_cert))
        return table_find(t, view_reader(view), &shown_certificates,
                          bytes_sha256(t->arena, v->proximity_registrar_cert), ret, ret_found);
    if (bytes_present(v->proximity_registrar_pubk))
        key = bytes_sha256(t->arena, v->proximity_registrar_pubk);
    return key.len != SHA256_LEN || find_by_key(t, view, key, ret, ret_found);
}

bool past_identity_explain(struct task *t, struct store *store, const struct voucher *request)
{
    struct task aside = *t; /* what goes wrong here is not what the request is refused for */
    struct shown_certificate seen;
    bool found;
    task_forgive(&aside);
    if (!find_seen(&aside, store, request, &seen, &found) || !found)
        return false;
    const char *what = arena_printf(t->arena, "%s (SHA-256 %s)",
                                    seen.subject == NULL ? "without subject" : seen.subject,
                                    bytes_to_hex(t->arena, seen.sha256));
    if (seen.until == 0)
        return fail(t, E_PROXIMITY, "the pledge saw our certificate %s, but not on this connection",
                    what);
    return fail(t, E_PREVIOUS_CERTIFICATE, "the pledge saw our certificate %s, shown until %s",
                what, time_to_text(t->arena, seen.until));
}
