#include "registrar/voucher/members.h"

#include "core/base/clock.h"

#include <string.h>

#define SHOWN_NAME_MAX  128 /* octets of what is passed over */
#define SHOWN_VALUE_MAX 1024

/* SIDs: RFC 8366bis, tables of ietf-voucher (2450) and ietf-voucher-request (2500). */
const struct member voucher_members[] = {
#define MEMBER(name_, type_, sid_, request_sid_, field_)                                           \
    {                                                                                              \
        .name = (name_), .type = (type_), .sid = (sid_), .request_sid = (request_sid_),            \
        .offset = offsetof(struct voucher, field_)                                                 \
    }
#define REQUEST_MEMBER(name_, type_, request_sid_, field_)                                         \
    {                                                                                              \
        .name = (name_), .type = (type_), .in_requests_only = true, .request_sid = (request_sid_), \
        .offset = offsetof(struct voucher, field_)                                                 \
    }
    MEMBER("created-on", MEMBER_TIME, 2453, 2503, created_on),
    MEMBER("assertion", MEMBER_ASSERTION, 2452, 2502, assertion),
    MEMBER("serial-number", MEMBER_TEXT, 2462, 2514, serial_number),
    MEMBER("nonce", MEMBER_NONCE, 2458, 2508, nonce),
    MEMBER("expires-on", MEMBER_TIME, 2455, 2505, expires_on),
    MEMBER("last-renewal-date", MEMBER_TIME, 2457, 2507, last_renewal_date),
    MEMBER("idevid-issuer", MEMBER_BINARY, 2456, 2506, idevid_issuer),
    MEMBER("pinned-domain-cert", MEMBER_BINARY, 2459, 2509, pinned_domain_cert),
    MEMBER("pinned-domain-pubk", MEMBER_BINARY, 2460, 2518, pinned_domain_pubk),
    MEMBER("pinned-domain-pubk-sha256", MEMBER_BINARY, 2461, 2519, pinned_domain_pubk_sha256),
    MEMBER("domain-cert-revocation-checks", MEMBER_CHECKS, 2454, 2504,
           domain_cert_revocation_checks),
    MEMBER("est-domain", MEMBER_TEXT, 2464, 2521, est_domain),
    MEMBER("additional-configuration-url", MEMBER_TEXT, 2463, 2520, additional_configuration_url),
    MEMBER("additional-configuration", MEMBER_TEXT, 0, 0, additional_configuration),
    MEMBER("manufacturer-proprietary", MEMBER_BINARY_URL, 2465, 2523, manufacturer_proprietary),
    MEMBER("extensions", MEMBER_NAMES, 2466, 2522, extensions),
    REQUEST_MEMBER("prior-signed-voucher-request", MEMBER_BINARY, 2510,
                   prior_signed_voucher_request),
    REQUEST_MEMBER("proximity-registrar-cert", MEMBER_BINARY, 2511, proximity_registrar_cert),
    REQUEST_MEMBER("proximity-registrar-pubk", MEMBER_BINARY, 2513, proximity_registrar_pubk),
    REQUEST_MEMBER("proximity-registrar-pubk-sha256", MEMBER_BINARY, 2512,
                   proximity_registrar_pubk_sha256),
    REQUEST_MEMBER("agent-provided-proximity-registrar-cert", MEMBER_BINARY, 2515,
                   agent_provided_proximity_registrar_cert),
    REQUEST_MEMBER("agent-signed-data", MEMBER_BINARY, 2517, agent_signed_data),
    REQUEST_MEMBER("agent-sign-cert", MEMBER_CERTIFICATES, 2516, agent_sign_cert),
#undef MEMBER
#undef REQUEST_MEMBER
};
const size_t voucher_member_count = ARRAY_SIZE(voucher_members);

/* The containers of RFC 8366 and RFC 8995, and the one that BRSKI-PRM's examples use. */
static const struct container containers[] = {
    {"ietf-voucher:voucher", VOUCHER, 2451},
    {"ietf-voucher-request:voucher", VOUCHER_REQUEST, 2501},
    {"ietf-voucher-request-prm:voucher", VOUCHER_REQUEST, 0},
};

static const char *const assertions[] = {"verified", "logged", "proximity", "agent-proximity"};

/* --- looking up --- */

static bool is_in(const struct member *member, enum voucher_kind kind)
{
    return kind == VOUCHER_REQUEST || !member->in_requests_only;
}

const struct member *member_named(enum voucher_kind kind, const char *name)
{
    /* What RFC 8366bis calls manufacturer-proprietary was manufacturer-private in its drafts. */
    if (strcmp(name, "manufacturer-private") == 0)
        name = "manufacturer-proprietary";
    for (size_t i = 0; i < voucher_member_count; i++) {
        if (is_in(&voucher_members[i], kind) && strcmp(voucher_members[i].name, name) == 0)
            return &voucher_members[i];
    }
    return NULL;
}

unsigned member_sid(const struct member *member, enum voucher_kind kind)
{
    return kind == VOUCHER ? member->sid : member->request_sid;
}

const struct member *member_numbered(enum voucher_kind kind, uint64_t sid)
{
    for (size_t i = 0; i < voucher_member_count; i++) {
        const struct member *member = &voucher_members[i];
        if (is_in(member, kind) && sid != 0 && member_sid(member, kind) == sid)
            return member;
    }
    return NULL;
}

const struct container *container_named(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(containers); i++) {
        if (strcmp(containers[i].name, name) == 0)
            return &containers[i];
    }
    return NULL;
}

const struct container *container_numbered(uint64_t sid)
{
    for (size_t i = 0; i < ARRAY_SIZE(containers); i++) {
        if (sid != 0 && containers[i].sid == sid)
            return &containers[i];
    }
    return NULL;
}

const struct container *container_of_kind(enum voucher_kind kind)
{
    return &containers[kind];
}

const char *assertion_name(uint64_t number)
{
    return number < ARRAY_SIZE(assertions) ? assertions[number] : NULL;
}

bool assertion_number(const char *name, uint64_t *ret)
{
    for (size_t i = 0; i < ARRAY_SIZE(assertions); i++) {
        if (strcmp(assertions[i], name) == 0) {
            *ret = i;
            return true;
        }
    }
    return false;
}

/* --- values --- */

const void *member_field(const struct voucher *v, const struct member *member)
{
    return (const char *)v + member->offset;
}

void *member_place(struct voucher *v, const struct member *member)
{
    return (char *)v + member->offset;
}

bool member_is_there(const struct voucher *v, const struct member *member)
{
    const void *field = member_field(v, member);
    switch (member->type) {
    case MEMBER_TEXT:
    case MEMBER_ASSERTION:
    case MEMBER_NONCE:
        return *(const char *const *)field != NULL;
    case MEMBER_TIME:
        return *(const int64_t *)field != 0;
    case MEMBER_BINARY:
    case MEMBER_BINARY_URL:
        return bytes_present(*(const struct bytes *)field);
    case MEMBER_CERTIFICATES:
        return ((const struct bytes_list *)field)->count > 0;
    case MEMBER_NAMES:
        return ((const struct text_list *)field)->count > 0;
    case MEMBER_CHECKS:
        return v->has_revocation_checks;
    }
    return false;
}

/* RFC 7950 9.4: strings hold no control characters but tab and line ends, which none of ours has.
 */
static bool is_plain(struct bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < 0x20 || text.data[i] == 0x7F)
            return false;
    }
    return text.len > 0;
}

bool reading_depart(struct task *t, struct reading *r, enum voucher_departure departure,
                    const struct problem_kind *kind, const char *what)
{
    ENSURE(t, (r->allowed & departure) != 0, kind, "%s", what);
    r->v.departures |= departure;
    return true;
}

bool reading_text(struct task *t, const char *name, struct bytes text, const char **ret)
{
    ENSURE(t, text.len > 0, E_VOUCHER_MALFORMED, "%s is no string with anything in it", name);
    ENSURE(t, is_plain(text), E_VOUCHER_MALFORMED, "control characters in %s", name);
    *ret = bytes_to_text(t->arena, text);
    return true;
}

/* "2024-05-01": the beginning of that day. */
static bool time_from_date(struct task *t, const char *text, int64_t *ret)
{
    return strlen(text) == strlen("2024-05-01") &&
           time_from_text(arena_printf(t->arena, "%sT00:00:00Z", text), ret);
}

bool reading_time(struct task *t, struct reading *r, const struct member *member, struct bytes text)
{
    const char *plain;
    int64_t day;
    int64_t *ret = member_place(&r->v, member);
    TRY(reading_text(t, member->name, text, &plain));
    if (time_from_text(plain, ret))
        return true;
    ENSURE(t, ret == &r->v.created_on && time_from_date(t, plain, &day), E_VOUCHER_MALFORMED,
           "%s \"%s\" is no date and time (RFC 3339)", member->name, plain);
    TRY(reading_depart(t, r, VOUCHER_CREATED_ON_DATE, E_VOUCHER_CREATED_ON_DATE,
                       arena_printf(t->arena, "created-on is \"%s\"", plain)));
    *ret = day;
    return true;
}

bool reading_begin(struct task *t, struct reading *r, uint64_t count)
{
    ENSURE(t, count <= VOUCHER_MEMBERS_MAX, E_VOUCHER_MALFORMED, "%llu members; at most %d",
           (unsigned long long)count, VOUCHER_MEMBERS_MAX);
    r->v.unknown.items = arena_array(t->arena, count, sizeof(*r->v.unknown.items));
    return true;
}

void reading_pass_over(struct task *t, struct reading *r, const char *name, struct bytes value)
{
    struct unknown_members *unknown = &r->v.unknown;
    unknown->items[unknown->count++] = (struct unknown_member){
        .name = bytes_to_printable(t->arena, bytes_of_text(name), SHOWN_NAME_MAX),
        .value = bytes_to_printable(t->arena, value, SHOWN_VALUE_MAX),
    };
}

bool nonce_same_octets(struct task *t, const char *a, const char *b)
{
    struct bytes left;
    struct bytes right;
    return bytes_from_base64(t->arena, bytes_of_text(a), &left) &&
           bytes_from_base64(t->arena, bytes_of_text(b), &right) && left.len > 0 &&
           bytes_equal(left, right);
}

/* --- writing --- */

bool members_check_writable(struct task *t, const struct voucher *v)
{
    uint64_t number;
    ENSURE(t, v->serial_number != NULL && *v->serial_number != '\0', E_INVALID, "no serial-number");
    ENSURE(t, v->assertion == NULL || assertion_number(v->assertion, &number), E_INVALID,
           "\"%s\" is no assertion", v->assertion);
    for (size_t i = 0; i < voucher_member_count; i++) {
        const struct member *member = &voucher_members[i];
        if (!member_is_there(v, member))
            continue;
        ENSURE(t, is_in(member, v->kind), E_INVALID, "%s in a voucher", member->name);
        if (member->type != MEMBER_TEXT && member->type != MEMBER_NONCE)
            continue;
        struct bytes text = bytes_of_text(*(const char *const *)member_field(v, member));
        ENSURE(t, is_plain(text) && bytes_are_utf8(text), E_INVALID, "control characters in %s",
               member->name);
    }
    return true;
}
