#include "core/store/audit.h"

#include "core/store/internal.h"

#include <string.h>

#define SEQUENCE_LEN 8
/* Payloads forgotten in one update. */
#define FORGET_BATCH 256

static struct bytes sequence_key(struct arena *arena, uint8_t prefix, uint64_t sequence)
{
    return key_join(arena, prefix, key_of_number(arena, sequence), BYTES_ABSENT);
}

/* The number that the last eight octets of a key are. */
static uint64_t sequence_of(struct bytes key)
{
    uint64_t sequence = 0;
    for (size_t i = key.len - SEQUENCE_LEN; i < key.len; i++)
        sequence = sequence << 8 | key.data[i];
    return sequence;
}

struct scan audit_timeline(struct task *t, struct view *view, struct bytes subject, bool backwards)
{
    return (struct scan){
        .view = view,
        .prefix = key_join(t->arena, PREFIX_TIMELINE, subject, BYTES_ABSENT),
        .backwards = backwards,
    };
}

bool audit_get(struct task *t, struct reader *r, uint64_t sequence, struct audit_entry *ret)
{
    struct bytes link;
    struct bytes payload;
    TRY(reader_get(t, r, sequence_key(t->arena, PREFIX_AUDIT_LINK, sequence), &link));
    ENSURE(t, bytes_present(link), E_NOT_FOUND, "no audit entry %llu",
           (unsigned long long)sequence);
    TRY(reader_get(t, r, sequence_key(t->arena, PREFIX_AUDIT_PAYLOAD, sequence), &payload));
    *ret = (struct audit_entry){sequence, payload};
    return true;
}

static bool next_sequence(struct task *t, struct scan *scan, uint64_t *ret, bool *ret_found)
{
    struct bytes key;
    struct bytes nothing;
    bool found;
    TRY(scan_next(t, scan, &key, &nothing, &found));
    ENSURE(t, !found || key.len == 1 + SUBJECT_LEN + SEQUENCE_LEN, E_STORE_DAMAGED,
           "a timeline key of %zu octets", key.len);
    if (found)
        *ret = sequence_of(key);
    *ret_found = found;
    return true;
}

bool audit_timeline_next(struct task *t, struct scan *scan, struct audit_entry *ret,
                         bool *ret_found)
{
    struct view *view = scan->view;
    uint64_t sequence;
    bool found;
    TRY(next_sequence(t, scan, &sequence, &found));
    if (found && !audit_get(t, view_reader(view), sequence, ret)) {
        if (task_failed_with(t, E_NOT_FOUND))
            (void)fail(t, E_STORE_DAMAGED, "a timeline names %s", t->detail);
        return false;
    }
    *ret_found = found;
    return true;
}

struct forgetting {
    uint64_t sequences[FORGET_BATCH];
    size_t count;
};

static bool forget_some(struct task *t, struct tx *tx, void *arg)
{
    const struct forgetting *some = arg;
    for (size_t i = 0; i < some->count; i++)
        TRY(tx_delete(t, tx, sequence_key(t->arena, PREFIX_AUDIT_PAYLOAD, some->sequences[i])));
    return true;
}

/* The view is not kept open over the updates; entries come in order, so the next look begins
 * after the last one. */
static bool collect(struct task *t, struct store *store, struct bytes subject, uint64_t from,
                    uint64_t before, struct forgetting *ret)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    bool found = true;
    TRY(view_open(t, store, &view));
    struct scan scan = audit_timeline(t, view, subject, false);
    scan.from = key_join(t->arena, PREFIX_TIMELINE, subject, key_of_number(t->arena, from));
    for (ret->count = 0; ret->count < FORGET_BATCH; ret->count++) {
        TRY(next_sequence(t, &scan, &ret->sequences[ret->count], &found));
        if (!found || ret->sequences[ret->count] >= before)
            break;
    }
    return true;
}

bool audit_forget(struct task *t, struct store *store, struct bytes subject, uint64_t sequence)
{
    ENSURE(t, subject.len == SUBJECT_LEN, E_INTERNAL, "an audit subject of %zu octets",
           subject.len);
    struct arena_mark mark = arena_mark(t->arena);
    struct forgetting some = {.count = 0};
    uint64_t from = 0;
    do {
        arena_rewind(t->arena, mark);
        TRY(collect(t, store, subject, from, sequence, &some));
        if (some.count == 0)
            break;
        TRY(store_update(t, store, forget_some, &some));
        from = some.sequences[some.count - 1] + 1;
    } while (some.count == FORGET_BATCH);
    return true;
}

/* Where a walk along the chain has come to. */
struct walk {
    struct reader *reader;
    struct chain_head head;
    uint64_t payloads;
    struct audit_report report;
};

static bool damaged(struct task *t, uint64_t sequence, const char *what)
{
    return fail(t, E_STORE_DAMAGED, "audit entry %llu: %s", (unsigned long long)sequence, what);
}

/* A link follows on the one before it in number, chain and digest. */
static bool check_place(struct task *t, const struct walk *walk, const struct link *link)
{
    uint64_t expected = walk->head.sequence + 1;
    struct bytes chain = BYTES_ARRAY(walk->head.chain);
    struct bytes previous =
        walk->head.sequence == 0 ? BYTES_LITERAL("") : BYTES_ARRAY(walk->head.previous);
    if (link->sequence != expected)
        return damaged(t, expected, "its link is missing or stands elsewhere");
    if (!bytes_equal(link->previous, previous))
        return damaged(t, expected, "its link does not follow on the one before it");
    if (link->kind == LINK_NEW_CHAIN)
        return bytes_equal(link->about, chain) ||
               damaged(t, expected, "the new chain names another old one");
    return expected == 1 || bytes_equal(link->chain, chain) ||
           damaged(t, expected, "it is of another chain");
}

static bool check_payload(struct task *t, struct walk *walk, const struct link *link)
{
    struct bytes payload;
    TRY(reader_get(t, walk->reader, sequence_key(t->arena, PREFIX_AUDIT_PAYLOAD, link->sequence),
                   &payload));
    walk->payloads += bytes_present(payload);
    if (link->kind == LINK_NEW_CHAIN)
        return !bytes_present(payload) ||
               damaged(t, link->sequence, "the beginning of a chain has no payload");
    walk->report.entries++;
    walk->report.forgotten += !bytes_present(payload);
    return !bytes_present(payload) || bytes_equal(bytes_sha256(t->arena, payload), link->about) ||
           damaged(t, link->sequence, "its payload is not what was linked");
}

static bool walk_link(struct task *t, struct walk *walk, struct bytes key, struct bytes octets)
{
    struct link link;
    TRY(link_read(t, octets, &link));
    ENSURE(t, key.len == 1 + SEQUENCE_LEN && sequence_of(key) == link.sequence, E_STORE_DAMAGED,
           "audit entry %llu stands in another's place", (unsigned long long)link.sequence);
    TRY(check_place(t, walk, &link));
    TRY(check_payload(t, walk, &link));
    walk->report.chains += walk->head.sequence == 0 || link.kind == LINK_NEW_CHAIN;
    walk->head.sequence = link.sequence;
    memcpy(walk->head.chain, link.chain.data, CHAIN_ID_LEN);
    memcpy(walk->head.previous, bytes_sha256(t->arena, octets).data, SHA256_LEN);
    return true;
}

/* There are no payloads besides those that the links led to. */
static bool count_payloads(struct task *t, struct view *view, const struct walk *walk)
{
    const uint8_t prefix = PREFIX_AUDIT_PAYLOAD;
    struct scan scan = {.view = view, .prefix = bytes_make(&prefix, 1)};
    struct arena_mark mark = arena_mark(t->arena);
    struct bytes key;
    struct bytes payload;
    bool found = true;
    for (uint64_t count = 0; found; count++) {
        arena_rewind(t->arena, mark);
        TRY(scan_next(t, &scan, &key, &payload, &found));
        ENSURE(t, !found || count < walk->payloads, E_STORE_DAMAGED,
               "there are audit payloads without a link");
    }
    return true;
}

bool audit_verify(struct task *t, struct view *view, struct audit_report *ret)
{
    struct walk walk = {.reader = view_reader(view)};
    const uint8_t prefix = PREFIX_AUDIT_LINK;
    struct scan scan = {.view = view, .prefix = bytes_make(&prefix, 1)};
    struct arena_mark mark = arena_mark(t->arena);
    struct bytes key;
    struct bytes octets;
    bool found;
    for (;;) {
        arena_rewind(t->arena, mark);
        TRY(scan_next(t, &scan, &key, &octets, &found));
        if (!found)
            break;
        TRY(walk_link(t, &walk, key, octets));
    }
    TRY(count_payloads(t, view, &walk));
    *ret = walk.report;
    return true;
}
