/*
 * The keystore: the owner's private keys, in a token, by handle.
 *
 * Keys are made in the token, sensitive and never extractable, and never leave it: callers hold
 * handles.  libcrypto gets an EVP_PKEY and GnuTLS a privkey whose signing calls come back here, so
 * that opening the token anew, when it has dropped its sessions, is nobody else's affair.
 * All functions may be called from many threads.  They wait for their turn until the task's
 * deadline, at most 30 s.
 */
#ifndef GATEHOUSE_PKCS11_KEYSTORE_H
#define GATEHOUSE_PKCS11_KEYSTORE_H

#include "core/base/task.h"
#include "pkcs11/problems.h"

#include <gnutls/abstract.h>
#include <openssl/evp.h>

#define PIN_MAX 255
/* Name of the systemd credential that holds the PIN when no file is named. */
#define PIN_CREDENTIAL "token-pin"

struct keystore;
struct keystore_key; /* a handle; lives as long as the keystore */

struct keystore_options {
    const char *module;   /* path of the PKCS#11 library */
    const char *token;    /* label */
    const char *pin_file; /* NULL: the systemd credential */
    const char *state;    /* folder for the marker of a refused PIN: it is never tried twice */
};

/*
 * Loads the module and logs in.  Call after daemonising.  Fails with the E_TOKEN kinds; with
 * E_TOKEN_PIN also, and without trying, when this PIN was refused before, or when the token says
 * that the next failure would lock it.
 */
MUST_USE bool keystore_open(struct task *t, const struct keystore_options *options,
                            struct keystore **ret);
/*
 * Logs out.  The module stays loaded: unloading would end it for the whole process.  No handle, and
 * nothing that was made from one, may be in use any more.  Accepts NULL.
 */
void keystore_close(struct keystore *ks);
/*
 * Closes it when the arena is released, after everything that came into the arena later: contexts
 * and certificates there have libcrypto's keys, whose method is the keystore's.
 */
void keystore_close_with(struct keystore *ks, struct arena *arena);

/*
 * Makes the token ready for first use: an uninitialised slot gets the label, a random SO PIN that
 * is written to `so_pin_file`, and the user PIN of `options->pin_file`, made at random when that
 * file is not there (both mode 0600).  A token of that label that is there already is left alone.
 */
MUST_USE bool keystore_prepare(struct task *t, const struct keystore_options *options,
                               const char *so_pin_file, bool *ret_made);

enum keystore_kind { KEYSTORE_P256, KEYSTORE_P384 };
/* Fails with E_TOKEN_KEY when there is none, or more than one. */
MUST_USE bool keystore_find(struct task *t, struct keystore *ks, const char *label,
                            struct keystore_key **ret);
/* Generated in the token; E_EXISTS when the label is taken. */
MUST_USE bool keystore_generate(struct task *t, struct keystore *ks, const char *label,
                                enum keystore_kind kind, struct keystore_key **ret);

enum keystore_hash { KEYSTORE_SHA256, KEYSTORE_SHA384, KEYSTORE_SHA512 };
/* ECDSA-Sig-Value (RFC 3279 2.2.3) over the hash of `data`. */
MUST_USE bool keystore_sign(struct task *t, struct keystore_key *key, enum keystore_hash hash,
                            struct bytes data, struct bytes *ret);
/* The same over a digest that is there already. */
MUST_USE bool keystore_sign_digest(struct task *t, struct keystore_key *key, struct bytes digest,
                                   struct bytes *ret);
const char *keystore_key_label(const struct keystore_key *key);
/* DER SubjectPublicKeyInfo; lives as long as the handle. */
struct bytes keystore_key_spki(const struct keystore_key *key);

/* For libcrypto: shared, owned by the handle; signs through keystore_sign_digest(). */
EVP_PKEY *keystore_key_evp(struct keystore_key *key);
/* For GnuTLS: shared, owned by the handle. */
gnutls_privkey_t keystore_key_gnutls(struct keystore_key *key);

/*
 * Octets that this token alone can open again: encrypted with a key of their own
 * (XChaCha20-Poly1305), which an AES key encrypts that is made in the token when it is first
 * needed, sensitive and never extractable.  `context` is bound to them: what was sealed in another
 * one does not open.
 */
MUST_USE bool keystore_seal(struct task *t, struct keystore *ks, struct bytes plain,
                            struct bytes context, struct bytes *ret);
/* In wiped memory.  Fails with E_TOKEN_SEAL when it is not what was sealed, by this token. */
MUST_USE bool keystore_unseal(struct task *t, struct keystore *ks, struct bytes sealed,
                              struct bytes context, struct bytes *ret);

struct keystore_figures {
    uint64_t signatures;
    uint64_t failures;
    uint64_t reopened;
};
struct keystore_figures keystore_figures(struct keystore *ks);

#endif
