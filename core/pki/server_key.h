/*
 * Keys that a server makes for its clients (RFC 7030 4.4): what a request says of how the key is to
 * be protected on its way, and the key so protected.
 */
#ifndef GATEHOUSE_CORE_PKI_SERVER_KEY_H
#define GATEHOUSE_CORE_PKI_SERVER_KEY_H

#include "core/pki/cms.h"
#include "core/pki/csr.h"

#define KEY_IDENTIFIER_MAX 64 /* octets of an identifier that is looked for */

/* RFC 7030 4.4.1.1 and 4.4.1.2; what is absent was not asked for. */
struct key_wish {
    struct bytes shared_key;       /* DecryptKeyIdentifier: of a secret key */
    struct bytes certificate_key;  /* AsymmetricDecryptKeyIdentifier: of a public one */
    struct text_list capabilities; /* OIDs of SMIMECapabilities, the client's favourites first */
};
/*
 * Fails with E_KEY_WISH on attributes that cannot be read, on both identifiers together, and on one
 * without SMIMECapabilities.
 */
MUST_USE bool key_wish_read(struct task *t, const struct csr *csr, struct key_wish *ret);

/*
 * RFC 7030 4.4.1.2: the certificate has the key of that identifier (its SubjectKeyIdentifier, or
 * without one that of RFC 5280 4.2.1.2 (1)).
 */
bool key_wish_names(const struct cert *cert, struct bytes identifier);
/*
 * And is good for it: RSA with keyEncipherment, EC with keyAgreement, or with a use that is not
 * restricted.  Fails with E_KEY_WISH.
 */
MUST_USE bool key_wish_fits(struct task *t, const struct cert *cert);

/*
 * What the client can decrypt with, as far as it is done here: the strongest AES-CBC; RSAES-OAEP,
 * and the hash of the key derivation, as `recipient` needs them.  Fails with E_KEY_WISH when
 * nothing of that is among its capabilities.
 */
MUST_USE bool key_wish_algorithms(struct task *t, const struct key_wish *wish,
                                  struct cms_recipient *recipient, unsigned *ret_aes_bits);

/* Who has made the key, and says so. */
struct key_maker {
    const struct cert *cert;
    EVP_PKEY *key; /* may live in a token */
    struct cert_list chain;
};
/*
 * RFC 7030 4.4.2: AsymmetricKeyPackage (RFC 5958) in SignedData in EnvelopedData, DER.  All that is
 * clear on the way is wiped.
 */
MUST_USE bool key_package(struct task *t, EVP_PKEY *key, const struct key_maker *maker,
                          unsigned aes_bits, const struct cms_recipient *recipient,
                          struct bytes *ret);

#endif
