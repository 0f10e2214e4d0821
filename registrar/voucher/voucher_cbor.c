/* The model as CBOR (RFC 9254, RFC 8366bis section 8, cBRSKI sections 9 and 15.2). */
#include "core/base/cbor.h"
#include "core/base/clock.h"
#include "registrar/voucher/members.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#define TAG_SID          47 /* RFC 9254 3.2: a whole SID, where differences are the rule */
#define NONCE_OCTETS_MIN 8  /* ietf-voucher: binary { length "8..32" } */
#define NONCE_OCTETS_MAX 32

/* --- reading --- */

static bool malformed(struct task *t)
{
    return fail(t, E_VOUCHER_MALFORMED, "%s", t->detail);
}

static bool expect(struct task *t, struct cbor_reader *r, const char *name,
                   enum cbor_item_kind kind, struct cbor_item *ret)
{
    if (cbor_expect(t, r, kind, ret))
        return true;
    return fail(t, E_VOUCHER_MALFORMED, "%s: %s", name, t->detail);
}

/* A key of a map: a SID, whichever way it is said, or a name. */
struct key {
    uint64_t sid;     /* 0: none, or none that is possible */
    const char *name; /* NULL: none */
    struct bytes raw;
};

/* RFC 9254 3.2: the difference to the SID around it, which may be negative. */
static uint64_t sid_of_difference(const struct cbor_item *item, uint64_t around)
{
    if (item->number > UINT32_MAX)
        return 0;
    if (item->kind == CBOR_ITEM_UINT)
        return around + item->number;
    return around > item->number + 1 ? around - item->number - 1 : 0;
}

static bool read_key(struct task *t, struct cbor_reader *r, uint64_t around, struct key *ret)
{
    struct cbor_reader before = *r;
    struct cbor_item item;
    struct key key = {.sid = 0};
    if (!cbor_next(t, r, &item))
        return malformed(t);
    switch (item.kind) {
    case CBOR_ITEM_UINT:
    case CBOR_ITEM_NEGINT:
        key.sid = sid_of_difference(&item, around);
        break;
    case CBOR_ITEM_TEXT: /* cBRSKI 15.2.2: names and SIDs may stand side by side */
        key.name = bytes_to_text(t->arena, item.string);
        break;
    case CBOR_ITEM_TAG:
        ENSURE(t, item.number == TAG_SID, E_VOUCHER_MALFORMED, "a key with tag %" PRIu64,
               item.number);
        TRY(expect(t, r, "a key with tag 47", CBOR_ITEM_UINT, &item));
        key.sid = item.number;
        break;
    default:
        return fail(t, E_VOUCHER_MALFORMED, "a key that is neither a number nor a name");
    }
    key.raw = bytes_make(before.input.data + before.at, r->at - before.at);
    *ret = key;
    return true;
}

static bool read_text(struct task *t, struct cbor_reader *r, const char *name, const char **ret)
{
    struct cbor_item item;
    TRY(expect(t, r, name, CBOR_ITEM_TEXT, &item));
    return reading_text(t, name, item.string, ret);
}

/* RFC 9254 6.6: an enumeration is its number, whatever the keys are. */
static bool read_assertion(struct task *t, struct cbor_reader *r, const char *name,
                           const char **ret)
{
    struct cbor_item item;
    TRY(expect(t, r, name, CBOR_ITEM_UINT, &item));
    const char *known = assertion_name(item.number);
    *ret = known != NULL ? known : arena_printf(t->arena, "%" PRIu64, item.number);
    return true;
}

static bool read_time(struct task *t, struct cbor_reader *in, const struct member *member,
                      struct reading *r)
{
    struct cbor_item item;
    TRY(expect(t, in, member->name, CBOR_ITEM_TEXT, &item));
    return reading_time(t, r, member, item.string);
}

static bool read_binary(struct task *t, struct cbor_reader *r, const char *name, struct bytes *ret)
{
    struct cbor_item item;
    TRY(expect(t, r, name, CBOR_ITEM_OCTETS, &item));
    ENSURE(t, item.string.len > 0, E_VOUCHER_MALFORMED, "%s is empty", name);
    *ret = bytes_copy(t->arena, item.string);
    return true;
}

static bool read_nonce(struct task *t, struct cbor_reader *r, const char *name, const char **ret)
{
    struct bytes nonce;
    TRY(read_binary(t, r, name, &nonce));
    ENSURE(t, nonce.len >= NONCE_OCTETS_MIN && nonce.len <= NONCE_OCTETS_MAX, E_VOUCHER_MALFORMED,
           "%s of %zu octets; %d to %d are possible", name, nonce.len, NONCE_OCTETS_MIN,
           NONCE_OCTETS_MAX);
    *ret = bytes_to_base64(t->arena, nonce);
    return true;
}

static bool read_checks(struct task *t, struct cbor_reader *r, const char *name, struct voucher *v)
{
    struct cbor_item item;
    TRY(expect(t, r, name, CBOR_ITEM_BOOL, &item));
    v->has_revocation_checks = true;
    v->domain_cert_revocation_checks = item.number != 0;
    return true;
}

/* The head of an array; false in *ret_is when the item is none, and stays unread. */
static bool read_array(struct task *t, struct cbor_reader *r, bool *ret_is, uint64_t *ret_count)
{
    struct cbor_reader ahead = *r;
    struct cbor_item item;
    if (!cbor_next(t, &ahead, &item))
        return malformed(t);
    *ret_is = item.kind == CBOR_ITEM_ARRAY;
    *ret_count = *ret_is ? item.number : 1;
    if (*ret_is)
        *r = ahead;
    return true;
}

/* brski-prm 7.3 has an array, the YANG module one certificate. */
static bool read_certificates(struct task *t, struct cbor_reader *r, const char *name,
                              struct bytes_list *ret)
{
    bool is_array;
    uint64_t count;
    TRY(read_array(t, r, &is_array, &count));
    ENSURE(t, count > 0 && count <= CERT_COUNT_MAX, E_VOUCHER_MALFORMED,
           "%s holds %" PRIu64 " certificates; 1 to %d are possible", name, count, CERT_COUNT_MAX);
    struct bytes *certs = arena_array(t->arena, count, sizeof(*certs));
    for (uint64_t i = 0; i < count; i++)
        TRY(read_binary(t, r, name, &certs[i]));
    *ret = (struct bytes_list){certs, count};
    return true;
}

/* Names, and SIDs as digits. */
static bool read_names(struct task *t, struct cbor_reader *r, const char *name,
                       struct text_list *ret)
{
    bool is_array;
    uint64_t count;
    struct cbor_item item;
    TRY(read_array(t, r, &is_array, &count));
    ENSURE(t, is_array, E_VOUCHER_MALFORMED, "%s is no array", name);
    const char **names = arena_array(t->arena, count, sizeof(*names));
    for (uint64_t i = 0; i < count; i++) {
        struct cbor_reader ahead = *r;
        if (!cbor_next(t, &ahead, &item))
            return malformed(t);
        if (item.kind != CBOR_ITEM_UINT) {
            TRY(read_text(t, r, name, &names[i]));
            continue;
        }
        names[i] = arena_printf(t->arena, "%" PRIu64, item.number);
        *r = ahead;
    }
    *ret = (struct text_list){names, count};
    return true;
}

static bool read_value(struct task *t, struct cbor_reader *in, const struct member *member,
                       struct reading *r)
{
    void *place = member_place(&r->v, member);
    switch (member->type) {
    case MEMBER_TEXT:
        return read_text(t, in, member->name, place);
    case MEMBER_ASSERTION:
        return read_assertion(t, in, member->name, place);
    case MEMBER_NONCE:
        return read_nonce(t, in, member->name, place);
    case MEMBER_TIME:
        return read_time(t, in, member, r);
    case MEMBER_BINARY:
    case MEMBER_BINARY_URL:
        return read_binary(t, in, member->name, place);
    case MEMBER_CERTIFICATES:
        return read_certificates(t, in, member->name, place);
    case MEMBER_NAMES:
        return read_names(t, in, member->name, place);
    case MEMBER_CHECKS:
        return read_checks(t, in, member->name, &r->v);
    }
    return fail(t, E_INTERNAL, "a member of no type");
}

/* RFC 8366bis section 6: what is not known is ignored, whatever it is. */
static bool pass_over(struct task *t, struct cbor_reader *in, const struct key *key,
                      struct reading *r)
{
    struct bytes value;
    if (!cbor_skip(t, in, &value))
        return malformed(t);
    const char *name = key->name;
    if (name == NULL)
        name = key->sid == 0 ? arena_printf(t->arena, "key %s", bytes_to_hex(t->arena, key->raw))
                             : arena_printf(t->arena, "SID %" PRIu64, key->sid);
    const char *shown = arena_printf(t->arena, "CBOR %s", bytes_to_hex(t->arena, value));
    reading_pass_over(t, r, name, bytes_of_text(shown));
    return true;
}

/* RFC 8949 5.6: a key stands once, also when it is said in two ways. */
static bool read_member(struct task *t, struct cbor_reader *in, const struct container *container,
                        struct reading *r, bool *seen)
{
    struct key key;
    TRY(read_key(t, in, container_of_kind(container->kind)->sid, &key));
    const struct member *member =
        key.name != NULL ? member_named(r->v.kind, key.name) : member_numbered(r->v.kind, key.sid);
    if (member == NULL)
        return pass_over(t, in, &key, r);
    bool *there = &seen[member - voucher_members];
    ENSURE(t, !*there, E_VOUCHER_MALFORMED, "%s is in %s twice", member->name, container->name);
    *there = true;
    return read_value(t, in, member, r);
}

static bool read_container(struct task *t, struct cbor_reader *r, const struct container **ret)
{
    struct cbor_item map;
    struct key key;
    TRY(expect(t, r, "the payload", CBOR_ITEM_MAP, &map));
    ENSURE(t, map.number == 1, E_VOUCHER_MALFORMED, "%" PRIu64 " members at the top, not one",
           map.number);
    TRY(read_key(t, r, 0, &key));
    const struct container *container =
        key.name != NULL ? container_named(key.name) : container_numbered(key.sid);
    ENSURE(t, container != NULL, E_VOUCHER_MALFORMED,
           "the top member %s is neither voucher nor request",
           key.name != NULL ? bytes_to_printable(t->arena, bytes_of_text(key.name), 128)
                            : bytes_to_hex(t->arena, key.raw));
    *ret = container;
    return true;
}

bool voucher_from_cbor(struct task *t, struct bytes cbor, unsigned allowed, struct voucher *ret)
{
    struct cbor_reader in = cbor_reader_of(cbor);
    struct cbor_item map;
    const struct container *container;
    ENSURE(t, cbor.len <= VOUCHER_SIZE_MAX, E_VOUCHER_MALFORMED, "%zu octets; at most %zu",
           cbor.len, VOUCHER_SIZE_MAX);
    TRY(read_container(t, &in, &container));
    struct reading r = {.v = {.kind = container->kind}, .allowed = allowed};
    bool *seen = arena_array(t->arena, voucher_member_count, sizeof(*seen));
    TRY(expect(t, &in, container->name, CBOR_ITEM_MAP, &map));
    TRY(reading_begin(t, &r, map.number));
    for (uint64_t i = 0; i < map.number; i++)
        TRY(read_member(t, &in, container, &r, seen));
    if (!cbor_at_end(t, &in))
        return malformed(t);
    *ret = r.v;
    return true;
}

/* --- writing --- */

static bool write_nonce(struct task *t, struct cbor_writer *w, const char *nonce)
{
    struct bytes octets;
    ENSURE(t,
           bytes_from_base64(t->arena, bytes_of_text(nonce), &octets) &&
               octets.len >= NONCE_OCTETS_MIN && octets.len <= NONCE_OCTETS_MAX,
           E_INVALID, "the nonce stands for no %d to %d octets, which CBOR carries",
           NONCE_OCTETS_MIN, NONCE_OCTETS_MAX);
    cbor_write_octets(w, octets);
    return true;
}

static void write_names(struct cbor_writer *w, const struct text_list *names)
{
    cbor_write_array(w, names->count);
    for (size_t i = 0; i < names->count; i++) {
        char *end;
        errno = 0;
        unsigned long long sid = strtoull(names->items[i], &end, 10);
        bool is_sid = names->items[i][0] >= '1' && names->items[i][0] <= '9' && *end == '\0';
        if (is_sid && errno == 0)
            cbor_write_uint(w, sid);
        else
            cbor_write_text(w, names->items[i]);
    }
}

static void write_certificates(struct cbor_writer *w, const struct bytes_list *certs)
{
    if (certs->count > 1)
        cbor_write_array(w, certs->count);
    for (size_t i = 0; i < certs->count; i++)
        cbor_write_octets(w, certs->items[i]);
}

static bool write_value(struct task *t, struct cbor_writer *w, const struct voucher *v,
                        const struct member *member)
{
    const void *field = member_field(v, member);
    uint64_t number = 0;
    switch (member->type) {
    case MEMBER_TEXT:
        cbor_write_text(w, *(const char *const *)field);
        return true;
    case MEMBER_ASSERTION:
        ENSURE(t, assertion_number(v->assertion, &number), E_INVALID, "\"%s\" is no assertion",
               v->assertion);
        cbor_write_uint(w, number);
        return true;
    case MEMBER_NONCE:
        return write_nonce(t, w, v->nonce);
    case MEMBER_TIME:
        cbor_write_text(w, time_to_text(t->arena, *(const int64_t *)field));
        return true;
    case MEMBER_BINARY:
    case MEMBER_BINARY_URL:
        cbor_write_octets(w, *(const struct bytes *)field);
        return true;
    case MEMBER_CERTIFICATES:
        write_certificates(w, field);
        return true;
    case MEMBER_NAMES:
        write_names(w, field);
        return true;
    case MEMBER_CHECKS:
        cbor_write_bool(w, v->domain_cert_revocation_checks);
        return true;
    }
    return fail(t, E_INTERNAL, "a member of no type");
}

/* The members that are there: those with SIDs in the order of these, then those without. */
static size_t members_in_order(const struct voucher *v, const struct member **ordered)
{
    size_t count = 0;
    for (size_t i = 0; i < voucher_member_count; i++) {
        const struct member *member = &voucher_members[i];
        if (!member_is_there(v, member))
            continue;
        /* 0 less 1 is the greatest: names come last (RFC 8949 4.2.1) */
        unsigned rank = member_sid(member, v->kind) - 1;
        size_t at = count++;
        for (; at > 0 && member_sid(ordered[at - 1], v->kind) - 1 > rank; at--)
            ordered[at] = ordered[at - 1];
        ordered[at] = member;
    }
    return count;
}

bool voucher_to_cbor(struct task *t, const struct voucher *v, struct bytes *ret)
{
    const struct member **members =
        arena_array(t->arena, voucher_member_count, sizeof(struct member *));
    const struct container *container = container_of_kind(v->kind);
    struct cbor_writer w = cbor_writer_make(t->arena);
    TRY(members_check_writable(t, v));
    size_t count = members_in_order(v, members);
    cbor_write_map(&w, 1);
    cbor_write_uint(&w, container->sid);
    cbor_write_map(&w, count);
    for (size_t i = 0; i < count; i++) {
        unsigned sid = member_sid(members[i], v->kind);
        if (sid == 0)
            cbor_write_text(&w, members[i]->name);
        else
            cbor_write_uint(&w, sid - container->sid);
        TRY(write_value(t, &w, v, members[i]));
    }
    *ret = cbor_written(&w);
    return true;
}
