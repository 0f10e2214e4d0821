/* The audit chain as it is written: links over digests, one after the other. */
#include "core/store/internal.h"

#include "core/base/cbor.h"
#include "core/base/clock.h"

#include <string.h>

#define LINK_ITEMS 5

/*
 * Where the store was when its chain was last begun, and when it was found elsewhere.  These are
 * kept as records of the settings table (records/setting.h), so that they can be read where the
 * others are.
 */
struct place {
    const char *name;
    uint64_t number;  /* wall-clock ms */
    const char *text; /* hexadecimal */
    struct record_rest rest;
};
static const struct field place_fields[] = {
    FIELD(1, struct place, name, "name", FIELD_TEXT, .flags = FIELD_REQUIRED),
    FIELD(2, struct place, number, "number", FIELD_UINT),
    FIELD(3, struct place, text, "text", FIELD_TEXT),
};
static const struct record_type place_type = RECORD_TYPE("setting", 1, struct place, place_fields);
#define HOME_NAME   "audit-home"
#define LEFT_FORMAT "audit-left/%020llu" /* the new chain's first number: in order as text too */

static struct bytes place_key(struct arena *arena, const char *name)
{
    return key_join(arena, PREFIX_SETTING, bytes_of_text(name), BYTES_ABSENT);
}

static struct bytes link_write(struct arena *arena, const struct link *link)
{
    struct cbor_writer w = cbor_writer_make(arena);
    cbor_write_array(&w, LINK_ITEMS);
    cbor_write_uint(&w, link->kind);
    cbor_write_octets(&w, link->chain);
    cbor_write_uint(&w, link->sequence);
    cbor_write_octets(&w, link->about);
    cbor_write_octets(&w, link->previous);
    return cbor_written(&w);
}

static bool read_link_items(struct task *t, struct bytes octets, struct link *ret)
{
    struct cbor_reader r = cbor_reader_of(octets);
    struct cbor_item items[LINK_ITEMS];
    static const enum cbor_item_kind kinds[LINK_ITEMS] = {
        CBOR_ITEM_UINT, CBOR_ITEM_OCTETS, CBOR_ITEM_UINT, CBOR_ITEM_OCTETS, CBOR_ITEM_OCTETS};
    struct cbor_item array;
    TRY(cbor_expect(t, &r, CBOR_ITEM_ARRAY, &array));
    ENSURE(t, array.number == LINK_ITEMS, E_MALFORMED, "a link has %d items", LINK_ITEMS);
    for (size_t i = 0; i < LINK_ITEMS; i++)
        TRY(cbor_expect(t, &r, kinds[i], &items[i]));
    TRY(cbor_at_end(t, &r));
    *ret = (struct link){items[0].number, items[1].string, items[2].number, items[3].string,
                         items[4].string};
    return true;
}

bool link_read(struct task *t, struct bytes octets, struct link *ret)
{
    struct link link;
    if (!read_link_items(t, octets, &link))
        return fail(t, E_STORE_DAMAGED, "an audit link cannot be read: %s", t->detail);
    size_t about = link.kind == LINK_ENTRY ? SHA256_LEN : CHAIN_ID_LEN;
    ENSURE(t, link.kind == LINK_ENTRY || link.kind == LINK_NEW_CHAIN, E_STORE_DAMAGED,
           "an audit link is of no known kind");
    ENSURE(t,
           link.chain.len == CHAIN_ID_LEN && link.about.len == about &&
               (link.previous.len == SHA256_LEN || link.previous.len == 0),
           E_STORE_DAMAGED, "an audit link has strings of the wrong length");
    *ret = link;
    return true;
}

static struct bytes number_key(struct arena *arena, uint8_t prefix, uint64_t sequence)
{
    return key_join(arena, prefix, key_of_number(arena, sequence), BYTES_ABSENT);
}

/* Puts the link at the head's next place, and moves the head on. */
static bool put_link(struct task *t, struct tx *tx, enum link_kind kind, struct bytes about,
                     struct chain_head *head)
{
    uint64_t sequence = head->sequence + 1;
    const struct link link = {
        .kind = kind,
        .chain = BYTES_ARRAY(head->chain),
        .sequence = sequence,
        .about = about,
        .previous = head->sequence == 0 ? BYTES_LITERAL("") : BYTES_ARRAY(head->previous),
    };
    struct bytes octets = link_write(t->arena, &link);
    TRY(tx_put(t, tx, number_key(t->arena, PREFIX_AUDIT_LINK, sequence), octets));
    memcpy(head->previous, bytes_sha256(t->arena, octets).data, SHA256_LEN);
    head->sequence = sequence;
    return true;
}

static bool append_draft(struct task *t, struct tx *tx, const struct audit_draft *draft,
                         struct chain_head *head)
{
    TRY(put_link(t, tx, LINK_ENTRY, bytes_sha256(t->arena, draft->payload), head));
    TRY(tx_put(t, tx, number_key(t->arena, PREFIX_AUDIT_PAYLOAD, head->sequence), draft->payload));
    if (!bytes_present(draft->subject))
        return true;
    struct bytes place = key_join(t->arena, PREFIX_TIMELINE, draft->subject,
                                  key_of_number(t->arena, head->sequence));
    return tx_put(t, tx, place, BYTES_LITERAL(""));
}

bool chain_append(struct task *t, struct tx *tx, struct chain_head *head)
{
    for (const struct audit_draft *draft = tx->drafts; draft != NULL; draft = draft->next)
        TRY(append_draft(t, tx, draft, head));
    return true;
}

static void new_chain_id(struct task *t, struct chain_head *head)
{
    memcpy(head->chain, bytes_random(t->arena, CHAIN_ID_LEN).data, CHAIN_ID_LEN);
}

/* The last link: the last key of its prefix. */
static bool find_head(struct task *t, struct reader *r, struct engine_cursor *cursor,
                      struct chain_head *ret)
{
    struct bytes key;
    struct bytes octets;
    struct link link;
    TRY(r->engine->seek(t, cursor, number_key(t->arena, PREFIX_AUDIT_LINK, UINT64_MAX), true, &key,
                        &octets));
    *ret = (struct chain_head){.sequence = 0};
    if (key.len == 0 || key.data[0] != PREFIX_AUDIT_LINK) {
        new_chain_id(t, ret);
        return true;
    }
    TRY(link_read(t, octets, &link));
    ret->sequence = link.sequence;
    memcpy(ret->chain, link.chain.data, CHAIN_ID_LEN);
    memcpy(ret->previous, bytes_sha256(t->arena, octets).data, SHA256_LEN);
    ENSURE(t, bytes_equal(key, number_key(t->arena, PREFIX_AUDIT_LINK, link.sequence)),
           E_STORE_DAMAGED, "the last audit link stands in another's place");
    return true;
}

/* The head, and the home that the store remembers (NULL: none). */
static bool read_head(struct task *t, struct reader *r, struct chain_head *ret,
                      const char **ret_home)
{
    struct engine_cursor *cursor;
    struct bytes octets;
    struct place home = {.text = NULL};
    TRY(r->engine->get(t, r->tx, place_key(t->arena, HOME_NAME), &octets));
    if (bytes_present(octets) && !record_decode(t, &place_type, octets, &home))
        return fail(t, E_STORE_DAMAGED, "the setting %s: %s", HOME_NAME, t->detail);
    TRY(r->engine->cursor(t, r->tx, &cursor));
    bool found = find_head(t, r, cursor, ret);
    r->engine->cursor_close(cursor);
    *ret_home = home.text;
    return found;
}

static bool write_place(struct task *t, struct tx *tx, const struct place *place)
{
    struct bytes octets;
    TRY(record_encode(t, &place_type, place, &octets));
    return tx_put(t, tx, place_key(t->arena, place->name), octets);
}

/* The old chain is left behind: what happened since its end may be missing here. */
static bool leave_chain(struct task *t, struct tx *tx, struct bytes old, struct chain_head *head)
{
    TRY(put_link(t, tx, LINK_NEW_CHAIN, old, head));
    const struct place left = {
        .name = arena_printf(t->arena, LEFT_FORMAT, (unsigned long long)head->sequence),
        .number = (uint64_t)clock_wall(),
    };
    return write_place(t, tx, &left);
}

static bool begin_new_chain(struct task *t, struct tx *tx, const char *home,
                            struct chain_head *head)
{
    const uint8_t *old = bytes_copy(t->arena, BYTES_ARRAY(head->chain)).data;
    const struct place place = {.name = HOME_NAME, .text = home};
    new_chain_id(t, head);
    if (head->sequence > 0)
        TRY(leave_chain(t, tx, bytes_make(old, CHAIN_ID_LEN), head));
    return write_place(t, tx, &place);
}

static bool commit_new_chain(struct task *t, const struct engine *engine, void *handle,
                             const char *home, struct chain_head *head)
{
    struct tx tx = {.reader = {.engine = engine}};
    TRY(engine->begin(t, handle, NULL, &tx.reader.tx));
    if (begin_new_chain(t, &tx, home, head))
        return engine->commit(t, tx.reader.tx);
    engine->abort(tx.reader.tx);
    return false;
}

bool chain_open(struct task *t, const struct engine *engine, void *handle, struct chain_head *ret)
{
    struct reader reader = {.engine = engine};
    struct chain_head head;
    struct bytes here;
    const char *remembered;
    TRY(engine->home(t, handle, &here));
    TRY(engine->view(t, handle, &reader.tx));
    bool read = read_head(t, &reader, &head, &remembered);
    engine->abort(reader.tx);
    TRY(read);
    const char *home = bytes_to_hex(t->arena, here);
    if (remembered == NULL || strcmp(remembered, home) != 0)
        TRY(commit_new_chain(t, engine, handle, home, &head));
    *ret = head;
    return true;
}
