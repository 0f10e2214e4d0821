/* The admin API: places on the list of expected devices from a table. */
#include "core/base/clock.h"
#include "tests/unit/api_fixture.h"
#include "web/import.h"

#include <string.h>

static json_t *import(struct api_fixture *f, const char *query, const char *csv)
{
    const char *path = arena_printf(f->t->arena, "/v1/device-imports%s", query);
    struct api_answer answer = api_post_as(f, path, "text/csv", bytes_of_text(csv));
    if (answer.status != 200)
        fail_msg("%s", answer.text);
    return answer.json;
}

static void assert_report(json_t *report, int rows, int added, int unchanged, int bad, bool applied)
{
    const struct {
        const char *name;
        int value;
    } members[] = {{"rows", rows}, {"added", added}, {"unchanged", unchanged}, {"bad", bad}};
    for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
        int value = (int)json_integer_value(json_at(report, members[i].name));
        if (value != members[i].value)
            fail_msg("%s is %d, not %d", members[i].name, value, members[i].value);
    }
    assert_int_equal(json_is_true(json_object_get(report, "applied")), applied);
}

static void assert_error(json_t *report, size_t index, int line, const char *part)
{
    json_t *error = json_array_get(json_at(report, "errors"), index);
    const char *what = json_string_value(json_at(error, "what"));
    assert_int_equal(json_integer_value(json_at(error, "line")), line);
    if (strstr(what, part) == NULL)
        fail_msg("\"%s\" should be in \"%s\"", part, what);
}

static bool place_of(struct api_fixture *f, const char *serial, struct expected *ret)
{
    struct view *view CLEANUP(view_cleanup) = NULL;
    bool found = false;
    assert_ok(f->t, view_open(f->t, f->store, &view));
    assert_ok(f->t, table_find(f->t, view_reader(view), &expected_devices,
                               expected_key(f->t->arena, "acme", serial), ret, &found));
    return found;
}

static void table_becomes_places(void **state)
{
    struct api_fixture *f = api_fixture(state);
    struct expected place;
    put_manufacturer(f, "acme");
    json_t *report = import(f, "?file=order%2017.csv",
                            "Serial, Manufacturer ,note,Site,VLAN\r\n"
                            "A1,acme,\"desk 3, left\",Bonn,17\r\n"
                            "A2,acme,,,\r\n");
    assert_report(report, 2, 2, 0, 0, true);
    assert_true(place_of(f, "A1", &place));
    assert_string_equal(place.note, "desk 3, left");
    assert_string_equal(place.source, "csv:order 17.csv");
    assert_string_equal(place.added_by, own_actor(f->t));
    assert_true(place.added > clock_wall() - MINUTE_MS);
    const struct expected_column *columns = place.columns.items;
    assert_int_equal(place.columns.count, 2);
    assert_string_equal(columns[0].name, "site");
    assert_string_equal(columns[0].value, "Bonn");
    assert_string_equal(columns[1].name, "vlan");
    assert_true(place_of(f, "A2", &place));
    assert_null(place.note);
    assert_int_equal(place.columns.count, 0);
    assert_string_equal(last_event(f).name, "devices-imported");
    assert_non_null(strstr(last_event(f).detail, "csv:order 17.csv"));
}

static void dry_run_writes_nothing(void **state)
{
    struct api_fixture *f = api_fixture(state);
    struct expected place;
    put_manufacturer(f, "acme");
    json_t *report = import(f, "?dry-run=1", "serial,manufacturer\nA1,acme\nA2,other\n");
    assert_report(report, 2, 1, 0, 1, false);
    assert_error(report, 0, 3, "other");
    assert_false(place_of(f, "A1", &place));
}

static void it_is_all_or_nothing_unless_bad_rows_are_to_be_skipped(void **state)
{
    struct api_fixture *f = api_fixture(state);
    struct expected place;
    static const char csv[] = "serial,manufacturer\nA1,acme\n,acme\nA3,acme\n";
    put_manufacturer(f, "acme");
    assert_report(import(f, "", csv), 3, 2, 0, 1, false);
    assert_false(place_of(f, "A1", &place));
    assert_report(import(f, "?skip-bad=1", csv), 3, 2, 0, 1, true);
    assert_true(place_of(f, "A1", &place));
    assert_true(place_of(f, "A3", &place));
}

static void each_bad_row_is_told_with_its_line(void **state)
{
    struct api_fixture *f = api_fixture(state);
    put_manufacturer(f, "acme");
    put_expected(f, "acme", "T1", BYTES_ABSENT);
    json_t *report = import(f, "",
                            "serial,manufacturer,note,x\n"
                            ",acme,,\n"         /*  2 */
                            "A1,,,\n"           /*  3 */
                            "A1,nobody,,\n"     /*  4 */
                            "A1,acme,\"open,\n" /*  5 */
                            "A1,acme,,,more\n"  /*  6 */
                            " A1,acme,,\n"      /*  7 */
                            "A1,acme,\"two\n"   /*  8, */
                            "lines\",\n"        /*  9: the one good row */
                            "A1,acme,again,\n"  /* 10 */
                            "T1,acme,new note,\n" /* 11 */);
    assert_report(report, 9, 1, 0, 8, false);
    assert_error(report, 0, 2, "no serial number");
    assert_error(report, 1, 3, "no manufacturer");
    assert_error(report, 2, 4, "no manufacturer nobody");
    assert_error(report, 3, 5, "quote");
    assert_error(report, 4, 6, "column without a name");
    assert_error(report, 5, 7, "blanks");
    assert_error(report, 6, 10, "line 8 has the same");
    assert_error(report, 7, 11, "on the list already");
}

static void rows_that_are_on_the_list_just_so_do_no_harm(void **state)
{
    struct api_fixture *f = api_fixture(state);
    static const char csv[] = "serial,manufacturer,note,site\nA1,acme,n,Bonn\nA2,acme,,\n";
    put_manufacturer(f, "acme");
    assert_report(import(f, "?file=a.csv", csv), 2, 2, 0, 0, true);
    assert_report(import(f, "?file=b.csv", csv), 2, 0, 2, 0, true);
    json_t *report = import(f, "", "serial,manufacturer,site\nA1,acme,Cologne\n");
    assert_report(report, 1, 0, 0, 1, false);
    assert_error(report, 0, 2, "csv:a.csv");
}

static void list_of_one_manufacturer_has_no_others_devices(void **state)
{
    struct api_fixture *f = api_fixture(state);
    struct expected place;
    put_manufacturer(f, "acme");
    put_manufacturer(f, "other");
    json_t *report =
        import(f, "?manufacturer=acme", "serial,manufacturer\nA1,\nA2,acme\nA3,other\n");
    assert_report(report, 3, 2, 0, 1, false);
    assert_error(report, 0, 4, "list is of manufacturer acme");
    assert_report(import(f, "?manufacturer=acme", "serial\nA1\n"), 1, 1, 0, 0, true);
    assert_true(place_of(f, "A1", &place));
}

static void device_that_was_turned_away_learns_of_its_place(void **state)
{
    struct api_fixture *f = api_fixture(state);
    put_manufacturer(f, "acme");
    struct bytes id = put_device(f, "acme", "A1", 1, BYTES_ABSENT);
    (void)import(f, "?file=a.csv", "serial,manufacturer\nA1,acme\n");
    json_t *timeline = json_at(
        api_get(f, arena_printf(f->t->arena, "/v1/devices/%s", bytes_to_hex(f->t->arena, id))).json,
        "timeline");
    assert_json_text(timeline, "0.event", "device-expected");
    assert_non_null(strstr(json_string_value(json_at(timeline, "0.detail")), "csv:a.csv"));
}

static void file_that_is_no_such_table_is_refused(void **state)
{
    struct api_fixture *f = api_fixture(state);
    const struct {
        const char *csv;
        const char *part;
    } cases[] = {
        {"", "empty"},
        {"\n\n", "empty"},
        {"A1,acme\nA2,acme\n", "names no column"},
        {"serial,note,Note\nA1,,\n", "two columns note"},
        {"serial,serial-number\nA1,\n", "two columns"},
        {"serial,site,SITE\nA1,,\n", "two columns site"},
        {"\"serial\n", "line 1"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct api_answer answer =
            api_post_as(f, "/v1/device-imports", "text/csv", bytes_of_text(cases[i].csv));
        assert_problem(&answer, 400, "invalid", cases[i].part);
    }
    struct api_answer json = api_post(f, "/v1/device-imports", "{}");
    assert_int_equal(json.status, 415);
}

/* ---- Many rows ---- */

static const char *many_rows(struct task *t, unsigned count, unsigned note)
{
    size_t room = (size_t)count * (note + 32) + 64;
    char *csv = arena_alloc(t->arena, room);
    size_t len = (size_t)snprintf(csv, room, "serial,note\n");
    for (unsigned i = 0; i < count; i++)
        len += (size_t)snprintf(csv + len, room - len, "S%07u,%0*u\n", i, (int)note, i);
    return csv;
}

static uint64_t count_places(struct api_fixture *f)
{
    struct view *view CLEANUP(view_cleanup) = NULL;
    uint64_t count = 0;
    assert_ok(f->t, view_open(f->t, f->store, &view));
    struct table_scan scan = table_scan(f->t, view, &expected_devices, BYTES_ABSENT);
    for (;; count++) {
        struct expected place;
        bool found = false;
        assert_ok(f->t, table_scan_next(f->t, &scan, &place, &found));
        if (!found)
            return count;
    }
}

static void many_rows_take_several_updates(void **state)
{
    struct api_fixture *f = api_fixture(state);
    put_manufacturer(f, "acme");
    unsigned rows = 2 * IMPORT_BATCH + 10;
    uint64_t before = store_figures(f->store).updates;
    json_t *report = import(f, "?manufacturer=acme", many_rows(f->t, rows, 1));
    assert_report(report, (int)rows, (int)rows, 0, 0, true);
    assert_int_equal(store_figures(f->store).updates - before, 3);
    assert_int_equal(count_places(f), rows);
}

/* The fixture's store is small: it is full before the end. */
static void what_was_written_is_taken_back_when_the_store_fails(void **state)
{
    struct api_fixture *f = api_fixture(state);
    put_manufacturer(f, "acme");
    put_expected(f, "acme", "KEPT", BYTES_ABSENT);
    const struct import_options options = {.manufacturer = "acme", .actor = "admin:tester"};
    struct import_report report;
    const char *csv = many_rows(f->t, 20000, 1000);
    assert_fails(f->t, import_devices(f->t, f->store, bytes_of_text(csv), &options, &report),
                 E_STORE_FULL);
    assert_non_null(strstr(f->t->detail, "nothing was imported"));
    task_forgive(f->t);
    assert_int_equal(count_places(f), 1);
    assert_string_equal(last_event(f).name, "import-taken-back");
}

static void errors_that_are_told_one_by_one_are_bounded(void **state)
{
    struct api_fixture *f = api_fixture(state);
    json_t *report = import(f, "?manufacturer=nobody", many_rows(f->t, IMPORT_ERRORS_MAX + 5, 1));
    assert_report(report, IMPORT_ERRORS_MAX + 5, 0, 0, IMPORT_ERRORS_MAX + 5, false);
    assert_int_equal(json_array_size(json_at(report, "errors")), IMPORT_ERRORS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(table_becomes_places),
        UNIT_TEST(dry_run_writes_nothing),
        UNIT_TEST(it_is_all_or_nothing_unless_bad_rows_are_to_be_skipped),
        UNIT_TEST(each_bad_row_is_told_with_its_line),
        UNIT_TEST(rows_that_are_on_the_list_just_so_do_no_harm),
        UNIT_TEST(list_of_one_manufacturer_has_no_others_devices),
        UNIT_TEST(device_that_was_turned_away_learns_of_its_place),
        UNIT_TEST(file_that_is_no_such_table_is_refused),
        UNIT_TEST(many_rows_take_several_updates),
        UNIT_TEST(what_was_written_is_taken_back_when_the_store_fails),
        UNIT_TEST(errors_that_are_told_one_by_one_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
