/* The model as JSON (RFC 8366 section 5.3, RFC 7951). */
#include "registrar/voucher/voucher.h"

#include "core/base/clock.h"
#include "core/base/json.h"

#include <string.h>

enum member_type {
    MEMBER_TEXT,
    MEMBER_TIME,
    MEMBER_BINARY,
    MEMBER_CHECKS, /* the boolean domain-cert-revocation-checks */
};

/* In the order they are written. */
static const struct member {
    const char *name;
    enum member_type type;
    bool in_requests_only;
    size_t offset;
} members[] = {
#define MEMBER(name, type, requests, field)                                                        \
    {                                                                                              \
        (name), (type), (requests), offsetof(struct voucher, field)                                \
    }
    MEMBER("created-on", MEMBER_TIME, false, created_on),
    MEMBER("assertion", MEMBER_TEXT, false, assertion),
    MEMBER("serial-number", MEMBER_TEXT, false, serial_number),
    MEMBER("nonce", MEMBER_TEXT, false, nonce),
    MEMBER("expires-on", MEMBER_TIME, false, expires_on),
    MEMBER("last-renewal-date", MEMBER_TIME, false, last_renewal_date),
    MEMBER("idevid-issuer", MEMBER_BINARY, false, idevid_issuer),
    MEMBER("pinned-domain-cert", MEMBER_BINARY, false, pinned_domain_cert),
    MEMBER("pinned-domain-pubk", MEMBER_BINARY, false, pinned_domain_pubk),
    MEMBER("pinned-domain-pubk-sha256", MEMBER_BINARY, false, pinned_domain_pubk_sha256),
    MEMBER("domain-cert-revocation-checks", MEMBER_CHECKS, false, domain_cert_revocation_checks),
    MEMBER("est-domain", MEMBER_TEXT, false, est_domain),
    MEMBER("additional-configuration-url", MEMBER_TEXT, false, additional_configuration_url),
    MEMBER("prior-signed-voucher-request", MEMBER_BINARY, true, prior_signed_voucher_request),
    MEMBER("proximity-registrar-cert", MEMBER_BINARY, true, proximity_registrar_cert),
    MEMBER("proximity-registrar-pubk", MEMBER_BINARY, true, proximity_registrar_pubk),
    MEMBER("proximity-registrar-pubk-sha256", MEMBER_BINARY, true, proximity_registrar_pubk_sha256),
#undef MEMBER
};

/* The containers of RFC 8366 and RFC 8995, and the one that BRSKI-PRM's examples use. */
static const struct container {
    const char *name;
    enum voucher_kind kind;
} containers[] = {
    {"ietf-voucher:voucher", VOUCHER},
    {"ietf-voucher-request:voucher", VOUCHER_REQUEST},
    {"ietf-voucher-request-prm:voucher", VOUCHER_REQUEST},
};

static const struct member *find_member(enum voucher_kind kind, const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
        if (strcmp(members[i].name, name) == 0)
            return members[i].in_requests_only && kind != VOUCHER_REQUEST ? NULL : &members[i];
    }
    return NULL;
}

static const void *field_of(const struct voucher *v, const struct member *member)
{
    return (const char *)v + member->offset;
}

static void *field_to_set(struct voucher *v, const struct member *member)
{
    return (char *)v + member->offset;
}

/* --- reading --- */

/* RFC 7950 9.4: strings hold no control characters but tab and line ends, which none of ours has.
 */
static bool is_plain(const char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7F)
            return false;
    }
    return true;
}

static bool read_text(struct task *t, const struct member *member, json_t *value, const char **ret)
{
    ENSURE(t, json_is_string(value) && json_string_length(value) > 0, E_VOUCHER_MALFORMED,
           "%s is no string with anything in it", member->name);
    const char *text = json_string_value(value);
    ENSURE(t, is_plain(text), E_VOUCHER_MALFORMED, "control characters in %s", member->name);
    *ret = arena_strdup(t->arena, text);
    return true;
}

/* A voucher that is being read, and what may depart from the RFCs in it. */
struct reading {
    struct voucher v;
    unsigned allowed; /* set of enum voucher_departure */
};

/* It is noted; or it fails with its own kind, because nobody allows it. */
static bool depart(struct task *t, struct reading *r, enum voucher_departure departure,
                   const struct problem_kind *kind, const char *what)
{
    ENSURE(t, (r->allowed & departure) != 0, kind, "%s", what);
    r->v.departures |= departure;
    return true;
}

/* "2024-05-01": the beginning of that day. */
static bool time_from_date(struct task *t, const char *text, int64_t *ret)
{
    return strlen(text) == strlen("2024-05-01") &&
           time_from_text(arena_printf(t->arena, "%sT00:00:00Z", text), ret);
}

static bool read_time(struct task *t, struct reading *r, const struct member *member, json_t *value)
{
    const char *text;
    int64_t *ret = field_to_set(&r->v, member);
    TRY(read_text(t, member, value, &text));
    if (time_from_text(text, ret))
        return true;
    int64_t day;
    ENSURE(t, ret == &r->v.created_on && time_from_date(t, text, &day), E_VOUCHER_MALFORMED,
           "%s \"%s\" is no date and time (RFC 3339)", member->name, text);
    TRY(depart(t, r, VOUCHER_CREATED_ON_DATE, E_VOUCHER_CREATED_ON_DATE,
               arena_printf(t->arena, "created-on is \"%s\"", text)));
    *ret = day;
    return true;
}

static bool read_binary(struct task *t, const struct member *member, json_t *value,
                        struct bytes *ret)
{
    ENSURE(t, json_is_string(value), E_VOUCHER_MALFORMED, "%s is no string", member->name);
    struct bytes text = bytes_make(json_string_value(value), json_string_length(value));
    struct bytes octets;
    ENSURE(t, bytes_from_base64(t->arena, text, &octets) && octets.len > 0, E_VOUCHER_MALFORMED,
           "%s is no base64 with anything in it", member->name);
    *ret = octets;
    return true;
}

/* An artifact that stands in the JSON as it is: its text, as compact as it can be. */
static bool read_prior_object(struct task *t, struct reading *r, json_t *value)
{
    TRY(depart(t, r, VOUCHER_PRIOR_OBJECT, E_VOUCHER_PRIOR_OBJECT,
               "prior-signed-voucher-request is a JSON object"));
    return json_write(t, value, &r->v.prior_signed_voucher_request);
}

static bool read_checks(struct task *t, const struct member *member, json_t *value,
                        struct voucher *v)
{
    ENSURE(t, json_is_boolean(value), E_VOUCHER_MALFORMED, "%s is no boolean", member->name);
    v->has_revocation_checks = true;
    v->domain_cert_revocation_checks = json_is_true(value);
    return true;
}

static bool read_member(struct task *t, struct reading *r, const struct member *member,
                        json_t *value)
{
    void *place = field_to_set(&r->v, member);
    switch (member->type) {
    case MEMBER_TEXT:
        return read_text(t, member, value, place);
    case MEMBER_TIME:
        return read_time(t, r, member, value);
    case MEMBER_BINARY:
        if (place == &r->v.prior_signed_voucher_request && json_is_object(value))
            return read_prior_object(t, r, value);
        return read_binary(t, member, value, place);
    case MEMBER_CHECKS:
        return read_checks(t, member, value, &r->v);
    }
    return fail(t, E_INTERNAL, "a member of no type");
}

/* A name for the administrator's eyes: without what would upset a terminal. */
static const char *shown_name(struct task *t, const char *name)
{
    char *shown = arena_strdup(t->arena, name);
    for (char *at = shown; *at != '\0'; at++) {
        if ((unsigned char)*at < 0x20 || *at == 0x7F)
            *at = '?';
    }
    return shown;
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
    for (size_t i = 0; i < ARRAY_SIZE(containers); i++) {
        if (strcmp(containers[i].name, name) == 0) {
            json_t *body = json_object_get(root, name);
            ENSURE(t, json_is_object(body), E_VOUCHER_MALFORMED, "%s is no object", name);
            note_kind(r, containers[i].kind);
            *ret_body = body;
            return true;
        }
    }
    return fail(t, E_VOUCHER_MALFORMED, "the top member \"%s\" is neither voucher nor request",
                shown_name(t, name));
}

bool voucher_from_json(struct task *t, struct bytes json, unsigned allowed, struct voucher *ret)
{
    json_t *root;
    json_t *body;
    json_t *value;
    const char *name;
    struct reading r = {.v = {.kind = VOUCHER}, .allowed = allowed};
    struct text_list *unknown = &r.v.unknown;
    ENSURE(t, json.len <= VOUCHER_SIZE_MAX, E_VOUCHER_MALFORMED, "%zu octets; at most %zu",
           json.len, VOUCHER_SIZE_MAX);
    if (!json_parse(t, json, &root))
        return fail(t, E_VOUCHER_MALFORMED, "%s", t->detail);
    TRY(read_container(t, &r, root, &body));
    unknown->items = arena_array(t->arena, json_object_size(body), sizeof(char *));
    json_object_foreach(body, name, value)
    {
        const struct member *member = find_member(r.v.kind, name);
        if (member != NULL)
            TRY(read_member(t, &r, member, value));
        else /* RFC 8366bis section 6: what is not known is ignored */
            unknown->items[unknown->count++] = shown_name(t, name);
    }
    *ret = r.v;
    return true;
}

/* --- writing --- */

/* NULL when the member is absent. */
static json_t *member_json(struct task *t, const struct voucher *v, const struct member *member)
{
    const char *const *text = field_of(v, member);
    const int64_t *wall = field_of(v, member);
    const struct bytes *octets = field_of(v, member);
    switch (member->type) {
    case MEMBER_TEXT:
        return *text == NULL ? NULL : json_string(*text);
    case MEMBER_TIME:
        return *wall == 0 ? NULL : json_string(time_to_text(t->arena, *wall));
    case MEMBER_BINARY:
        return bytes_present(*octets) ? json_string(bytes_to_base64(t->arena, *octets)) : NULL;
    case MEMBER_CHECKS:
        return v->has_revocation_checks ? json_boolean(v->domain_cert_revocation_checks) : NULL;
    }
    return NULL;
}

static bool is_assertion(const char *text)
{
    static const char *const assertions[] = {"verified", "logged", "proximity", "agent-proximity"};
    for (size_t i = 0; i < ARRAY_SIZE(assertions); i++) {
        if (strcmp(assertions[i], text) == 0)
            return true;
    }
    return false;
}

/* What we write is what the YANG modules allow, whatever we would read. */
static bool check_writable(struct task *t, const struct voucher *v)
{
    ENSURE(t, v->serial_number != NULL && *v->serial_number != '\0', E_INVALID, "no serial-number");
    ENSURE(t, v->assertion == NULL || is_assertion(v->assertion), E_INVALID,
           "\"%s\" is no assertion", v->assertion);
    for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
        const struct member *member = &members[i];
        const char *const *text = field_of(v, member);
        const struct bytes *octets = field_of(v, member);
        if (member->type == MEMBER_TEXT && *text != NULL)
            ENSURE(t, is_plain(*text) && bytes_are_utf8(bytes_of_text(*text)), E_INVALID,
                   "control characters in %s", member->name);
        if (member->in_requests_only && v->kind != VOUCHER_REQUEST)
            ENSURE(t, !bytes_present(*octets), E_INVALID, "%s in a voucher", member->name);
    }
    return true;
}

/* RFC 8366 5.3, RFC 8995 3; or the container that some MASAs want a request to have. */
static const char *container_of(const struct voucher *v)
{
    bool departs = (v->departures & VOUCHER_REQUEST_CONTAINER) != 0;
    return containers[departs ? VOUCHER : v->kind].name;
}

bool voucher_to_json(struct task *t, const struct voucher *v, struct bytes *ret)
{
    TRY(check_writable(t, v));
    json_t *root = json_in_arena(t, json_object());
    json_t *body = json_object();
    if (json_object_set_new(root, container_of(v), body) != 0)
        return fail(t, E_INTERNAL, "JSON object");
    for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
        json_t *value = member_json(t, v, &members[i]);
        if (value != NULL && json_object_set_new(body, members[i].name, value) != 0)
            return fail(t, E_INTERNAL, "JSON member %s", members[i].name);
    }
    return json_write(t, root, ret);
}
