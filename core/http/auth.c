#include "core/http/auth.h"

#include <string.h>
#include <strings.h>

#include <openssl/evp.h>

/* ---- Reading ---- */

static bool is_token_char(char c)
{
    return c > ' ' && c < 0x7F && strchr("()<>@,;:\\\"/[]?={}", c) == NULL;
}

static const char *skip_blanks(const char *at)
{
    return at + strspn(at, " \t");
}

/* RFC 7617 2: base64 of user and password with a colon between them. */
static bool read_basic(struct task *t, const char *text, struct http_auth *ret)
{
    struct bytes octets;
    ENSURE(t, bytes_from_base64(t->arena, bytes_of_text(text), &octets), E_AUTH_MALFORMED,
           "Basic without base64");
    const uint8_t *colon = octets.len == 0 ? NULL : memchr(octets.data, ':', octets.len);
    ENSURE(t, colon != NULL, E_AUTH_MALFORMED, "Basic without a colon");
    size_t len = (size_t)(colon - octets.data);
    const char *user = bytes_to_text(t->arena, bytes_make(octets.data, len));
    ENSURE(t, user != NULL && bytes_are_utf8(bytes_of_text(user)), E_AUTH_MALFORMED,
           "a user name that is no text");
    size_t rest = octets.len - len - 1;
    uint8_t *password = arena_secret(t->arena, rest + 1);
    if (rest > 0)
        memcpy(password, colon + 1, rest);
    *ret = (struct http_auth){
        .scheme = HTTP_AUTH_BASIC, .user = user, .password = bytes_make(password, rest)};
    return true;
}

/* A token, or a quoted string with its escapes undone; *at is moved behind it. */
static bool read_value(struct task *t, const char **at, const char **ret)
{
    const char *from = *at;
    if (*from != '"') {
        while (is_token_char(**at))
            (*at)++;
        ENSURE(t, *at > from, E_AUTH_MALFORMED, "Digest with an empty value");
        *ret = arena_strndup(t->arena, from, (size_t)(*at - from));
        return true;
    }
    char *text = arena_alloc(t->arena, strlen(from));
    size_t len = 0;
    for (from++; *from != '\0' && *from != '"'; from++) {
        if (*from == '\\' && from[1] != '\0')
            from++;
        text[len++] = *from;
    }
    ENSURE(t, *from == '"', E_AUTH_MALFORMED, "Digest with a string that does not end");
    *at = from + 1;
    *ret = text;
    return true;
}

static bool keep_parameter(struct task *t, struct http_auth *auth, const char *name, size_t len,
                           const char *value)
{
    const struct {
        const char *name;
        const char **place;
    } places[] = {
        {"username", &auth->user}, {"realm", &auth->realm},   {"nonce", &auth->nonce},
        {"uri", &auth->uri},       {"qop", &auth->qop},       {"algorithm", &auth->algorithm},
        {"nc", &auth->nc},         {"cnonce", &auth->cnonce}, {"response", &auth->response},
    };
    for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
        if (strlen(places[i].name) != len || strncasecmp(places[i].name, name, len) != 0)
            continue;
        ENSURE(t, *places[i].place == NULL, E_AUTH_MALFORMED, "Digest with %s twice",
               places[i].name);
        *places[i].place = value;
        return true;
    }
    return true; /* RFC 7616 3.4: others are passed over */
}

static bool read_digest(struct task *t, const char *text, struct http_auth *ret)
{
    struct http_auth auth = {.scheme = HTTP_AUTH_DIGEST};
    const char *at = skip_blanks(text);
    while (*at != '\0') {
        const char *name = at;
        const char *value;
        while (is_token_char(*at))
            at++;
        size_t len = (size_t)(at - name);
        at = skip_blanks(at);
        ENSURE(t, len > 0 && *at == '=', E_AUTH_MALFORMED, "Digest that is no list of parameters");
        at = skip_blanks(at + 1);
        TRY(read_value(t, &at, &value));
        TRY(keep_parameter(t, &auth, name, len, value));
        at = skip_blanks(at);
        ENSURE(t, *at == '\0' || *at == ',', E_AUTH_MALFORMED,
               "Digest that is no list of parameters");
        at = skip_blanks(*at == ',' ? at + 1 : at);
    }
    const char *needed[] = {auth.user, auth.realm, auth.nonce,  auth.uri,
                            auth.nc,   auth.qop,   auth.cnonce, auth.response};
    for (size_t i = 0; i < ARRAY_SIZE(needed); i++)
        ENSURE(t, needed[i] != NULL && bytes_are_utf8(bytes_of_text(needed[i])), E_AUTH_MALFORMED,
               "Digest without all of username, realm, nonce, uri, qop, nc, cnonce and response");
    *ret = auth;
    return true;
}

bool http_auth_read(struct task *t, const char *field, struct http_auth *ret)
{
    ENSURE(t, strlen(field) <= HTTP_AUTH_MAX, E_AUTH_MALFORMED, "more than %d octets",
           HTTP_AUTH_MAX);
    if (strncasecmp(field, "Basic ", 6) == 0)
        return read_basic(t, skip_blanks(field + 6), ret);
    if (strncasecmp(field, "Digest ", 7) == 0)
        return read_digest(t, field + 7, ret);
    return fail(t, E_AUTH_MALFORMED, "a scheme that is neither Basic nor Digest");
}

/* ---- Digest ---- */

static bool digest(struct task *t, bool md5, const char *text, struct bytes *ret)
{
    uint8_t octets[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    ENSURE(t,
           EVP_Digest(text, strlen(text), octets, &len, md5 ? EVP_md5() : EVP_sha256(), NULL) == 1,
           E_INTERNAL, "the hash of HTTP Digest cannot be made");
    *ret = bytes_copy(t->arena, bytes_make(octets, len));
    return true;
}

bool http_auth_ha1(struct task *t, const char *user, const char *realm, const char *password,
                   bool md5, struct bytes *ret)
{
    size_t room = strlen(user) + strlen(realm) + strlen(password) + 3;
    char *text = arena_secret(t->arena, room);
    char *at = stpcpy(stpcpy(stpcpy(stpcpy(text, user), ":"), realm), ":");
    (void)stpcpy(at, password);
    return digest(t, md5, text, ret);
}

bool http_auth_response(struct task *t, const struct http_auth *auth, struct bytes ha1,
                        const char *method, bool md5, const char **ret)
{
    struct bytes ha2;
    struct bytes response;
    TRY(digest(t, md5, arena_printf(t->arena, "%s:%s", method, auth->uri), &ha2));
    TRY(digest(t, md5,
               arena_printf(t->arena, "%s:%s:%s:%s:%s:%s", bytes_to_hex(t->arena, ha1), auth->nonce,
                            auth->nc, auth->cnonce, auth->qop, bytes_to_hex(t->arena, ha2)),
               &response));
    *ret = bytes_to_hex(t->arena, response);
    return true;
}
