/* Command lines of the lab's programs: lab/options.h. */
#include "lab/options.h"

#include "lab/problems.h"
#include "tests/unit/support.h"

struct sample {
    const char *name;
    uint64_t count;
    struct text_list resolve;
    unsigned pin;
    bool json;
    int64_t timeout;
};

static const char *const pin_names[] = {"ca", "ee", NULL};
static const struct lab_option options[] = {
    LAB_OPTION("TEXT", struct sample, name, "name", FIELD_TEXT, .flags = FIELD_REQUIRED,
               .help = "Name."),
    LAB_OPTION("N", struct sample, count, "count", FIELD_UINT, .preset = "1", .min = 1, .max = 9,
               .help = "Count."),
    LAB_OPTION("ENTRY", struct sample, resolve, "resolve", FIELD_TEXTS, .help = "Entries."),
    LAB_OPTION("WHICH", struct sample, pin, "pin", FIELD_ENUM, .preset = "ca", .names = pin_names,
               .help = "Pin."),
    LAB_OPTION(NULL, struct sample, json, "json", FIELD_BOOL, .help = "JSON."),
    LAB_OPTION("TIME", struct sample, timeout, "timeout", FIELD_DURATION, .preset = "4 d",
               .help = "Timeout."),
};
static const struct lab_command command = {
    .name = "sample",
    .operands = "DIR",
    .operands_max = 1,
    .about = "",
    .options = options,
    .count = ARRAY_SIZE(options),
};

static bool read_arguments(struct task *t, const char *const *argv, struct sample *ret,
                           struct lab_arguments *ret_arguments)
{
    return lab_options_read(t, &command, argv, ret, sizeof(*ret), ret_arguments);
}

static void defaults_are_those_of_the_table(void **state)
{
    struct task *t = test_task(state);
    struct sample sample;
    struct lab_arguments arguments;
    const char *argv[] = {"sample", "--name", "a", NULL};
    assert_ok(t, read_arguments(t, argv, &sample, &arguments));
    assert_string_equal(sample.name, "a");
    assert_int_equal(sample.count, 1);
    assert_int_equal(sample.resolve.count, 0);
    assert_int_equal(sample.pin, 0);
    assert_false(sample.json);
    assert_int_equal(sample.timeout, 4LL * 24 * 60 * 60 * 1000);
    assert_int_equal(arguments.operands.count, 0);
    assert_false(arguments.shown);
}

static void every_kind_of_option_is_read(void **state)
{
    struct task *t = test_task(state);
    struct sample sample;
    struct lab_arguments arguments;
    const char *argv[] = {"sample",    "--name=a=b", "DIR",       "--count",   "3",
                          "--resolve", "x:1:::1,y",  "--json",    "--resolve", "second",
                          "--pin",     "ee",         "--timeout", "90s",       NULL};
    assert_ok(t, read_arguments(t, argv, &sample, &arguments));
    assert_string_equal(sample.name, "a=b");
    assert_int_equal(sample.count, 3);
    assert_int_equal(sample.resolve.count, 2);
    assert_string_equal(sample.resolve.items[0], "x:1:::1,y");
    assert_string_equal(sample.resolve.items[1], "second");
    assert_int_equal(sample.pin, 1);
    assert_true(sample.json);
    assert_int_equal(sample.timeout, 90000);
    assert_int_equal(arguments.operands.count, 1);
    assert_string_equal(arguments.operands.items[0], "DIR");
}

static void wrong_usage_is_named(void **state)
{
    static const struct {
        const char *argv[5];
        const char *detail;
    } cases[] = {
        {{"sample", NULL}, "--name"},
        {{"sample", "--nmae", "a", NULL}, "did you mean --name"},
        {{"sample", "--name", NULL}, "--name needs a value"},
        {{"sample", "--json=true", NULL}, "--json takes no value"},
        {{"sample", "--count", "0", NULL}, "--count"},
        {{"sample", "--count", "10", NULL}, "--count"},
        {{"sample", "--count", "two", NULL}, "--count"},
        {{"sample", "--pin", "root", NULL}, "--pin"},
        {{"sample", "--timeout", "4", NULL}, "--timeout"},
        {{"sample", "one", "two", NULL}, "\"two\""},
    };
    struct task *t = test_task(state);
    struct sample sample;
    struct lab_arguments arguments;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        assert_fails(t, read_arguments(t, cases[i].argv, &sample, &arguments), E_USAGE);
        assert_detail(t, cases[i].detail);
        assert_int_equal(lab_complain(t, "sample"), LAB_EXIT_USAGE);
    }
}

static void help_needs_nothing_else(void **state)
{
    struct task *t = test_task(state);
    struct sample sample;
    struct lab_arguments arguments;
    const char *argv[] = {"sample", "--help", "--unknown", NULL};
    assert_ok(t, read_arguments(t, argv, &sample, &arguments));
    assert_true(arguments.shown);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(defaults_are_those_of_the_table),
        UNIT_TEST(every_kind_of_option_is_read),
        UNIT_TEST(wrong_usage_is_named),
        UNIT_TEST(help_needs_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
