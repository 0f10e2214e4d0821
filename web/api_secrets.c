/* Enrolment secrets: made, listed, taken away.  A password is shown once, to who made it. */
#include "core/base/clock.h"
#include "core/http/auth.h"
#include "core/store/records/est_label.h"
#include "core/store/records/est_secret.h"
#include "core/store/records/event.h"
#include "web/api_internal.h"
#include "web/views.h"

#include <string.h>

#include <sodium.h>

#define PATH         "/v1/secrets"
#define PASSWORD_LEN 20 /* octets of one that is made here, before base64 */
#define PASSWORD_MIN 8  /* characters of one that is given */

bool api_secrets(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    return page_of_table(t, rq, reply, &est_secrets);
}

bool api_secret(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    return api_reply_stored(t, rq, reply, &est_secrets);
}

/* ---- POST ---- */

struct making {
    struct est_secret *secret;
    const char *actor;
};

static bool check_labels(struct task *t, struct tx *tx, const struct est_secret *secret)
{
    for (size_t i = 0; i < secret->labels.count; i++) {
        struct est_label label;
        bool found;
        TRY(est_label_get(t, tx_reader(tx), secret->labels.items[i], &label, &found));
        ENSURE(t, found, E_INVALID, "labels: there is no label %s", secret->labels.items[i]);
    }
    return true;
}

static bool add(struct task *t, struct tx *tx, void *arg)
{
    const struct making *m = arg;
    struct est_secret other;
    bool found;
    TRY(table_find(t, tx_reader(tx), &est_secrets, bytes_of_text(m->secret->user), &other, &found));
    ENSURE(t, !found, E_EXISTS, "there is a secret for user %s already", m->secret->user);
    TRY(check_labels(t, tx, m->secret));
    TRY(est_secret_put(t, tx, m->secret));
    const struct event e = {
        .name = "secret-added",
        .severity = EVENT_INFO,
        .actor = m->actor,
        .detail = m->secret->user,
    };
    return event_add(t, tx, &e);
}

/* RFC 5272 6.2.1: the hash itself is the key of MACs. */
static struct bytes cmc_key(struct task *t, const char *password, const char *user)
{
    uint8_t *hash = arena_secret(t->arena, SHA256_LEN);
    crypto_hash_sha256_state state;
    (void)crypto_hash_sha256_init(&state);
    (void)crypto_hash_sha256_update(&state, (const uint8_t *)password, strlen(password));
    (void)crypto_hash_sha256_update(&state, (const uint8_t *)user, strlen(user));
    (void)crypto_hash_sha256_final(&state, hash);
    sodium_memzero(&state, sizeof(state));
    return bytes_make(hash, SHA256_LEN);
}

/* Only what verifies the password is kept. */
static bool keep_verifiers(struct task *t, const struct secret_wish *wish, const char *password,
                           struct est_secret *secret)
{
    char *hash = arena_alloc(t->arena, crypto_pwhash_STRBYTES);
    ENSURE(t,
           crypto_pwhash_str(hash, password, strlen(password), crypto_pwhash_OPSLIMIT_INTERACTIVE,
                             crypto_pwhash_MEMLIMIT_INTERACTIVE) == 0,
           E_BUSY, "no memory for hashing the password");
    secret->argon2 = hash;
    if (wish->cmc) {
        secret->cmc_key = cmc_key(t, password, "");
        secret->cmc_identity_key = cmc_key(t, password, secret->user);
    }
    if (wish->digest || wish->digest_md5)
        TRY(http_auth_ha1(t, secret->user, EST_REALM, password, false, &secret->digest_sha256));
    return !wish->digest_md5 ||
           http_auth_ha1(t, secret->user, EST_REALM, password, true, &secret->digest_md5);
}

static const char *make_password(struct task *t)
{
    uint8_t octets[PASSWORD_LEN];
    size_t room = sodium_base64_ENCODED_LEN(PASSWORD_LEN, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    char *text = arena_secret(t->arena, room);
    randombytes_buf(octets, sizeof(octets));
    (void)sodium_bin2base64(text, room, octets, sizeof(octets),
                            sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    sodium_memzero(octets, sizeof(octets));
    return text;
}

static void describe(const struct secret_wish *wish, const char *actor, struct est_secret *secret)
{
    secret->user = wish->user;
    secret->labels = wish->labels;
    secret->name = wish->name;
    secret->uses = wish->uses;
    secret->unlimited = wish->unlimited;
    secret->expires = wish->expires;
    secret->decrypt_key = wish->decrypt_key;
    secret->created = clock_wall();
    secret->created_by = actor;
}

/* What contradicts itself is a slip of the pen. */
static bool check_wish(struct task *t, const struct http_request *rq,
                       const struct secret_wish *wish)
{
    json_t *json;
    TRY(json_parse(t, rq->body, &json));
    ENSURE(t, !wish->unlimited || json_object_get(json, "uses") == NULL, E_INVALID,
           "uses: a secret is good for so many certificates or unlimited, not both");
    ENSURE(t, wish->expires == 0 || wish->expires > clock_wall(), E_INVALID, "expires: %s is past",
           time_to_text(t->arena, wish->expires));
    return true;
}

bool api_secret_add(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    struct secret_wish wish;
    struct est_secret secret;
    struct making m = {&secret, api_actor(t, rq)};
    json_t *json;
    TRY(api_read_record(t, rq, &secret_wish_type, &wish));
    TRY(check_wish(t, rq, &wish));
    record_init(t, &est_secret_type, &secret);
    describe(&wish, m.actor, &secret);
    const char *password = wish.password == NULL ? make_password(t) : wish.password;
    ENSURE(t, strlen(password) >= PASSWORD_MIN, E_INVALID,
           "password: must have at least %d characters", PASSWORD_MIN);
    TRY(keep_verifiers(t, &wish, password, &secret));
    TRY(est_secret_check(t, &secret));
    TRY(store_update(t, api_of(rq)->store, add, &m));
    TRY(record_to_json(t, &est_secret_type, &secret, &json));
    if (wish.password == NULL)
        (void)json_object_set_new(json, "password", json_string(password));
    return api_reply_made(t, reply, arena_printf(t->arena, PATH "/%s", secret.user), json);
}

/* ---- DELETE ---- */

struct removal {
    const char *user;
    const char *actor;
    struct est_secret removed;
};

static bool remove_secret(struct task *t, struct tx *tx, void *arg)
{
    struct removal *r = arg;
    TRY(table_get(t, tx_reader(tx), &est_secrets, bytes_of_text(r->user), &r->removed));
    TRY(table_delete(t, tx, &est_secrets, bytes_of_text(r->user)));
    const struct event e = {
        .name = "secret-removed", .severity = EVENT_INFO, .actor = r->actor, .detail = r->user};
    return event_add(t, tx, &e);
}

bool api_secret_remove(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    struct removal r = {.user = rq->parameter, .actor = api_actor(t, rq)};
    json_t *json;
    TRY(store_update(t, api_of(rq)->store, remove_secret, &r));
    TRY(record_to_json(t, &est_secret_type, &r.removed, &json));
    return api_reply(t, reply, 200, json);
}
