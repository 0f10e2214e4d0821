/* `gatehousectl inspect`: what is in a file, decoded and verified, without any daemon. */
#ifndef GATEHOUSE_WEB_CTL_INSPECT_H
#define GATEHOUSE_WEB_CTL_INSPECT_H

#include "core/base/json.h"
#include "core/pki/chain.h"
#include "core/pki/serial.h"

struct inspect_rules {
    struct cert_list anchors;  /* none: nothing is held against anchors */
    struct serial_rule serial; /* how a device's serial number is read from its certificate */
    bool serial_wanted;        /* then it must be there */
    int64_t at;                /* wall-clock ms to judge validity at; 0: created-on, or else now */
};

struct inspect_report {
    json_t *json;       /* "kind" and what belongs to it; released with the arena */
    const char *failed; /* the first verification that failed; NULL: none did */
};

/*
 * Finds out what the octets are: signed voucher or voucher request (CMS, JWS, COSE), its JSON or
 * CBOR alone, certificates, certification request, CSR attributes, certs-only PKCS#7 or private
 * key; as they are, or in PEM, base64 or hexadecimal.
 * Fails with E_CTL_UNKNOWN_FILE, or with the kind of the parser that gave up.
 */
MUST_USE bool inspect(struct task *t, struct bytes octets, const struct inspect_rules *rules,
                      struct inspect_report *ret);

#endif
