/*
 * Who we are: our own certificates and what they chain to, from the store; their keys, from the
 * token.  There is one that all see, there may be one that waits to take its place, and there are
 * earlier ones, which are shown to those who still ask for a name that only they have.
 */
#ifndef GATEHOUSE_REGISTRAR_IDENTITY_IDENTITY_H
#define GATEHOUSE_REGISTRAR_IDENTITY_IDENTITY_H

#include "core/pki/chain.h"
#include "core/store/store.h"
#include "pkcs11/keystore.h"
#include "registrar/identity/problems.h"

/* One certificate for TLS and for voucher requests, and what it chains to. */
struct registrar_identity {
    const char *name; /* of the authority's record */
    const struct cert *cert;
    struct bytes sha256;   /* of the certificate */
    const char *key_label; /* in the token */
    EVP_PKEY *key;         /* NULL in sets that were read without keys, as the next */
    gnutls_privkey_t tls_key;
    struct cert_list tls_chain; /* as sent in TLS: the certificate and the registrar CA */
    struct cert_list domain;    /* all up to the root */
};

/* All that TLS may show; never changes once made. */
struct identity_set {
    const struct registrar_identity *items; /* the current one, the staged one, earlier ones */
    size_t count;
    bool staged; /* items[1] waits to be switched to */
};

/* What the store says, without keys: certificates that are valid now, the current one in any case.
 */
MUST_USE bool identity_set_read(struct task *t, struct view *view, struct identity_set *ret);
/*
 * Which of them is seen at this host (a DNS name, or an address): the first, unless it does not
 * have the name and a later one does.  `after`: once the staged one has become the first.
 */
const struct registrar_identity *identity_seen_at(const struct identity_set *set, const char *host,
                                                  bool after);

/* True when there is a name at which it is seen. */
bool identity_is_visible(struct task *t, const struct identity_set *set,
                         const struct registrar_identity *identity);

/* The identities of a running daemon; any thread. */
struct identities;

/*
 * The current certificate must be for its key, valid now, and carry id-kp-cmcRA, serverAuth and
 * clientAuth (draft-ietf-anima-constrained-voucher 7.4).  All domainIDs become ours, for good.
 * Fails with E_REGISTRAR_IDENTITY.
 */
MUST_USE bool identities_open(struct task *t, struct store *store, struct keystore *keys,
                              struct identities **ret);
/* No set may be in use any more.  Accepts NULL. */
void identities_close(struct identities *identities);
/*
 * Reads them again; what was there stays when that fails, and sets that were handed out stay good.
 */
MUST_USE bool identities_refresh(struct task *t, struct identities *identities);
const struct identity_set *identities_now(const struct identities *identities);
const struct registrar_identity *identity_current(const struct identities *identities);
/*
 * The one with this certificate (SHA-256 of its DER): what a pledge was shown stays ours for its
 * onboarding (RFC 8995 5).  The current one when there is none such.
 */
const struct registrar_identity *identity_shown(const struct identities *identities,
                                                struct bytes sha256);

#endif
