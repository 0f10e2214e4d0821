#include "est/keys.h"

#include "core/pki/weak_keys.h"
#include "core/store/records/certificate.h"

#include <string.h>

/* Certificates looked at for one key: who renews with the same key for years has not more. */
#define LOOK_MAX 1000

static bool is_own(struct task *t, const struct enrol_request *request,
                   const struct certificate *other)
{
    if (request->episode != NULL)
        return bytes_equal(other->device, request->episode->device);
    return !bytes_present(other->device) &&
           strcmp(other->subject, csr_subject(t, request->csr)) == 0;
}

static bool check_other(struct task *t, const struct enrol_request *request,
                        const struct certificate *other)
{
    const char *serial = bytes_to_hex(t->arena, other->serial);
    ENSURE(t, other->state != CERTIFICATE_REVOKED || other->reason != REVOKED_KEY_COMPROMISE,
           E_KEY_REFUSED, "certificate %s with this key was revoked: key-compromise", serial);
    ENSURE(t, is_own(t, request, other), E_KEY_REFUSED,
           "certificate %s of another (%s) has this key", serial, other->subject);
    return true;
}

bool keys_check(struct task *t, const struct est *est, const struct enrol_request *request)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    const struct csr *csr = request->csr;
    const char *weakness = key_weakness(t, csr->key);
    ENSURE(t, weakness == NULL, E_KEY_REFUSED, "%s: %s",
           key_kind_text(t, csr->key_kind, csr->key_bits), weakness);
    ENSURE(t, !weak_key_listed(t, est->weak_keys, csr->key), E_KEY_REFUSED,
           "%s: it is on a list of weak keys (weak-key-lists)",
           key_kind_text(t, csr->key_kind, csr->key_bits));
    TRY(view_open(t, est->store, &view));
    struct table_scan scan = table_scan_index(t, view, &certificates, &certificates_by_key,
                                              bytes_sha256(t->arena, csr->spki), true);
    for (int looked = 0; looked < LOOK_MAX; looked++) {
        struct certificate other;
        bool found;
        TRY(table_scan_next(t, &scan, &other, &found));
        if (!found)
            break;
        TRY(check_other(t, request, &other));
    }
    return true;
}
