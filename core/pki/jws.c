#include "core/pki/jws.h"

#include "core/base/json.h"
#include "core/pki/signature.h"

#include <string.h>

/* --- reading --- */

/* RFC 7515 2: the URL-safe alphabet, no padding, no line breaks. */
static bool is_base64url(struct bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        bool is_digit = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                        (c >= '0' && c <= '9') || c == '-' || c == '_';
        if (!is_digit)
            return false;
    }
    return text.len > 0;
}

/* A member in base64url: as it stands, and what it stands for. */
static bool read_base64url(struct task *t, json_t *object, const char *name, struct bytes *ret_text,
                           struct bytes *ret)
{
    json_t *value = json_object_get(object, name);
    ENSURE(t, json_is_string(value), E_JWS_MALFORMED, "no \"%s\" that is a string", name);
    struct bytes text = bytes_make(json_string_value(value), json_string_length(value));
    struct bytes octets;
    ENSURE(t, is_base64url(text) && bytes_from_base64(t->arena, text, &octets), E_JWS_MALFORMED,
           "\"%s\" is no base64url (RFC 7515 2)", name);
    *ret_text = bytes_copy(t->arena, text);
    *ret = octets;
    return true;
}

/* A header parameter that is a string; NULL: not there. */
static bool read_text(struct task *t, json_t *header, const char *name, const char **ret)
{
    json_t *value = json_object_get(header, name);
    ENSURE(t, value == NULL || json_is_string(value), E_JWS_MALFORMED, "\"%s\" is no string", name);
    *ret = value == NULL ? NULL : arena_strdup(t->arena, json_string_value(value));
    return true;
}

/* RFC 7515 4.1.6: certificates in standard base64, the signer's first. */
static bool read_x5c(struct task *t, json_t *header, const struct cert_list *known,
                     struct cert_list *ret)
{
    json_t *list = json_object_get(header, "x5c");
    size_t count = json_array_size(list);
    ENSURE(t, list == NULL || count > 0, E_JWS_MALFORMED, "\"x5c\" is no array of certificates");
    ENSURE(t, count <= CERT_COUNT_MAX, E_JWS_MALFORMED, "%zu certificates in \"x5c\"; at most %d",
           count, CERT_COUNT_MAX);
    const struct cert **certs = arena_array(t->arena, count, sizeof(struct cert *));
    for (size_t i = 0; i < count; i++) {
        struct bytes der;
        const char *text = json_string_value(json_array_get(list, i));
        ENSURE(t, text != NULL && bytes_from_base64(t->arena, bytes_of_text(text), &der),
               E_JWS_MALFORMED, "\"x5c\"[%zu] is no base64", i);
        if (!cert_parse_unless(t, der, known, &certs[i]))
            return fail(t, E_JWS_MALFORMED, "\"x5c\"[%zu]: %s", i, t->detail);
    }
    *ret = (struct cert_list){certs, count};
    return true;
}

/* RFC 7515 4.1.11: names of extensions, one at least. */
static bool read_critical(struct task *t, json_t *header, const char **ret)
{
    json_t *list = json_object_get(header, "crit");
    const char *first = json_string_value(json_array_get(list, 0));
    ENSURE(t, list == NULL || first != NULL, E_JWS_MALFORMED, "\"crit\" is no array of names");
    *ret = first == NULL ? NULL : arena_strdup(t->arena, first);
    return true;
}

static bool read_header(struct task *t, struct bytes json, const struct cert_list *known,
                        struct jws_signature *signature)
{
    json_t *header;
    if (!json_parse(t, json, &header))
        return fail(t, E_JWS_MALFORMED, "protected header: %s", t->detail);
    ENSURE(t, json_is_object(header), E_JWS_MALFORMED, "the protected header is no object");
    TRY(read_text(t, header, "alg", &signature->algorithm));
    ENSURE(t, signature->algorithm != NULL, E_JWS_MALFORMED, "the protected header has no \"alg\"");
    TRY(read_text(t, header, "typ", &signature->type));
    TRY(read_critical(t, header, &signature->critical));
    return read_x5c(t, header, known, &signature->certs);
}

static bool read_signature(struct task *t, json_t *object, const struct cert_list *known,
                           struct jws_signature *ret)
{
    struct jws_signature signature = {.type = NULL};
    struct bytes json;
    struct bytes text;
    ENSURE(t, json_is_object(object), E_JWS_MALFORMED, "a signature is no object");
    ENSURE(t, json_object_get(object, "header") == NULL, E_JWS_MALFORMED,
           "an unprotected header: what it says, nobody has signed");
    TRY(read_base64url(t, object, "protected", &signature.protected, &json));
    TRY(read_base64url(t, object, "signature", &text, &signature.signature));
    TRY(read_header(t, json, known, &signature));
    *ret = signature;
    return true;
}

static bool read_message(struct task *t, struct bytes octets, json_t **ret)
{
    json_t *message;
    ENSURE(t, octets.len <= JWS_SIZE_MAX, E_JWS_MALFORMED, "%zu octets; at most %zu", octets.len,
           JWS_SIZE_MAX);
    if (!json_parse(t, octets, &message))
        return fail(t, E_JWS_MALFORMED, "%s", t->detail);
    ENSURE(t, json_is_object(message), E_JWS_MALFORMED, "the message is no object");
    /* jws-voucher 3: the general serialisation and no other, with one signature as well. */
    ENSURE(t,
           json_object_get(message, "signature") == NULL &&
               json_object_get(message, "protected") == NULL,
           E_JWS_MALFORMED, "the flattened serialisation, where the general one belongs");
    *ret = message;
    return true;
}

bool jws_open(struct task *t, struct bytes octets, const struct cert_list *known, struct jws *ret)
{
    struct jws jws = {.count = 0};
    json_t *message;
    TRY(read_message(t, octets, &message));
    TRY(read_base64url(t, message, "payload", &jws.payload_text, &jws.payload));
    json_t *signatures = json_object_get(message, "signatures");
    jws.count = json_array_size(signatures);
    ENSURE(t, jws.count > 0, E_JWS_MALFORMED, "no \"signatures\" with anything in it");
    ENSURE(t, jws.count <= JWS_SIGNATURES_MAX, E_JWS_MALFORMED, "%zu signatures; at most %d",
           jws.count, JWS_SIGNATURES_MAX);
    for (size_t i = 0; i < jws.count; i++)
        TRY(read_signature(t, json_array_get(signatures, i), known, &jws.signatures[i]));
    *ret = jws;
    return true;
}

/* --- verifying --- */

/* RFC 7515 5.1: the protected header and the payload, as they stand, with a dot between. */
static struct bytes signing_input(struct task *t, struct bytes protected, struct bytes payload)
{
    const struct bytes parts[] = {protected, BYTES_LITERAL("."), payload};
    return bytes_concat(t->arena, parts, ARRAY_SIZE(parts));
}

bool jws_verify(struct task *t, const struct jws *jws, size_t at, const struct cert **ret_signer)
{
    const struct jws_signature *signature = &jws->signatures[at];
    const struct signature_algorithm *algorithm = signature_algorithm_named(signature->algorithm);
    struct bytes input = signing_input(t, signature->protected, jws->payload_text);
    /* RFC 8725 3.1 and 3.2: "none", and whatever else is not in our list, is no signature. */
    ENSURE(t, algorithm != NULL, E_SIGNATURE, "the algorithm \"%s\" is not accepted",
           bytes_to_printable(t->arena, bytes_of_text(signature->algorithm), 40));
    /* RFC 7515 4.1.11: an extension that must be understood, and is not: none is known here. */
    ENSURE(t, signature->critical == NULL, E_SIGNATURE, "the critical extension \"%s\"",
           bytes_to_printable(t->arena, bytes_of_text(signature->critical), 40));
    ENSURE(t, signature->certs.count > 0, E_SIGNATURE, "no certificate says whose it is (x5c)");
    TRY(signature_check(t, algorithm, signature->certs.items[0], input, signature->signature));
    *ret_signer = signature->certs.items[0];
    return true;
}

/* --- signing --- */

static json_t *x5c_of(struct task *t, const struct cert_list *certs)
{
    json_t *list = json_array();
    for (size_t i = 0; i < certs->count; i++)
        (void)json_array_append_new(list,
                                    json_string(bytes_to_base64(t->arena, certs->items[i]->der)));
    return list;
}

bool jws_sign(struct task *t, struct bytes payload, const char *type, EVP_PKEY *key,
              const struct cert_list *certs, struct bytes *ret)
{
    const struct signature_algorithm *algorithm = signature_algorithm_for(key);
    struct bytes header;
    struct bytes signature;
    ENSURE(t, algorithm != NULL, E_INVALID, "JWS has no algorithm for keys of kind %s",
           key_kind_text(t, key_kind_of(key, NULL), 0));
    TRY(json_write(t,
                   json_in_arena(t, json_pack("{s:s, s:s, s:o}", "alg", algorithm->jose, "typ",
                                              type, "x5c", x5c_of(t, certs))),
                   &header));
    const char *protected = bytes_to_base64url(t->arena, header);
    const char *payload_text = bytes_to_base64url(t->arena, payload);
    TRY(signature_make(t, algorithm, key,
                       signing_input(t, bytes_of_text(protected), bytes_of_text(payload_text)),
                       &signature));
    json_t *message = json_in_arena(t, json_pack("{s:s, s:[{s:s, s:s}]}", "payload", payload_text,
                                                 "signatures", "protected", protected, "signature",
                                                 bytes_to_base64url(t->arena, signature)));
    return json_write(t, message, ret);
}
