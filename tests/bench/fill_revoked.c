/*
 * Fills a store with revoked certificates of one CA.  Run by tests/bench/est while gatehoused is
 * away:
 *
 *     bench_fill_revoked STORE-FOLDER MAP-GIB CA COUNT     CA: SHA-256 of its SPKI, hexadecimal
 */
#include "tests/bench/fill.h"

#include "core/base/clock.h"
#include "core/store/records/certificate.h"

#define CERTIFICATE 480 /* octets */
#define SERIAL_LEN  20

static bool add_revoked(struct task *t, struct tx *tx, const char *ca, unsigned long number)
{
    struct certificate certificate;
    struct bytes der = bytes_random(t->arena, CERTIFICATE);
    bool changed;
    record_init(t, &certificate_type, &certificate);
    ENSURE(t, bytes_from_hex(t->arena, ca, &certificate.issuer_key), E_INVALID, "CA: %s", ca);
    certificate.id = bytes_sha256(t->arena, der);
    certificate.order = id_make(t->arena);
    certificate.ca = "local";
    certificate.serial = bytes_random(t->arena, SERIAL_LEN);
    certificate.subject = arena_printf(t->arena, "CN=revoked-%08lu.example.com", number);
    certificate.spki_sha256 = bytes_random(t->arena, SHA256_LEN);
    certificate.issued = clock_wall();
    certificate.not_before = certificate.issued;
    certificate.not_after = certificate.issued + 365 * DAY_MS;
    certificate.client = "secret:bench";
    TRY(certificate_put(t, tx, &certificate, der));
    return certificate_revoke(t, tx, certificate.id, REVOKED_SUPERSEDED, "bench", NULL, &changed);
}

int main(int argc, char **argv)
{
    return fill_main(argc, argv, "CA", add_revoked);
}
