#include "core/store/records/est_secret.h"

#include "core/base/clock.h"
#include "core/store/prefixes.h"
#include "core/store/records/slug.h"

#include <string.h>

#define USER_MAX     128
#define HASH_MAX     256
#define DNS_NAME_MAX 253
#define LABELS_MAX   32
#define ACTOR_MAX    128
#define MD5_LEN      16
#define AES_KEY_MAX  32 /* octets */

static const struct field fields[] = {
    FIELD(1, struct est_secret, user, "user", FIELD_TEXT, .flags = FIELD_REQUIRED, .max = USER_MAX,
          .help = "User name that goes with it."),
    FIELD(2, struct est_secret, labels, "labels", FIELD_TEXTS, .flags = FIELD_REQUIRED, .min = 1,
          .max = LABELS_MAX, .help = "EST labels under which it is taken."),
    FIELD(3, struct est_secret, argon2, "argon2", FIELD_TEXT,
          .flags = FIELD_REQUIRED | FIELD_SECRET | FIELD_READ_ONLY, .max = HASH_MAX,
          .help = "What verifies the password (Argon2id)."),
    FIELD(4, struct est_secret, digest_sha256, "digest-sha256", FIELD_OCTETS,
          .flags = FIELD_SECRET | FIELD_READ_ONLY, .max = SHA256_LEN,
          .help = "What verifies HTTP Digest by SHA-256."),
    FIELD(5, struct est_secret, digest_md5, "digest-md5", FIELD_OCTETS,
          .flags = FIELD_SECRET | FIELD_READ_ONLY, .max = MD5_LEN,
          .help = "What verifies HTTP Digest by MD5."),
    FIELD(6, struct est_secret, name, "name", FIELD_TEXT, .max = DNS_NAME_MAX,
          .help = "The one name that may be asked for with it, or *.domain for any name below; "
                  "without it the label's domains say."),
    FIELD(7, struct est_secret, uses, "uses", FIELD_UINT, .preset = "1",
          .help = "How many certificates it is still good for."),
    FIELD(8, struct est_secret, unlimited, "unlimited", FIELD_BOOL, .preset = "false",
          .help = "Whether it is good for any number of certificates."),
    FIELD(9, struct est_secret, expires, "expires", FIELD_TIME,
          .help = "When it ends; without it, never."),
    FIELD(10, struct est_secret, created, "created", FIELD_TIME, .flags = FIELD_READ_ONLY,
          .help = "When it was made."),
    FIELD(11, struct est_secret, created_by, "created-by", FIELD_TEXT, .flags = FIELD_READ_ONLY,
          .max = ACTOR_MAX, .help = "Who made it."),
    FIELD(12, struct est_secret, last_used, "last-used", FIELD_TIME, .flags = FIELD_READ_ONLY,
          .help = "When a certificate was last asked for with it."),
    FIELD(110, struct est_secret, decrypt_key, "decrypt-key", FIELD_OCTETS,
          .flags = FIELD_SECRET | FIELD_READ_ONLY, .max = AES_KEY_MAX,
          .help = "Encrypts keys that are made for clients which name it: their "
                  "DecryptKeyIdentifier is the user name, as it is or in hexadecimal."),
    FIELD(120, struct est_secret, cmc_key, "cmc-key", FIELD_OCTETS,
          .flags = FIELD_SECRET | FIELD_READ_ONLY, .max = SHA256_LEN,
          .help = "What verifies POP link witnesses of Full CMC."),
    FIELD(121, struct est_secret, cmc_identity_key, "cmc-identity-key", FIELD_OCTETS,
          .flags = FIELD_SECRET | FIELD_READ_ONLY, .max = SHA256_LEN,
          .help = "What verifies identity proofs of Full CMC."),
    FIELD(150, struct est_secret, digest, "digest", FIELD_BOOL, .flags = FIELD_READ_ONLY,
          .help = "Whether it can be used with HTTP Digest by SHA-256."),
    FIELD(151, struct est_secret, digest_by_md5, "digest-by-md5", FIELD_BOOL,
          .flags = FIELD_READ_ONLY, .help = "Whether it can be used with HTTP Digest by MD5."),
    FIELD(152, struct est_secret, cmc, "cmc", FIELD_BOOL, .flags = FIELD_READ_ONLY,
          .help = "Whether it can be used for identity proofs of Full CMC."),
    FIELD(153, struct est_secret, decrypt_key_set, "decrypt-key-set", FIELD_BOOL,
          .flags = FIELD_READ_ONLY, .help = "Whether there is a decrypt-key."),
};
const struct record_type est_secret_type = RECORD_TYPE("secret", 1, struct est_secret, fields);

static struct bytes key_of(struct arena *arena, const void *record)
{
    (void)arena;
    return bytes_of_text(((const struct est_secret *)record)->user);
}

const struct table est_secrets = {
    .prefix = PREFIX_EST_SECRET,
    .type = &est_secret_type,
    .key_of = key_of,
};

bool est_secret_put(struct task *t, struct tx *tx, struct est_secret *secret)
{
    secret->digest = bytes_present(secret->digest_sha256);
    secret->digest_by_md5 = bytes_present(secret->digest_md5);
    secret->cmc = bytes_present(secret->cmc_key);
    secret->decrypt_key_set = bytes_present(secret->decrypt_key);
    return table_put(t, tx, &est_secrets, secret);
}

/* RFC 7617 2: a user name holds no colon; here no blanks or quotes either. */
static bool check_user(struct task *t, const char *user)
{
    for (const char *at = user; *at != '\0'; at++)
        ENSURE(t, *at > ' ' && *at < 0x7F && strchr(":\"\\,", *at) == NULL, E_INVALID,
               "user: may hold printable ASCII but no blank, colon, comma, quote or backslash");
    return true;
}

bool est_secret_is_key(struct bytes key)
{
    return key.len == 16 || key.len == 24 || key.len == AES_KEY_MAX;
}

bool est_secret_check(struct task *t, const struct est_secret *secret)
{
    TRY(record_check(t, &est_secret_type, secret));
    TRY(check_user(t, secret->user));
    for (size_t i = 0; i < secret->labels.count; i++)
        TRY(slug_check(t, "labels", secret->labels.items[i]));
    ENSURE(t, secret->unlimited || secret->uses > 0, E_INVALID,
           "uses: a secret that is good for nothing");
    ENSURE(t, !bytes_present(secret->decrypt_key) || est_secret_is_key(secret->decrypt_key),
           E_INVALID, "decrypt-key: has %zu octets; keys of AES have 16, 24 or 32",
           secret->decrypt_key.len);
    if (secret->name != NULL) {
        const char *name = strncmp(secret->name, "*.", 2) == 0 ? secret->name + 2 : secret->name;
        ENSURE(t,
               *name != '\0' &&
                   strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-.") == strlen(name),
               E_INVALID, "name: is no DNS name in lower case, nor *.domain");
    }
    return true;
}

bool est_secret_holds(struct task *t, const struct est_secret *secret, const char *label)
{
    bool here = false;
    for (size_t i = 0; i < secret->labels.count; i++)
        here = here || strcmp(secret->labels.items[i], label) == 0;
    ENSURE(t, here, E_DENIED, "the secret %s is not for the label %s", secret->user, label);
    ENSURE(t, secret->expires == 0 || secret->expires > clock_wall(), E_DENIED,
           "the secret %s ended at %s", secret->user, time_to_text(t->arena, secret->expires));
    return true;
}

bool est_secret_use(struct task *t, struct est_secret *secret)
{
    ENSURE(t, secret->unlimited || secret->uses > 0, E_DENIED, "the secret %s is used up",
           secret->user);
    if (!secret->unlimited)
        secret->uses--;
    secret->last_used = clock_wall();
    return true;
}
