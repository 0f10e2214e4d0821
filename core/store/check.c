#include "core/store/check.h"

#include "core/store/internal.h"

#define NUMBER_LEN 8

/* One walk over all keys.  Each key is looked at in the scratch task, whose arena is rewound after
 * it; findings are kept in the caller's. */
struct check {
    struct task *task;
    struct task scratch;
    struct view *view;
    const struct table *const *tables;
    struct check_report *report;
};

static void note(struct check *c, struct bytes key, const char *what)
{
    struct check_report *report = c->report;
    if (report->finding_count < CHECK_FINDINGS_MAX)
        report->findings[report->finding_count] = (struct check_finding){
            bytes_to_hex(c->task->arena, key), arena_strdup(c->task->arena, what)};
    report->finding_count++;
}

/* The problem at hand is damage, and noted; or it is a failure to read, and the check's own. */
static bool note_damage(struct check *c, struct bytes key)
{
    struct task *s = &c->scratch;
    if (!task_failed_with(s, E_STORE_DAMAGED) && !task_failed_with(s, E_INVALID))
        return fail(c->task, s->problem, "%s", s->detail);
    note(c, key, s->detail);
    task_forgive(s);
    return true;
}

static const struct table *table_with(const struct check *c, uint8_t prefix)
{
    for (const struct table *const *table = c->tables; *table != NULL; table++) {
        if ((*table)->prefix == prefix)
            return *table;
    }
    return NULL;
}

static const struct table *table_with_index(const struct check *c, uint8_t prefix,
                                            const struct table_index **ret_index)
{
    for (const struct table *const *table = c->tables; *table != NULL; table++) {
        for (size_t i = 0; i < (*table)->index_count; i++) {
            if ((*table)->indexes[i].prefix != prefix)
                continue;
            *ret_index = &(*table)->indexes[i];
            return *table;
        }
    }
    return NULL;
}

/* Each index that should name the record does. */
static bool check_entries(struct task *s, struct reader *r, const struct table *table,
                          const void *record, struct bytes key)
{
    for (size_t i = 0; i < table->index_count; i++) {
        struct bytes entry = key_of_entry(s->arena, &table->indexes[i], record, key);
        struct bytes named = key;
        if (bytes_present(entry))
            TRY(reader_get(s, r, entry, &named));
        ENSURE(s, bytes_equal(named, key), E_STORE_DAMAGED, "its entry in index '%c' is %s",
               table->indexes[i].prefix, bytes_present(named) ? "another record's" : "missing");
    }
    return true;
}

static bool check_record(struct check *c, const struct table *table, struct bytes key,
                         struct bytes value)
{
    struct task *s = &c->scratch;
    void *record = arena_alloc(s->arena, table->type->size);
    c->report->records++;
    if (!record_decode(s, table->type, value, record))
        return fail(s, E_STORE_DAMAGED, "the %s cannot be read: %s", table->type->name, s->detail);
    TRY(record_check(s, table->type, record));
    ENSURE(s, bytes_equal(table->key_of(s->arena, record), key), E_STORE_DAMAGED,
           "the %s stands under another's key", table->type->name);
    return check_entries(s, view_reader(c->view), table, record, key);
}

static bool check_entry(struct check *c, const struct table *table, const struct table_index *index,
                        struct bytes entry, struct bytes record_key)
{
    struct task *s = &c->scratch;
    struct reader *r = view_reader(c->view);
    void *record = arena_alloc(s->arena, table->type->size);
    bool found;
    c->report->index_entries++;
    ENSURE(s, record_key.len > 0, E_STORE_DAMAGED, "the index entry names no record");
    if (!table_find(s, r, table, record_key, record, &found))
        return fail_context(s, "the index entry leads to a damaged record");
    ENSURE(s, found, E_STORE_DAMAGED, "the index entry leads to no %s", table->type->name);
    ENSURE(s, bytes_equal(key_of_entry(s->arena, index, record, record_key), entry),
           E_STORE_DAMAGED, "the %s that the index entry leads to does not have it",
           table->type->name);
    return true;
}

/* The key: B, table prefix, record key, blob number. */
static bool check_blob(struct check *c, struct bytes key)
{
    struct task *s = &c->scratch;
    struct bytes cbor;
    c->report->blobs++;
    const struct table *table = key.len > 3 ? table_with(c, key.data[1]) : NULL;
    ENSURE(s, table != NULL, E_STORE_DAMAGED, "the octets belong to no table");
    uint8_t blob = key.data[key.len - 1];
    ENSURE(s, blob >= 1 && blob <= table->blobs, E_STORE_DAMAGED, "a %s has no octets number %u",
           table->type->name, blob);
    struct bytes place = bytes_make(key.data + 1, key.len - 2);
    TRY(reader_get(s, view_reader(c->view), place, &cbor));
    ENSURE(s, bytes_present(cbor), E_STORE_DAMAGED, "the octets belong to a %s that is not there",
           table->type->name);
    return true;
}

/* Payloads and timeline entries have a link; the links themselves are audit_verify()'s. */
static bool check_audit(struct check *c, struct bytes key)
{
    struct task *s = &c->scratch;
    struct bytes link;
    size_t expected =
        key.data[0] == PREFIX_TIMELINE ? 1 + SUBJECT_LEN + NUMBER_LEN : 1 + NUMBER_LEN;
    ENSURE(s, key.len == expected, E_STORE_DAMAGED, "an audit key of %zu octets", key.len);
    struct bytes number = bytes_make(key.data + key.len - NUMBER_LEN, NUMBER_LEN);
    TRY(reader_get(s, view_reader(c->view),
                   key_join(s->arena, PREFIX_AUDIT_LINK, number, BYTES_ABSENT), &link));
    ENSURE(s, bytes_present(link), E_STORE_DAMAGED, "the audit chain has no such entry");
    return true;
}

static bool check_key(struct check *c, struct bytes key, struct bytes value)
{
    const struct table_index *index;
    const struct table *table = table_with(c, key.data[0]);
    if (table != NULL)
        return check_record(c, table, bytes_make(key.data + 1, key.len - 1), value);
    table = table_with_index(c, key.data[0], &index);
    if (table != NULL)
        return check_entry(c, table, index, key, value);
    switch (key.data[0]) {
    case PREFIX_BLOB:
        return check_blob(c, key);
    case PREFIX_AUDIT_PAYLOAD:
    case PREFIX_AUDIT_LINK:
    case PREFIX_TIMELINE:
        return check_audit(c, key);
    default:
        return fail(&c->scratch, E_STORE_DAMAGED, "nothing has keys that begin with octet %u",
                    key.data[0]);
    }
}

static bool check_keys(struct check *c)
{
    struct task *s = &c->scratch;
    struct scan scan = {.view = c->view};
    struct arena_mark mark = arena_mark(s->arena);
    struct bytes key;
    struct bytes value;
    bool found;
    for (;; c->report->keys++) {
        arena_rewind(s->arena, mark);
        if (!scan_next(s, &scan, &key, &value, &found))
            return fail(c->task, s->problem, "%s", s->detail);
        if (!found)
            return true;
        if (!check_key(c, key, value))
            TRY(note_damage(c, key));
    }
}

static bool check_chain(struct check *c)
{
    const uint8_t prefix = PREFIX_AUDIT_LINK;
    if (audit_verify(&c->scratch, c->view, &c->report->audit))
        return true;
    return note_damage(c, bytes_make(&prefix, 1));
}

bool store_check(struct task *t, struct store *store, const struct table *const *tables,
                 struct check_report *ret)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    CLEANUP(arena_cleanup) struct arena *arena = arena_create();
    struct check_report report = {
        .findings = arena_array(t->arena, CHECK_FINDINGS_MAX, sizeof(struct check_finding))};
    struct check check = {.task = t, .scratch = *t, .tables = tables, .report = &report};
    check.scratch.arena = arena;
    TRY(view_open(t, store, &view));
    check.view = view;
    TRY(check_keys(&check));
    TRY(check_chain(&check));
    *ret = report;
    return true;
}
