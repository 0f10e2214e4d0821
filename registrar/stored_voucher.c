#include "registrar/stored_voucher.h"

#include "core/store/records/device.h"
#include "core/store/records/episode.h"

#include <string.h>

/* The record and the octets, when they are of use to this device. */
static bool read_stored(struct task *t, const struct registrar *r, const struct manufacturer *maker,
                        const struct voucher_form *form, const struct voucher_wanted *wanted,
                        struct stored_voucher *ret, struct bytes *ret_octets, bool *ret_found)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    bool found;
    TRY(view_open(t, r->store, &view));
    struct reader *reader = view_reader(view);
    TRY(stored_voucher_find(t, reader, maker->name, wanted->serial, ret, &found));
    *ret_found = found && bytes_present(ret->sha256) && ret->media_type != NULL &&
                 strcmp(ret->media_type, form->media_type) == 0 &&
                 bytes_equal(ret->idevid_issuer, wanted->idevid_issuer) &&
                 (ret->log != VERDICT_REFUSED || maker->audit_log != AUDIT_LOG_ENFORCE);
    if (!*ret_found)
        return true;
    return blob_get(t, reader, &stored_vouchers, expected_key(t->arena, maker->name, ret->serial),
                    STORED_VOUCHER_BLOB_VOUCHER, ret_octets);
}

bool stored_find(struct task *t, const struct registrar *r, const struct manufacturer *maker,
                 const struct voucher_form *form, const struct voucher_wanted *wanted,
                 struct stored_voucher *ret, struct bytes *ret_octets, struct voucher *ret_voucher,
                 bool *ret_found)
{
    struct voucher_wanted without = *wanted;
    without.nonce = NULL;
    TRY(read_stored(t, r, maker, form, wanted, ret, ret_octets, ret_found));
    return !*ret_found || voucher_check(t, form, *ret_octets, &without, ret_voucher);
}
