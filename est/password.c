#include "est/password.h"

#include "core/base/clock.h"
#include "core/http/auth.h"

#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <sodium.h>

/* Passwords that are checked at once: each takes 64 MiB and tens of milliseconds (Argon2id). */
#define CHECKS_MAX 2
/* How long a nonce of ours is good for Digest, ms. */
#define NONCE_LIFE (5 * MINUTE_MS)
#define NONCE_TIME 8 /* octets of the time in it */
#define NONCE_LEN  (NONCE_TIME + crypto_auth_BYTES)

struct passwords {
    unsigned char key[crypto_auth_KEYBYTES]; /* of our nonces; forgotten with the process */
    char decoy[crypto_pwhash_STRBYTES];      /* checked for users that there are none of */
    sem_t checks;
};

struct passwords *passwords_make(struct task *t)
{
    static const char nobody[] = "nobody knows this";
    struct passwords *passwords = calloc(1, sizeof(*passwords));
    (void)t;
    if (passwords == NULL || sem_init(&passwords->checks, 0, CHECKS_MAX) != 0 ||
        crypto_pwhash_str(passwords->decoy, nobody, sizeof(nobody) - 1,
                          crypto_pwhash_OPSLIMIT_INTERACTIVE,
                          crypto_pwhash_MEMLIMIT_INTERACTIVE) != 0)
        abort();
    crypto_auth_keygen(passwords->key);
    return passwords;
}

void passwords_free(struct passwords *passwords)
{
    if (passwords == NULL)
        return;
    sodium_memzero(passwords->key, sizeof(passwords->key));
    (void)sem_destroy(&passwords->checks);
    free(passwords);
}

/* ---- Nonces: the time, and that we have said it ---- */

static const char *nonce_make(struct task *t, const struct passwords *passwords)
{
    uint8_t nonce[NONCE_LEN];
    struct bytes now = key_of_number(t->arena, (uint64_t)clock_wall());
    memcpy(nonce, now.data, NONCE_TIME);
    (void)crypto_auth(nonce + NONCE_TIME, nonce, NONCE_TIME, passwords->key);
    return bytes_to_base64url(t->arena, bytes_make(nonce, sizeof(nonce)));
}

static bool nonce_is_ours(struct task *t, const struct passwords *passwords, const char *text,
                          int64_t *ret_age)
{
    struct bytes nonce;
    uint64_t made = 0;
    if (!bytes_from_base64(t->arena, bytes_of_text(text), &nonce) || nonce.len != NONCE_LEN ||
        crypto_auth_verify(nonce.data + NONCE_TIME, nonce.data, NONCE_TIME, passwords->key) != 0)
        return false;
    for (size_t i = 0; i < NONCE_TIME; i++)
        made = made << 8 | nonce.data[i];
    *ret_age = clock_wall() - (int64_t)made;
    return true;
}

/* ---- Checking ---- */

bool password_find(struct task *t, const struct est *est, const char *user, struct est_secret *ret,
                   bool *ret_found)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    *ret_found = false;
    if (strlen(user) == 0 || strlen(user) > STORE_KEY_MAX / 2)
        return true;
    TRY(view_open(t, est->store, &view));
    return table_find(t, view_reader(view), &est_secrets, bytes_of_text(user), ret, ret_found);
}

/* An unknown user takes as long as a known one. */
static bool check_basic(struct task *t, const struct est *est, const struct http_auth *auth,
                        const struct est_secret *secret)
{
    struct passwords *passwords = est->passwords;
    const char *hash = secret == NULL ? passwords->decoy : secret->argon2;
    struct timespec until;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 1 + task_time_left(t, 0) / SECOND_MS;
    ENSURE(t, sem_timedwait(&passwords->checks, &until) == 0, E_BUSY,
           "more than %d passwords are to be checked", CHECKS_MAX);
    bool right =
        crypto_pwhash_str_verify(hash, (const char *)auth->password.data, auth->password.len) == 0;
    (void)sem_post(&passwords->checks);
    ENSURE(t, right && secret != NULL, E_AUTH_WRONG, "wrong password, or no such user: %s",
           bytes_to_printable(t->arena, bytes_of_text(auth->user), 64));
    return true;
}

/* RFC 7616 3.4.6: the URI in it is the one that was asked for. */
static bool is_this_uri(const struct http_auth *auth, const struct http_request *rq)
{
    const char *path = auth->uri;
    const char *authority = strstr(path, "://");
    if (authority != NULL)
        path = strchr(authority + 3, '/');
    return path != NULL && strncmp(path, rq->path, strcspn(path, "?")) == 0 &&
           strlen(rq->path) == strcspn(path, "?");
}

static bool check_digest(struct task *t, const struct est *est, const struct http_request *rq,
                         const struct http_auth *auth, const struct est_label *label,
                         const struct est_secret *secret)
{
    bool md5 = auth->algorithm != NULL && strcasecmp(auth->algorithm, "MD5") == 0;
    bool known = md5 || (auth->algorithm != NULL && strcasecmp(auth->algorithm, "SHA-256") == 0);
    struct bytes ha1 = BYTES_ABSENT;
    const char *response;
    int64_t age;
    ENSURE(t, known && (!md5 || label->digest_md5), E_AUTH_WRONG,
           "Digest by an algorithm that was not offered");
    ENSURE(t, strcmp(auth->realm, EST_REALM) == 0 && strcasecmp(auth->qop, "auth") == 0,
           E_AUTH_WRONG, "Digest for another realm, or with another qop than auth");
    ENSURE(t, is_this_uri(auth, rq), E_AUTH_WRONG, "Digest for another URI");
    ENSURE(t, nonce_is_ours(t, est->passwords, auth->nonce, &age), E_AUTH_STALE,
           "Digest with a nonce that is not ours");
    ENSURE(t, age >= 0 && age <= NONCE_LIFE, E_AUTH_STALE, "Digest with a nonce of %s ago",
           duration_to_text(t->arena, age / SECOND_MS * SECOND_MS));
    if (secret != NULL)
        ha1 = md5 ? secret->digest_md5 : secret->digest_sha256;
    TRY(http_auth_response(t, auth, bytes_present(ha1) ? ha1 : bytes_random(t->arena, SHA256_LEN),
                           rq->method, md5, &response));
    bool right = strlen(response) == strlen(auth->response) &&
                 sodium_memcmp(response, auth->response, strlen(response)) == 0;
    ENSURE(t, right && bytes_present(ha1), E_AUTH_WRONG,
           "wrong password, no such user, or a secret that was not made for Digest: %s",
           bytes_to_printable(t->arena, bytes_of_text(auth->user), 64));
    return true;
}

bool password_check(struct task *t, const struct est *est, struct http_request *rq,
                    const struct est_label *label, struct est_secret *ret)
{
    const char *field = http_request_header(rq, "Authorization");
    struct http_auth auth;
    struct est_secret secret;
    bool found;
    ENSURE(t, field != NULL, E_AUTH_NEEDED, "no Authorization field");
    TRY(http_auth_read(t, field, &auth));
    TRY(password_find(t, est, auth.user, &secret, &found));
    TRY(auth.scheme == HTTP_AUTH_BASIC
            ? check_basic(t, est, &auth, found ? &secret : NULL)
            : check_digest(t, est, rq, &auth, label, found ? &secret : NULL));
    if (!est_secret_holds(t, &secret, label->name))
        return fail(t, E_AUTH_WRONG, "%s", t->detail);
    *ret = secret;
    return true;
}

const struct http_header *password_challenges(struct task *t, const struct est *est,
                                              const struct est_label *label, bool stale)
{
    struct http_header *headers = arena_array(t->arena, 4, sizeof(*headers));
    const char *nonce = nonce_make(t, est->passwords);
    const char *more = stale ? ", stale=true" : "";
    size_t count = 0;
    const char *algorithms[] = {"SHA-256", label->digest_md5 ? "MD5" : NULL};
    headers[count++] = (struct http_header){"WWW-Authenticate",
                                            "Basic realm=\"" EST_REALM "\", charset=\"UTF-8\""};
    for (size_t i = 0; i < ARRAY_SIZE(algorithms); i++) {
        if (algorithms[i] != NULL)
            headers[count++] = (struct http_header){
                "WWW-Authenticate", arena_printf(t->arena,
                                                 "Digest realm=\"" EST_REALM
                                                 "\", qop=\"auth\", algorithm=%s, nonce=\"%s\"%s",
                                                 algorithms[i], nonce, more)};
    }
    return headers;
}
