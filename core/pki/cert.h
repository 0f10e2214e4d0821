/*
 * X.509 certificates (RFC 5280) and what BRSKI reads from them.
 *
 * A `struct cert` and all that is read from it lives as long as the arena it was parsed in.
 */
#ifndef GATEHOUSE_CORE_PKI_CERT_H
#define GATEHOUSE_CORE_PKI_CERT_H

#include "core/base/task.h"
#include "core/pki/oids.h"
#include "core/pki/problems.h"

#include <openssl/x509.h>

#define CERT_SIZE_MAX      ((size_t)16 * 1024)   /* octets of one certificate */
#define CERT_COUNT_MAX     16                    /* certificates in one message or handshake */
#define CERT_FILE_SIZE_MAX ((size_t)1024 * 1024) /* octets of a file of certificates */

struct cert {
    X509 *x509;       /* owned by the arena */
    struct bytes der; /* as received */
};

struct cert_list {
    const struct cert **items;
    size_t count;
};

/* One DER certificate without anything after it.  Fails with E_CERT_MALFORMED. */
MUST_USE bool cert_parse(struct task *t, struct bytes der, const struct cert **ret);
/* The same; one of `known` (may be NULL) that has these very octets serves for it. */
MUST_USE bool cert_parse_unless(struct task *t, struct bytes der, const struct cert_list *known,
                                const struct cert **ret);
/* One or more PEM certificates, or one DER certificate: what an administrator has in a file. */
MUST_USE bool certs_from_file_octets(struct task *t, struct bytes octets, struct cert_list *ret);
/* As many as there are: the caller has bounded what is foreign. */
MUST_USE bool certs_parse(struct task *t, const struct bytes_list *der, struct cert_list *ret);
struct bytes_list certs_der(struct task *t, const struct cert_list *certs);
char *cert_to_pem(struct task *t, const struct cert *cert);
/* From a certificate just made; takes no reference of its own. */
MUST_USE bool cert_of_x509(struct task *t, X509 *x509, const struct cert **ret);

/* RFC 4514, "CN=...,O=..."; values escaped, printable. */
char *cert_subject(struct task *t, const struct cert *cert);
char *cert_issuer(struct task *t, const struct cert *cert);
/*
 * Value of the subject attribute serialNumber (2.5.4.5), which names the device (RFC 8995 2.3.1)
 * unless a manufacturer has it elsewhere (core/pki/serial.h); not the certificate's serial number.
 * NULL when there is none; fails on more than one or on octets that are no text.
 */
MUST_USE bool cert_subject_serial(struct task *t, const struct cert *cert, const char **ret);
/* Octets of the certificate's own serial number, big-endian, without sign octet. */
struct bytes cert_serial(struct task *t, const struct cert *cert);
/* DER of the SubjectPublicKeyInfo. */
struct bytes cert_spki(struct task *t, const struct cert *cert);
struct bytes cert_spki_sha256(struct task *t, const struct cert *cert);
int64_t cert_not_before(const struct cert *cert); /* wall-clock ms; 9999-12-31 works */
int64_t cert_not_after(const struct cert *cert);
bool cert_is_ca(const struct cert *cert);
bool cert_is_self_signed(const struct cert *cert);
/* By names and key identifiers; the signature is not verified. */
bool cert_is_issued_by(const struct cert *cert, const struct cert *issuer);
/* False also when there is no extended key usage at all. */
bool cert_has_eku(const struct cert *cert, const char *oid);
/* Value octets of an extension's extnValue (what the OCTET STRING holds); absent: not there. */
struct bytes cert_extension(struct task *t, const struct cert *cert, const char *oid);
/* "DNS:a.example", "IP:192.0.2.1", "URI:...", "email:...", otherwise the type and hex. */
MUST_USE bool cert_alt_names(struct task *t, const struct cert *cert, struct text_list *ret);
/* True when one of the certificate's DNS-IDs or IP addresses is this host (RFC 9525). */
bool cert_names_host(const struct cert *cert, const char *host);

/*
 * MASA URL extension (RFC 8995 2.3.2): the IA5String as it stands; NULL when there is none.
 * Fails when the extension holds anything else.
 */
MUST_USE bool cert_masa_url(struct task *t, const struct cert *cert, const char **ret);
/* The same as certificates in the field have it, and how that departs from RFC 8995 2.3.2. */
struct masa_url {
    const char *text;   /* NULL: there is none */
    bool no_ia5_string; /* but a UTF8String, or the URL's octets without any tag */
    bool old_oid;       /* under 1.3.6.1.4.1.46930.2 */
};
MUST_USE bool cert_masa_url_found(struct task *t, const struct cert *cert, struct masa_url *ret);
/*
 * The base under which the MASA's resources stand, for what the extension or an administrator says
 * (RFC 8995 2.3.2): "host:9443" -> "https://host:9443/.well-known/brski"; a complete URI is kept,
 * with the well-known path where it has none.  Only https; no user, query or fragment: E_INVALID.
 */
MUST_USE bool masa_base_url(struct task *t, const char *text, const char **ret);

/*
 * idevid-issuer (RFC 8366bis 6.1): the AuthorityKeyIdentifier's whole extnValue OCTET STRING, tag
 * and length included; without that extension the same shape made of the SHA-1 of the subject's
 * public key.
 */
MUST_USE bool cert_idevid_issuer(struct task *t, const struct cert *idevid, struct bytes *ret);
/*
 * The same for a device of which only the CA is known that signs IDevIDs: what its
 * AuthorityKeyIdentifier is when that holds the CA's key identifier alone (RFC 5280 4.2.1.1).
 */
MUST_USE bool cert_idevid_issuer_of_ca(struct task *t, const struct cert *ca, struct bytes *ret);
/* domainID (RFC 8995 5.8.2): the SubjectKeyIdentifier, or the SHA-256 of the SPKI without one. */
MUST_USE bool cert_domain_id(struct task *t, const struct cert *cert, struct bytes *ret);

/* The library's error queue as one line, emptied: for details. */
const char *crypto_error(struct task *t);

#endif
