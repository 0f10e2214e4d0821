#include "core/store/audit.h"

#include "core/base/cbor.h"
#include "core/base/file.h"
#include "core/store/prefixes.h"
#include "core/store/table.h"
#include "tests/unit/store_fixture.h"

#include <pthread.h>
#include <string.h>

#define FILE_MAX (64UL * 1024 * 1024)

static const uint8_t subject_a[SUBJECT_LEN] = {0xAA};
static const uint8_t subject_b[SUBJECT_LEN] = {0xBB};

struct entries {
    struct bytes subject;
    const char *name;
    int count;
    bool fails;
};

static bool add_entries(struct task *t, struct tx *tx, void *arg)
{
    const struct entries *e = arg;
    for (int i = 0; i < e->count; i++)
        TRY(tx_audit(t, tx, e->subject,
                     bytes_of_text(arena_printf(t->arena, "%s %d", e->name, i))));
    return !e->fails || fail(t, E_DENIED, "asked to fail");
}

static void add(struct task *t, struct store *store, struct bytes subject, const char *name,
                int count)
{
    struct entries entries = {subject, name, count, false};
    assert_ok(t, store_update(t, store, add_entries, &entries));
}

/* Six entries: 1 to 3 of subject a, 4 of b, 5 of nobody, 6 of a. */
static struct store *open_with_entries(void **state)
{
    struct task *t = test_task(state);
    struct store *store = store_fixture_open(state);
    add(t, store, BYTES_ARRAY(subject_a), "first", 3);
    add(t, store, BYTES_ARRAY(subject_b), "other", 1);
    add(t, store, BYTES_ABSENT, "nobody's", 1);
    add(t, store, BYTES_ARRAY(subject_a), "last", 1);
    return store;
}

static struct audit_report verify(struct task *t, struct store *store)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    struct audit_report report = {0};
    assert_ok(t, view_open(t, store, &view));
    assert_ok(t, audit_verify(t, view, &report));
    return report;
}

/* "sequence:payload" of each entry, "-" for a forgotten one. */
static const char *timeline(struct task *t, struct store *store, struct bytes subject,
                            bool backwards)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    struct audit_entry entry;
    const char *text = "";
    bool found = false;
    assert_ok(t, view_open(t, store, &view));
    struct scan scan = audit_timeline(t, view, subject, backwards);
    for (;;) {
        assert_ok(t, audit_timeline_next(t, &scan, &entry, &found));
        if (!found)
            return text;
        text = arena_printf(t->arena, "%s%d:%s, ", text, (int)entry.sequence,
                            bytes_present(entry.payload) ? bytes_to_text(t->arena, entry.payload)
                                                         : "-");
    }
}

static void timeline_shows_a_subjects_entries_in_order(void **state)
{
    struct task *t = test_task(state);
    struct store *store = open_with_entries(state);
    assert_string_equal(timeline(t, store, BYTES_ARRAY(subject_a), false),
                        "1:first 0, 2:first 1, 3:first 2, 6:last 0, ");
    assert_string_equal(timeline(t, store, BYTES_ARRAY(subject_a), true),
                        "6:last 0, 3:first 2, 2:first 1, 1:first 0, ");
    assert_string_equal(timeline(t, store, BYTES_ARRAY(subject_b), true), "4:other 0, ");
    store_close(store);
}

static void entries_are_found_by_number(void **state)
{
    struct task *t = test_task(state);
    struct store *store = open_with_entries(state);
    struct view *view = NULL;
    struct audit_entry entry;
    assert_ok(t, view_open(t, store, &view));
    assert_ok(t, audit_get(t, view_reader(view), 5, &entry));
    assert_int_equal(entry.sequence, 5);
    assert_bytes_equal(t, entry.payload, BYTES_LITERAL("nobody's 0"));
    assert_fails(t, audit_get(t, view_reader(view), 7, &entry), E_NOT_FOUND);
    assert_fails(t, audit_get(t, view_reader(view), 0, &entry), E_NOT_FOUND);
    view_close(view);
    store_close(store);
}

static void chain_goes_on_after_reopening(void **state)
{
    struct task *t = test_task(state);
    struct store *store = open_with_entries(state);
    store_close(store);
    store = store_fixture_open(state);
    add(t, store, BYTES_ABSENT, "later", 2);
    struct audit_report report = verify(t, store);
    assert_int_equal(report.entries, 8);
    assert_int_equal(report.chains, 1);
    assert_int_equal(report.forgotten, 0);
    store_close(store);
}

static void empty_trail_is_whole(void **state)
{
    struct task *t = test_task(state);
    struct store *store = store_fixture_open(state);
    struct audit_report report = verify(t, store);
    assert_int_equal(report.entries, 0);
    assert_int_equal(report.chains, 0);
    store_close(store);
}

static void failed_update_leaves_no_entry_and_no_gap(void **state)
{
    struct task *t = test_task(state);
    struct store *store = open_with_entries(state);
    struct entries failing = {BYTES_ABSENT, "never", 2, true};
    assert_fails(t, store_update(t, store, add_entries, &failing), E_DENIED);
    add(t, store, BYTES_ARRAY(subject_b), "after", 1);
    assert_string_equal(timeline(t, store, BYTES_ARRAY(subject_b), false),
                        "4:other 0, 7:after 0, ");
    assert_int_equal(verify(t, store).entries, 7);
    store_close(store);
}

#define THREADS 8
#define ROUNDS  20

struct clerk {
    struct store *store;
    pthread_t thread;
    int done;
};

static void *clerk_main(void *arg)
{
    struct clerk *c = arg;
    CLEANUP(arena_cleanup) struct arena *arena = arena_create();
    struct task t;
    task_init(&t, arena, NULL);
    for (int i = 0; i < ROUNDS; i++) {
        struct entries entries = {BYTES_ARRAY(subject_a), "entry", 2, i % 5 == 4};
        c->done += store_update(&t, c->store, add_entries, &entries);
    }
    return NULL;
}

static void entries_of_updates_that_share_a_commit_are_linked_one_by_one(void **state)
{
    struct task *t = test_task(state);
    struct store *store = store_fixture_open(state);
    struct clerk clerks[THREADS];
    for (int i = 0; i < THREADS; i++) {
        clerks[i] = (struct clerk){.store = store};
        assert_int_equal(pthread_create(&clerks[i].thread, NULL, clerk_main, &clerks[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        (void)pthread_join(clerks[i].thread, NULL);
        assert_int_equal(clerks[i].done, ROUNDS / 5 * 4);
    }
    assert_true(store_figures(store).commits < store_figures(store).updates);
    assert_int_equal(verify(t, store).entries, 2 * THREADS * ROUNDS / 5 * 4);
    store_close(store);
}

static bool outer_fails;

static bool failing_commit(struct task *t, struct engine_tx *tx)
{
    if (!outer_fails)
        return lmdb_engine.commit(t, tx);
    lmdb_engine.abort(tx);
    return fail(t, E_STORE, "the disk is on fire");
}

static void head_stays_where_it_was_when_the_commit_fails(void **state)
{
    static struct engine engine;
    struct task *t = test_task(state);
    const struct store_options options = store_fixture_options(state);
    struct store *store = NULL;
    struct entries entries = {BYTES_ABSENT, "lost", 2, false};
    engine = lmdb_engine;
    engine.commit = failing_commit;
    outer_fails = false;
    assert_ok(t, store_open_on(t, &engine, &options, &store));
    add(t, store, BYTES_ABSENT, "kept", 1);
    outer_fails = true;
    assert_fails(t, store_update(t, store, add_entries, &entries), E_STORE);
    outer_fails = false;
    add(t, store, BYTES_ABSENT, "kept", 1);
    assert_int_equal(verify(t, store).entries, 2);
    store_close(store);
}

static bool audit_with_odd_subject(struct task *t, struct tx *tx, void *arg)
{
    (void)arg;
    return tx_audit(t, tx, BYTES_LITERAL("short"), BYTES_LITERAL("payload"));
}

static void subjects_have_one_length(void **state)
{
    struct task *t = test_task(state);
    struct store *store = store_fixture_open(state);
    assert_fails(t, store_update(t, store, audit_with_odd_subject, NULL), E_INTERNAL);
    assert_fails(t, audit_forget(t, store, BYTES_LITERAL("short"), UINT64_MAX), E_INTERNAL);
    store_close(store);
}

/* ---- The stored form ---- */

static struct bytes key_of(struct task *t, enum store_prefix prefix, uint64_t sequence)
{
    const uint8_t octet = (uint8_t)prefix;
    const struct bytes parts[] = {bytes_make(&octet, 1), key_of_number(t->arena, sequence)};
    return bytes_concat(t->arena, parts, ARRAY_SIZE(parts));
}

static struct bytes stored(void **state, struct store *store, struct bytes key)
{
    struct task *t = test_task(state);
    CLEANUP(view_cleanup) struct view *view = NULL;
    struct bytes value = BYTES_ABSENT;
    assert_ok(t, view_open(t, store, &view));
    assert_ok(t, reader_get(t, view_reader(view), key, &value));
    assert_true(bytes_present(value));
    return value;
}

/* The items of a link, read independently of the code that wrote it. */
static void read_link(struct task *t, struct bytes octets, struct cbor_item items[5])
{
    struct cbor_reader r = cbor_reader_of(octets);
    assert_ok(t, cbor_expect(t, &r, CBOR_ITEM_ARRAY, &items[0]));
    assert_int_equal(items[0].number, 5);
    for (int i = 0; i < 5; i++)
        assert_ok(t, cbor_next(t, &r, &items[i]));
    assert_ok(t, cbor_at_end(t, &r));
}

static void links_are_what_the_header_says(void **state)
{
    struct task *t = test_task(state);
    struct store *store = open_with_entries(state);
    struct bytes first = stored(state, store, key_of(t, PREFIX_AUDIT_LINK, 1));
    struct bytes second = stored(state, store, key_of(t, PREFIX_AUDIT_LINK, 2));
    struct cbor_item a[5];
    struct cbor_item b[5];
    read_link(t, first, a);
    read_link(t, second, b);
    assert_int_equal(b[0].number, 1);
    assert_int_equal(b[1].string.len, 16);
    assert_bytes_equal(t, b[1].string, a[1].string);
    assert_int_equal(b[2].number, 2);
    assert_bytes_equal(t, b[3].string, bytes_sha256(t->arena, BYTES_LITERAL("first 1")));
    assert_bytes_equal(t, b[4].string, bytes_sha256(t->arena, first));
    assert_int_equal(a[4].string.len, 0); /* nothing is before the first */
    store_close(store);
}

static void copy_begins_a_new_chain_that_names_the_old(void **state)
{
    struct task *t = test_task(state);
    struct store *store = open_with_entries(state);
    struct bytes last = stored(state, store, key_of(t, PREFIX_AUDIT_LINK, 6));
    const struct store_options options = store_fixture_options(state);
    const char *path = arena_printf(t->arena, "%s/data.mdb", options.path);
    struct bytes content = BYTES_ABSENT;
    struct cbor_item old[5];
    struct cbor_item new[5];
    store_close(store);
    assert_ok(t, file_read(t, path, FILE_MAX, &content));
    assert_ok(t, file_write(t, path, content, 0600)); /* another file in its place */
    store = store_fixture_open(state);
    add(t, store, BYTES_ABSENT, "after the restore", 1);
    read_link(t, last, old);
    read_link(t, stored(state, store, key_of(t, PREFIX_AUDIT_LINK, 7)), new);
    assert_int_equal(new[0].number, 2);
    assert_int_equal(new[2].number, 7);
    assert_bytes_equal(t, new[3].string, old[1].string);
    assert_bytes_equal(t, new[4].string, bytes_sha256(t->arena, last));
    assert_false(bytes_equal(new[1].string, old[1].string));
    struct audit_report report = verify(t, store);
    assert_int_equal(report.chains, 2);
    assert_int_equal(report.entries, 7);
    assert_int_equal(report.forgotten, 0);
    store_close(store);
    store = store_fixture_open(state); /* it has settled in its new home */
    assert_int_equal(verify(t, store).chains, 2);
    store_close(store);
}

/* ---- Forgetting ---- */

static void forgetting_leaves_the_chain_whole(void **state)
{
    struct task *t = test_task(state);
    struct store *store = open_with_entries(state);
    add(t, store, BYTES_ARRAY(subject_a), "many", 600); /* more than one update forgets */
    assert_ok(t, audit_forget(t, store, BYTES_ARRAY(subject_a), UINT64_MAX));
    struct audit_report report = verify(t, store);
    assert_int_equal(report.entries, 606);
    assert_int_equal(report.forgotten, 604);
    assert_string_equal(timeline(t, store, BYTES_ARRAY(subject_b), false), "4:other 0, ");
    struct view *view = NULL;
    struct audit_entry entry;
    assert_ok(t, view_open(t, store, &view));
    assert_ok(t, audit_get(t, view_reader(view), 606, &entry));
    assert_false(bytes_present(entry.payload));
    view_close(view);
    add(t, store, BYTES_ARRAY(subject_a), "anew", 1);
    assert_int_equal(verify(t, store).forgotten, 604);
    assert_ok(t, audit_forget(t, store, BYTES_ARRAY(subject_a), UINT64_MAX));
    assert_int_equal(verify(t, store).forgotten, 605);
    store_close(store);
}

static void what_came_from_an_entry_on_is_kept(void **state)
{
    struct task *t = test_task(state);
    struct store *store = open_with_entries(state);
    add(t, store, BYTES_ARRAY(subject_a), "many", 600);
    assert_ok(t, audit_forget(t, store, BYTES_ARRAY(subject_a), 605));
    assert_int_equal(verify(t, store).forgotten, 602);
    assert_ok(t, audit_forget(t, store, BYTES_ARRAY(subject_a), 605));
    assert_int_equal(verify(t, store).forgotten, 602);
    assert_ok(t, audit_forget(t, store, BYTES_ARRAY(subject_b), 0));
    assert_int_equal(verify(t, store).forgotten, 602);
    store_close(store);
}

/* ---- Tampering ---- */

static void expect_damage(void **state, const char *what)
{
    struct task *t = test_task(state);
    struct store_options options = store_fixture_options(state);
    struct store *store = NULL;
    struct view *view = NULL;
    struct audit_report report = {0};
    options.read_only = true;
    assert_ok(t, store_open(t, &options, &store));
    assert_ok(t, view_open(t, store, &view));
    assert_fails(t, audit_verify(t, view, &report), E_STORE_DAMAGED);
    assert_detail(t, what);
    view_close(view);
    store_close(store);
}

static void changed_payload_is_found(void **state)
{
    struct task *t = test_task(state);
    store_close(open_with_entries(state));
    store_fixture_damage(state, key_of(t, PREFIX_AUDIT_PAYLOAD, 2), BYTES_LITERAL("first 7"));
    expect_damage(state, "2: its payload");
}

static void exchanged_payloads_are_found(void **state)
{
    struct task *t = test_task(state);
    store_close(open_with_entries(state));
    store_fixture_damage(state, key_of(t, PREFIX_AUDIT_PAYLOAD, 2), BYTES_LITERAL("first 2"));
    store_fixture_damage(state, key_of(t, PREFIX_AUDIT_PAYLOAD, 3), BYTES_LITERAL("first 1"));
    expect_damage(state, "2: its payload");
}

static void added_payload_is_found(void **state)
{
    struct task *t = test_task(state);
    store_close(open_with_entries(state));
    store_fixture_damage(state, key_of(t, PREFIX_AUDIT_PAYLOAD, 99), BYTES_LITERAL("forged"));
    expect_damage(state, "without a link");
}

static void missing_link_is_found(void **state)
{
    struct task *t = test_task(state);
    store_close(open_with_entries(state));
    store_fixture_damage(state, key_of(t, PREFIX_AUDIT_LINK, 3), BYTES_ABSENT);
    expect_damage(state, "3: its link is missing");
}

static void missing_first_link_is_found(void **state)
{
    struct task *t = test_task(state);
    store_close(open_with_entries(state));
    store_fixture_damage(state, key_of(t, PREFIX_AUDIT_LINK, 1), BYTES_ABSENT);
    expect_damage(state, "1: its link is missing");
}

static void unreadable_link_is_found(void **state)
{
    struct task *t = test_task(state);
    store_close(open_with_entries(state));
    store_fixture_damage(state, key_of(t, PREFIX_AUDIT_LINK, 3), BYTES_LITERAL("\x85\x01"));
    expect_damage(state, "link cannot be read");
}

static void exchanged_links_are_found(void **state)
{
    struct task *t = test_task(state);
    struct store *store = open_with_entries(state);
    struct bytes second = stored(state, store, key_of(t, PREFIX_AUDIT_LINK, 2));
    struct bytes third = stored(state, store, key_of(t, PREFIX_AUDIT_LINK, 3));
    store_close(store);
    store_fixture_damage(state, key_of(t, PREFIX_AUDIT_LINK, 2), third);
    store_fixture_damage(state, key_of(t, PREFIX_AUDIT_LINK, 3), second);
    expect_damage(state, "another's place");
}

/* A link with another payload's digest, in an otherwise right form. */
static void rewritten_link_is_found_by_the_next(void **state)
{
    struct task *t = test_task(state);
    struct store *store = open_with_entries(state);
    struct bytes link = stored(state, store, key_of(t, PREFIX_AUDIT_LINK, 2));
    struct bytes digest = bytes_sha256(t->arena, BYTES_LITERAL("first 1"));
    uint8_t *at = memmem(link.data, link.len, digest.data, digest.len);
    store_close(store);
    assert_non_null(at);
    memcpy(at, bytes_sha256(t->arena, BYTES_LITERAL("forged")).data, SHA256_LEN);
    store_fixture_damage(state, key_of(t, PREFIX_AUDIT_LINK, 2), link);
    store_fixture_damage(state, key_of(t, PREFIX_AUDIT_PAYLOAD, 2), BYTES_LITERAL("forged"));
    expect_damage(state, "3: its link does not follow");
}

static void timeline_entry_without_a_link_is_damage(void **state)
{
    struct task *t = test_task(state);
    struct store *store = open_with_entries(state);
    struct view *view = NULL;
    struct audit_entry entry;
    bool found = false;
    store_close(store);
    const struct bytes parts[] = {BYTES_LITERAL("t"), BYTES_ARRAY(subject_b),
                                  key_of_number(t->arena, 99)};
    store_fixture_damage(state, bytes_concat(t->arena, parts, 3), BYTES_LITERAL(""));
    store = store_fixture_open(state);
    assert_ok(t, view_open(t, store, &view));
    struct scan scan = audit_timeline(t, view, BYTES_ARRAY(subject_b), true);
    assert_fails(t, audit_timeline_next(t, &scan, &entry, &found), E_STORE_DAMAGED);
    view_close(view);
    store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(timeline_shows_a_subjects_entries_in_order),
        UNIT_TEST(entries_are_found_by_number),
        UNIT_TEST(chain_goes_on_after_reopening),
        UNIT_TEST(empty_trail_is_whole),
        UNIT_TEST(failed_update_leaves_no_entry_and_no_gap),
        UNIT_TEST(entries_of_updates_that_share_a_commit_are_linked_one_by_one),
        UNIT_TEST(head_stays_where_it_was_when_the_commit_fails),
        UNIT_TEST(subjects_have_one_length),
        UNIT_TEST(links_are_what_the_header_says),
        UNIT_TEST(copy_begins_a_new_chain_that_names_the_old),
        UNIT_TEST(forgetting_leaves_the_chain_whole),
        UNIT_TEST(what_came_from_an_entry_on_is_kept),
        UNIT_TEST(changed_payload_is_found),
        UNIT_TEST(exchanged_payloads_are_found),
        UNIT_TEST(added_payload_is_found),
        UNIT_TEST(missing_link_is_found),
        UNIT_TEST(missing_first_link_is_found),
        UNIT_TEST(unreadable_link_is_found),
        UNIT_TEST(exchanged_links_are_found),
        UNIT_TEST(rewritten_link_is_found_by_the_next),
        UNIT_TEST(timeline_entry_without_a_link_is_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
