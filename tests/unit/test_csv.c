/* CSV, as RFC 4180 has it and as spreadsheets write it. */
#include "core/base/csv.h"
#include "tests/unit/support.h"

#include <string.h>

/* All rows as text: fields with "|" between them, each row with its line, "!" for a bad one. */
static const char *read_all(struct task *t, struct bytes octets)
{
    struct csv csv = csv_open(octets);
    const char *all = "";
    for (;;) {
        struct csv_row row;
        bool found = true;
        bool good = csv_next(t, &csv, &row, &found);
        if (!found)
            return all;
        all = arena_printf(t->arena, "%s%s%u:", all, *all == '\0' ? "" : " ", row.line);
        for (size_t i = 0; good && i < row.count; i++)
            all = arena_printf(t->arena, "%s%s%s", all, i == 0 ? "" : "|", row.fields[i]);
        if (!good)
            all = arena_printf(t->arena, "%s!", all);
    }
}

static void rows_are_read_as_spreadsheets_write_them(void **state)
{
    struct task *t = test_task(state);
    const struct {
        struct bytes octets;
        const char *rows;
    } cases[] = {
        {BYTES_LITERAL(""), ""},
        {BYTES_LITERAL("\n\r\n\r"), ""},
        {BYTES_LITERAL("a,b\n1,2\n"), "1:a|b 2:1|2"},
        {BYTES_LITERAL("a,b\r\n1,2\r\n"), "1:a|b 2:1|2"},
        {BYTES_LITERAL("a,b\r1,2"), "1:a|b 2:1|2"},
        {BYTES_LITERAL("a\n\n\nb"), "1:a 4:b"},
        {BYTES_LITERAL("\xEF\xBB\xBF"
                       "a,b\n"),
         "1:a|b"},
        {BYTES_LITERAL("a,,\n,b,\n,,"), "1:a|| 2:|b| 3:||"},
        {BYTES_LITERAL("\"a\",\"b,c\"\n"), "1:a|b,c"},
        {BYTES_LITERAL("\"say \"\"yes\"\"\",2\n"), "1:say \"yes\"|2"},
        {BYTES_LITERAL("\"two\r\nlines\",x\ny"), "1:two\nlines|x 3:y"},
        {BYTES_LITERAL("\"\",\"\""), "1:|"},
        {BYTES_LITERAL(" a , b "), "1: a | b "}, /* RFC 4180: blanks are part of a field */
        {BYTES_LITERAL("a;b\n1;2,3"), "1:a|b 2:1|2,3"},
        {BYTES_LITERAL("a\tb\n1\t2"), "1:a|b 2:1|2"},
        {BYTES_LITERAL("a,b;c\n"), "1:a|b;c"},
        {BYTES_LITERAL("gr\xc3\xb6\xc3\x9f"
                       "e\n"),
         "1:größe"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const char *rows = read_all(t, cases[i].octets);
        if (strcmp(rows, cases[i].rows) != 0)
            fail_msg("case %zu: \"%s\"", i, rows);
    }
}

static void reading_goes_on_behind_a_row_that_is_not_right(void **state)
{
    struct task *t = test_task(state);
    const struct {
        struct bytes octets;
        const char *rows;
        const char *detail; /* of the last */
    } cases[] = {
        {BYTES_LITERAL("a\nb\"c\nd"), "1:a 2:! 3:d", "inside a field"},
        {BYTES_LITERAL("a\n\"b\"c\nd"), "1:a 2:! 3:d", "behind a closing quote"},
        {BYTES_LITERAL("a\n\"b\nc\nd"), "1:a 2:! 3:c 4:d", "not closed"},
        {BYTES_LITERAL("a\n\xff\nd"), "1:a 2:! 3:d", "UTF-8"},
        {BYTES_LITERAL("a\nb\0c\nd"), "1:a 2:! 3:d", "NUL"},
        {BYTES_LITERAL("\""), "1:!", "not closed"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const char *rows = read_all(t, cases[i].octets);
        if (strcmp(rows, cases[i].rows) != 0)
            fail_msg("case %zu: \"%s\"", i, rows);
        assert_string_equal(t->problem->name, E_MALFORMED->name);
        if (strstr(t->detail, cases[i].detail) == NULL)
            fail_msg("case %zu: %s", i, t->detail);
        task_forgive(t);
    }
}

static void rows_and_fields_are_bounded(void **state)
{
    struct task *t = test_task(state);
    char *text = arena_alloc(t->arena, CSV_FIELD_MAX + 2);
    struct csv_row row;
    bool found;
    memset(text, 'a', CSV_FIELD_MAX + 1);
    struct csv csv = csv_open(bytes_make(text, CSV_FIELD_MAX));
    assert_ok(t, csv_next(t, &csv, &row, &found));
    assert_int_equal(strlen(row.fields[0]), CSV_FIELD_MAX);
    csv = csv_open(bytes_make(text, CSV_FIELD_MAX + 1));
    assert_fails(t, csv_next(t, &csv, &row, &found), E_TOO_LARGE);
    memset(text, ',', CSV_FIELDS_MAX);
    csv = csv_open(bytes_make(text, CSV_FIELDS_MAX - 1));
    assert_ok(t, csv_next(t, &csv, &row, &found));
    assert_int_equal(row.count, CSV_FIELDS_MAX);
    csv = csv_open(bytes_make(text, CSV_FIELDS_MAX));
    assert_fails(t, csv_next(t, &csv, &row, &found), E_TOO_LARGE);
}

static void reader_can_be_put_back_to_a_row(void **state)
{
    struct task *t = test_task(state);
    struct csv csv = csv_open(BYTES_LITERAL("a\n\"b\nc\",d\ne"));
    struct csv_row row;
    struct csv_row again;
    bool found;
    assert_ok(t, csv_next(t, &csv, &row, &found));
    assert_ok(t, csv_next(t, &csv, &row, &found));
    assert_ok(t, csv_next(t, &csv, &again, &found));
    assert_int_equal(again.line, 4);
    csv.at = row.at;
    csv.line = row.line;
    assert_ok(t, csv_next(t, &csv, &again, &found));
    assert_int_equal(again.line, 2);
    assert_string_equal(again.fields[0], "b\nc");
    assert_string_equal(again.fields[1], "d");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(rows_are_read_as_spreadsheets_write_them),
        UNIT_TEST(reading_goes_on_behind_a_row_that_is_not_right),
        UNIT_TEST(rows_and_fields_are_bounded),
        UNIT_TEST(reader_can_be_put_back_to_a_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
