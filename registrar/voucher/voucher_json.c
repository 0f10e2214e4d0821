/* The model as JSON (RFC 8366 section 5.3, RFC 7951). */
#include "core/base/clock.h"
#include "core/base/json.h"
#include "registrar/voucher/members.h"

/* --- reading --- */

static struct bytes characters(json_t *value)
{
    return json_is_string(value) ? bytes_make(json_string_value(value), json_string_length(value))
                                 : BYTES_ABSENT;
}

static bool read_binary(struct task *t, const char *name, json_t *value, struct bytes *ret)
{
    struct bytes octets;
    ENSURE(t, json_is_string(value), E_VOUCHER_MALFORMED, "%s is no string", name);
    ENSURE(t, bytes_from_base64(t->arena, characters(value), &octets) && octets.len > 0,
           E_VOUCHER_MALFORMED, "%s is no base64 with anything in it", name);
    *ret = octets;
    return true;
}

static bool read_checks(struct task *t, const char *name, json_t *value, struct voucher *v)
{
    ENSURE(t, json_is_boolean(value), E_VOUCHER_MALFORMED, "%s is no boolean", name);
    v->has_revocation_checks = true;
    v->domain_cert_revocation_checks = json_is_true(value);
    return true;
}

/* brski-prm 7.3: an array, the end entity first; the YANG module has one certificate. */
static bool read_certificates(struct task *t, const char *name, json_t *value,
                              struct bytes_list *ret)
{
    size_t count = json_is_array(value) ? json_array_size(value) : 1;
    ENSURE(t, count > 0 && count <= CERT_COUNT_MAX, E_VOUCHER_MALFORMED,
           "%s holds %zu certificates; 1 to %d are possible", name, count, CERT_COUNT_MAX);
    struct bytes *certs = arena_array(t->arena, count, sizeof(*certs));
    for (size_t i = 0; i < count; i++)
        TRY(read_binary(t, name, json_is_array(value) ? json_array_get(value, i) : value,
                        &certs[i]));
    *ret = (struct bytes_list){certs, count};
    return true;
}

static bool read_names(struct task *t, const char *name, json_t *value, struct text_list *ret)
{
    size_t count = json_array_size(value);
    ENSURE(t, json_is_array(value), E_VOUCHER_MALFORMED, "%s is no array", name);
    const char **names = arena_array(t->arena, count, sizeof(*names));
    for (size_t i = 0; i < count; i++)
        TRY(reading_text(t, name, characters(json_array_get(value, i)), &names[i]));
    *ret = (struct text_list){names, count};
    return true;
}

/* An artifact that stands in the JSON as it is: its text, as compact as it can be. */
static bool read_prior_object(struct task *t, struct reading *r, json_t *value)
{
    TRY(reading_depart(t, r, VOUCHER_PRIOR_OBJECT, E_VOUCHER_PRIOR_OBJECT,
                       "prior-signed-voucher-request is a JSON object"));
    return json_write(t, value, &r->v.prior_signed_voucher_request);
}

static bool read_member(struct task *t, struct reading *r, const struct member *member,
                        json_t *value)
{
    void *place = member_place(&r->v, member);
    ENSURE(t, !member_is_there(&r->v, member), E_VOUCHER_MALFORMED, "%s is there under two names",
           member->name);
    switch (member->type) {
    case MEMBER_TEXT:
    case MEMBER_ASSERTION:
    case MEMBER_NONCE: /* RFC 8995 5.5 has it copied verbatim: not looked into */
        return reading_text(t, member->name, characters(value), place);
    case MEMBER_TIME:
        return reading_time(t, r, member, characters(value));
    case MEMBER_BINARY:
    case MEMBER_BINARY_URL:
        if (place == &r->v.prior_signed_voucher_request && json_is_object(value))
            return read_prior_object(t, r, value);
        return read_binary(t, member->name, value, place);
    case MEMBER_CERTIFICATES:
        return read_certificates(t, member->name, value, place);
    case MEMBER_NAMES:
        return read_names(t, member->name, value, place);
    case MEMBER_CHECKS:
        return read_checks(t, member->name, value, &r->v);
    }
    return fail(t, E_INTERNAL, "a member of no type");
}

static bool pass_over(struct task *t, struct reading *r, const char *name, json_t *value)
{
    struct bytes text;
    TRY(json_write(t, value, &text));
    reading_pass_over(t, r, name, text);
    return true;
}

/* With VOUCHER_REQUEST_CONTAINER a request is expected, whatever its container says. */
static void note_kind(struct reading *r, enum voucher_kind kind)
{
    bool departs = kind == VOUCHER && (r->allowed & VOUCHER_REQUEST_CONTAINER) != 0;
    r->v.kind = departs ? VOUCHER_REQUEST : kind;
    if (departs)
        r->v.departures |= VOUCHER_REQUEST_CONTAINER;
}

static bool read_container(struct task *t, struct reading *r, json_t *root, json_t **ret_body)
{
    /* RFC 8995 5.3 and RFC 8366 5.3: one member at the top, the container, and nothing else. */
    ENSURE(t, json_is_object(root) && json_object_size(root) == 1, E_VOUCHER_MALFORMED,
           "not an object with one member");
    const char *name = json_object_iter_key(json_object_iter(root));
    const struct container *container = container_named(name);
    ENSURE(t, container != NULL, E_VOUCHER_MALFORMED,
           "the top member \"%s\" is neither voucher nor request",
           bytes_to_printable(t->arena, bytes_of_text(name), 128));
    json_t *body = json_object_get(root, name);
    ENSURE(t, json_is_object(body), E_VOUCHER_MALFORMED, "%s is no object", name);
    note_kind(r, container->kind);
    *ret_body = body;
    return true;
}

bool voucher_from_json(struct task *t, struct bytes json, unsigned allowed, struct voucher *ret)
{
    json_t *root;
    json_t *body;
    json_t *value;
    const char *name;
    struct reading r = {.v = {.kind = VOUCHER}, .allowed = allowed};
    ENSURE(t, json.len <= VOUCHER_SIZE_MAX, E_VOUCHER_MALFORMED, "%zu octets; at most %zu",
           json.len, VOUCHER_SIZE_MAX);
    if (!json_parse(t, json, &root))
        return fail(t, E_VOUCHER_MALFORMED, "%s", t->detail);
    TRY(read_container(t, &r, root, &body));
    TRY(reading_begin(t, &r, json_object_size(body)));
    json_object_foreach(body, name, value)
    {
        const struct member *member = member_named(r.v.kind, name);
        if (member != NULL)
            TRY(read_member(t, &r, member, value));
        else /* RFC 8366bis section 6: what is not known is ignored */
            TRY(pass_over(t, &r, name, value));
    }
    *ret = r.v;
    return true;
}

/* --- writing --- */

static json_t *base64_list(struct task *t, const struct bytes_list *list)
{
    json_t *array = json_array();
    for (size_t i = 0; i < list->count; i++)
        (void)json_array_append_new(array, json_string(bytes_to_base64(t->arena, list->items[i])));
    return array;
}

static json_t *text_list(const struct text_list *list)
{
    json_t *array = json_array();
    for (size_t i = 0; i < list->count; i++)
        (void)json_array_append_new(array, json_string(list->items[i]));
    return array;
}

static json_t *member_json(struct task *t, const struct voucher *v, const struct member *member)
{
    const void *field = member_field(v, member);
    switch (member->type) {
    case MEMBER_TEXT:
    case MEMBER_ASSERTION:
    case MEMBER_NONCE:
        return json_string(*(const char *const *)field);
    case MEMBER_TIME:
        return json_string(time_to_text(t->arena, *(const int64_t *)field));
    case MEMBER_BINARY:
        return json_string(bytes_to_base64(t->arena, *(const struct bytes *)field));
    case MEMBER_BINARY_URL: /* RFC 8366bis: in JSON it is base64url */
        return json_string(bytes_to_base64url(t->arena, *(const struct bytes *)field));
    case MEMBER_CERTIFICATES:
        return base64_list(t, field);
    case MEMBER_NAMES:
        return text_list(field);
    case MEMBER_CHECKS:
        return json_boolean(v->domain_cert_revocation_checks);
    }
    return NULL;
}

/* RFC 8366 5.3, RFC 8995 3; or the container that some MASAs want a request to have. */
static const char *container_to_write(const struct voucher *v)
{
    bool departs = (v->departures & VOUCHER_REQUEST_CONTAINER) != 0;
    return container_of_kind(departs ? VOUCHER : v->kind)->name;
}

bool voucher_to_json(struct task *t, const struct voucher *v, struct bytes *ret)
{
    TRY(members_check_writable(t, v));
    json_t *root = json_in_arena(t, json_object());
    json_t *body = json_object();
    if (json_object_set_new(root, container_to_write(v), body) != 0)
        return fail(t, E_INTERNAL, "JSON object");
    for (size_t i = 0; i < voucher_member_count; i++) {
        const struct member *member = &voucher_members[i];
        if (member_is_there(v, member) &&
            json_object_set_new(body, member->name, member_json(t, v, member)) != 0)
            return fail(t, E_INTERNAL, "JSON member %s", member->name);
    }
    return json_write(t, root, ret);
}
