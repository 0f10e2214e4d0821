/*
 * Enrolment secrets: passwords with which clients that have no certificate yet prove to EST who
 * they are (RFC 7030 3.2.3).  Only what verifies them is kept.
 */
#ifndef GATEHOUSE_CORE_STORE_RECORDS_EST_SECRET_H
#define GATEHOUSE_CORE_STORE_RECORDS_EST_SECRET_H

#include "core/store/table.h"

#define EST_REALM "gatehouse" /* RFC 7616 3.3: part of what Digest's verifiers are made of */

struct est_secret {
    const char *user;        /* as the client gives it; the key */
    struct text_list labels; /* under which it is taken */
    const char *argon2;      /* crypto_pwhash_str(): for HTTP Basic */
    struct bytes
        digest_sha256; /* SHA-256 of "user:realm:password" (RFC 7616 3.4.2); absent: none */
    struct bytes digest_md5;
    struct bytes cmc_key;          /* SHA-256 of the password (RFC 5272 6.3.1.1); absent: none */
    struct bytes cmc_identity_key; /* ... of password and user (RFC 6402: 6.2.1) */
    const char *name; /* that may be asked for: a DNS name, or "*.domain"; NULL: the label's */
    uint64_t uses;    /* certificates that it is still good for */
    bool unlimited;   /* however many */
    int64_t expires;  /* 0: never */
    int64_t created;
    const char *created_by;
    int64_t last_used;
    /*
     * A key that is shared with the client, for encrypting keys that are made for it (RFC 7030
     * 4.4.1.1), where its DecryptKeyIdentifier is `user`: AES, 16, 24 or 32 octets; absent: none.
     */
    struct bytes decrypt_key;
    /* What of it is kept, for those who may not see it: est_secret_put() says so. */
    bool digest;          /* digest_sha256 */
    bool digest_by_md5;   /* digest_md5 */
    bool cmc;             /* cmc_key and cmc_identity_key */
    bool decrypt_key_set; /* decrypt_key */
    struct record_rest rest;
};

extern const struct record_type est_secret_type;
extern const struct table est_secrets;

/* Every rule for a secret, those of the field table included; fails with E_INVALID. */
MUST_USE bool est_secret_check(struct task *t, const struct est_secret *secret);
/* Writes it, with what it tells of what is kept. */
MUST_USE bool est_secret_put(struct task *t, struct tx *tx, struct est_secret *secret);
/* As many octets as a key of AES has. */
bool est_secret_is_key(struct bytes key);
/*
 * Whether it is good under this label now; fails with E_DENIED saying why it is not.  One that is
 * used up still proves who asks after what it was used for.
 */
MUST_USE bool est_secret_holds(struct task *t, const struct est_secret *secret, const char *label);
/* It is good for one certificate less; fails with E_DENIED when it was good for none. */
MUST_USE bool est_secret_use(struct task *t, struct est_secret *secret);

#endif
