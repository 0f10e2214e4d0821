/*
 * Whatever is read as a certificate: every reader of it ends well, and text about it is printable.
 *
 * Covers: core/pki/cert.c core/pki/cert_brski.c core/pki/extensions.c core/pki/serial.c
 */
#include "tests/fuzz/support.h"

#include "core/pki/chain.h"
#include "core/pki/serial.h"
#include "core/pki/status_urls.h"

#include <string.h>

static void check_printable(const char *text)
{
    for (; *text != '\0'; text++)
        MUST(*text >= 0x20 && *text < 0x7F);
}

static void read_names(struct task *t, const struct cert *cert)
{
    struct text_list names;
    const char *text = NULL;
    check_printable(cert_subject(t, cert));
    check_printable(cert_issuer(t, cert));
    if (cert_alt_names(t, cert, &names)) {
        for (size_t i = 0; i < names.count; i++)
            check_printable(names.items[i]);
    }
    if (cert_subject_serial(t, cert, &text) && text != NULL)
        MUST(*text != '\0' && bytes_are_utf8(bytes_of_text(text)));
    if (cert_masa_url(t, cert, &text) && text != NULL) {
        check_printable(text);
        if (!masa_base_url(t, text, &text))
            MUST(t->problem == E_INVALID);
    }
    (void)cert_names_host(cert, "masa.example.com");
    (void)cert_names_host(cert, "192.0.2.1");
}

static void read_serials(struct task *t, const struct cert *cert)
{
    struct serial_rule rule = {.source = 0};
    for (; serial_source_names[rule.source] != NULL; rule.source++) {
        const char *text = NULL;
        rule.pattern = NULL;
        if (!cert_device_serial(t, cert, &rule, &text)) {
            MUST(t->problem == E_CERT_MALFORMED);
            continue;
        }
        MUST(text == NULL || (*text != '\0' && bytes_are_utf8(bytes_of_text(text))));
        rule.pattern = "^(.)";
        const char *first = NULL;
        MUST(cert_device_serial(t, cert, &rule, &first) && (first == NULL) == (text == NULL));
        MUST(text == NULL || *first == *text);
    }
}

static void read_masa_url(struct task *t, const struct cert *cert)
{
    struct masa_url found;
    const char *text = NULL;
    if (!cert_masa_url_found(t, cert, &found)) {
        MUST(t->problem == E_CERT_MALFORMED && !cert_masa_url(t, cert, &text));
        return;
    }
    bool strict = cert_masa_url(t, cert, &text);
    MUST(strict == (found.old_oid || !found.no_ia5_string));
    if (strict && text != NULL)
        MUST(!found.old_oid && strcmp(text, found.text) == 0);
    if (found.text != NULL)
        check_printable(found.text);
}

static void read_values(struct task *t, const struct cert *cert)
{
    struct bytes octets;
    struct text_list urls;
    if (cert_crl_urls(t, cert, &urls))
        MUST(urls.count <= STATUS_URLS_MAX);
    MUST(cert_serial(t, cert).len <= CERT_SIZE_MAX);
    MUST(cert_spki_sha256(t, cert).len == SHA256_LEN);
    (void)cert_not_before(cert);
    (void)cert_not_after(cert);
    (void)cert_is_ca(cert);
    (void)cert_is_self_signed(cert);
    (void)cert_has_eku(cert, OID_KP_CMC_RA);
    MUST(cert_idevid_issuer(t, cert, &octets) && octets.len >= 2);
    if (!cert_domain_id(t, cert, &octets))
        MUST(t->problem == E_CERT_MALFORMED);
}

/* As an anchor it is either trusted or refused with a reason. */
static void verify(struct task *t, const struct cert *cert)
{
    const struct anchors *anchors;
    const struct cert_list only = {&cert, 1};
    const struct chain_rules rules = {.ignore_validity = true};
    if (anchors_make(t, &only, &anchors) && !chain_verify(t, anchors, cert, NULL, &rules, NULL))
        MUST(t->problem == E_CERT_UNTRUSTED);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_cleanup) struct arena *arena = arena_create();
    struct task t;
    struct cert_list certs;
    task_init(&t, arena, NULL);
    if (!certs_from_file_octets(&t, bytes_make(data, size), &certs)) {
        MUST(t.problem == E_CERT_MALFORMED);
        return 0;
    }
    for (size_t i = 0; i < certs.count && i < CERT_COUNT_MAX; i++) {
        struct cert_list again;
        const struct cert *cert = certs.items[i];
        MUST(certs_from_file_octets(&t, bytes_of_text(cert_to_pem(&t, cert)), &again));
        MUST(again.count == 1 && bytes_equal(again.items[0]->der, cert->der));
        read_names(&t, cert);
        read_serials(&t, cert);
        read_masa_url(&t, cert);
        read_values(&t, cert);
        verify(&t, cert);
    }
    return 0;
}
