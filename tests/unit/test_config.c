#include "tests/unit/support.h"

#include "core/base/config.h"
#include "core/base/file.h"
#include "tests/sample.h"

#include <string.h>

static bool parse(struct task *t, const char *yaml, struct sample *ret)
{
    return config_parse(t, "node.yaml", bytes_of_text(yaml), &sample_type, ret);
}

static const char full_file[] = "# everything\n"
                                "serial-number: JADA-1234\n"
                                "active: false\n"
                                "port: \"8443\"\n"
                                "created-on: 2021-04-01T12:00:00.747Z\n"
                                "poll: 15 min\n"
                                "body-limit: 3 KiB # enough\n"
                                "digest: 00ff\n"
                                "certificate: >-\n"
                                "  AAEC\n"
                                "  Aw==\n"
                                "mode: open\n"
                                "labels: [a, \"b, c\"]\n"
                                "idevid-anchors:\n"
                                "  - AQ==\n"
                                "  - AgM=\n"
                                "masa:\n"
                                "  url: https://m.example\n"
                                "owners:\n"
                                "  - name: x\n"
                                "    level: 9\n"
                                "  - {name: y}\n"
                                "greeting: 'null'\n"
                                "groups: [x]\n";

static void every_kind_of_item_is_read(void **state)
{
    struct task *t = test_task(state);
    struct sample s;
    assert_ok(t, parse(t, full_file, &s));
    assert_string_equal(s.serial, "JADA-1234");
    assert_false(s.active);
    assert_int_equal(s.port, 8443);
    assert_int_equal(s.created_on, 1617278400747);
    assert_int_equal(s.poll, 900000);
    assert_int_equal(s.body_limit, 3072);
    assert_bytes_equal(t, s.digest, BYTES_LITERAL("\0\xff"));
    assert_bytes_equal(t, s.certificate, BYTES_LITERAL("\0\1\2\3"));
    assert_int_equal(s.mode, SAMPLE_OPEN);
    assert_int_equal(s.labels.count, 2);
    assert_string_equal(s.labels.items[1], "b, c");
    assert_int_equal(s.anchors.count, 2);
    assert_bytes_equal(t, s.anchors.items[1], BYTES_LITERAL("\2\3"));
    assert_string_equal(s.masa.url, "https://m.example");
    assert_int_equal(s.masa.retries, 3);
    assert_int_equal(s.owners.count, 2);
    const struct sample_owner *owners = s.owners.items;
    assert_int_equal(owners[0].level, 9);
    assert_string_equal(owners[1].name, "y");
    assert_int_equal(owners[1].level, 1);
    assert_int_equal(s.groups.count, 1);
    assert_string_equal(s.groups.items[0], "x");
    assert_string_equal(s.pin, "0000");
    assert_string_equal(s.greeting, "null");
}

static void errors_name_file_line_item_and_remedy(void **state)
{
    static const char *const bad[][2] = {
        {"serial-number: J\n\nprot: 1\n",
         "node.yaml:3: prot: unknown item; did you mean \"port\"?"},
        {"serial-number: J\nzzzzzz: 1\n", "node.yaml:2: zzzzzz: unknown item"},
        {"serial-number: J\nport: 1\nport: 2\n", "node.yaml:3: port: given before, on line 2"},
        {"serial-number: J\nmasa:\n  retires: 1\n",
         "node.yaml:3: masa.retires: unknown item; did you mean \"retries\"?"},
        {"serial-number: J\nmasa: {retries: 11}\n",
         "node.yaml:2: masa.retries: must be at most 10"},
        {"state: done\n", "node.yaml:1: state: is set by Gatehouse, not here"},
        {"serial-number: J\nport: 0\n", "node.yaml:2: port: must be at least 1"},
        {"serial-number: J\nport: many\n", "node.yaml:2: port: must be a whole number"},
        {"serial-number: J\nport: 0x10\n", "node.yaml:2: port: must be a whole number"},
        {"serial-number: J\nport: [1]\n", "node.yaml:2: port: must be a whole number"},
        {"serial-number: J\nactive: yes\n", "node.yaml:2: active: must be true or false"},
        {"serial-number: J\npoll: 90\n",
         "node.yaml:2: poll: must be a duration such as \"90 s\" (ms, s, min, h or d)"},
        {"serial-number: J\nbody-limit: 65536\n",
         "node.yaml:2: body-limit: must be a size such as \"64 KiB\" (B, KiB, MiB, GiB or TiB)"},
        {"serial-number: J\nmode: clsoed\n",
         "node.yaml:2: mode: must be one of open, closed, unattended; did you mean \"closed\"?"},
        {"serial-number: J\nport:\n", "node.yaml:2: port: has no value; leave the item out"},
        {"serial-number: ~\n", "node.yaml:1: serial-number: has no value"},
        {"serial-number: null\n", "node.yaml:1: serial-number: has no value"},
        {"serial-number: {a: b}\n", "node.yaml:1: serial-number: must be text"},
        {"serial-number: ''\n", "node.yaml:1: serial-number: must not be empty"},
        {"serial-number: J\nlabels: a\n", "node.yaml:2: labels: must be a list"},
        {"serial-number: J\nlabels: [a, b,\n  c, d]\n",
         "node.yaml:2: labels: must have at most 3 elements, has 4"},
        {"serial-number: J\nlabels: [a,\n  ~]\n", "node.yaml:3: labels[1]: has no value"},
        {"serial-number: J\nidevid-anchors:\n  - AQ==\n  - AQ==\n  - '?'\n",
         "node.yaml:5: idevid-anchors[2]: not base64"},
        {"serial-number: J\nmasa: https://m.example\n",
         "node.yaml:2: masa: must be a mapping with items of its own"},
        {"serial-number: J\nowners: {name: x}\n", "node.yaml:2: owners: must be a list"},
        {"serial-number: J\nowners:\n  - name: x\n  - level: 1\n",
         "node.yaml:4: owners[1].name: is required"},
        {"serial-number: J\nowners:\n  - x\n", "node.yaml:3: owners[0]: must be a mapping"},
        {"port: 1\n", "node.yaml:1: serial-number: is required"},
        {"", "node.yaml:1: serial-number: is required"},
        {"# nothing\n", "serial-number: is required"},
        {"- a\n", "node.yaml:1: the file must be a mapping of items to values"},
        {"text\n", "node.yaml:1: the file must be a mapping of items to values"},
        {"serial-number: &a J\n", "node.yaml:1: anchors, aliases and tags have no place here"},
        {"serial-number: J\nlabels: &l [a]\n", "node.yaml:2: anchors, aliases and tags"},
        {"masa: &m\n  url: x\n", "node.yaml:1: anchors, aliases and tags"},
        {"serial-number: J\npin: *a\n", "node.yaml:2: anchors, aliases and tags"},
        {"serial-number: !!str J\n", "node.yaml:1: anchors, aliases and tags"},
        {"!thing\nserial-number: J\n", "node.yaml:1: anchors, aliases and tags"},
        {"serial-number: J\n---\nport: 1\n", "node.yaml:2: a second document begins"},
        {"~\n---\n", "is required"},
        {"serial-number: J\n  port: 1\n", "node.yaml:2: mapping values are not allowed"},
        {"serial-number: J\nlabels: [a\n", "node.yaml:3: did not find expected"},
        {"serial-number: J\n\tport: 1\n", "node.yaml:2: "},
        {"serial-number: \"J\\0\"\n", "node.yaml:1: NUL in a value"},
        {"serial-number: J\n? [a, b]\n: 1\n", "node.yaml:2: the name of an item"},
        {"serial-number: J\n\n\n\xff: 1\n", "node.yaml:4: "},
    };
    struct task *t = test_task(state);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct sample s;
        struct sample before;
        memset(&s, 0, sizeof(s));
        memset(&before, 0, sizeof(before));
        assert_fails(t, parse(t, bad[i][0], &s), E_CONFIG);
        assert_detail(t, bad[i][1]);
        assert_memory_equal(&s, &before, sizeof(s));
    }
}

static void errors_never_show_a_secret(void **state)
{
    struct task *t = test_task(state);
    struct sample s;
    assert_fails(t, parse(t, "owners: [{name: x, password: [hunter2]}]\n", &s), E_CONFIG);
    assert_null(strstr(t->detail, "hunter2"));
    assert_fails(t, parse(t, "pin: [hunter2]\n", &s), E_CONFIG);
    assert_null(strstr(t->detail, "hunter2"));
}

static void deep_nesting_is_refused_at_once(void **state)
{
    struct task *t = test_task(state);
    struct sample s;
    const size_t depth = 200000;
    char *yaml = arena_alloc(t->arena, depth + 1);
    memset(yaml, '[', depth);
    assert_fails(t, parse(t, yaml, &s), E_CONFIG);
}

static void file_without_items_gives_the_presets(void **state)
{
    static const char *const empty[] = {"",    "# only a comment\n", "---\n", "{}",
                                        "~\n", "---\n...\n"};
    struct task *t = test_task(state);
    for (size_t i = 0; i < ARRAY_SIZE(empty); i++) {
        struct sample s;
        struct bytes yaml = bytes_of_text(empty[i]);
        assert_ok(t, config_parse(t, "empty.yaml", yaml, &sample_optional_type, &s));
        assert_int_equal(s.port, 443);
        assert_int_equal(s.masa.retries, 3);
    }
    struct sample s;
    assert_ok(t, config_parse(t, "empty.yaml", BYTES_ABSENT, &sample_optional_type, &s));
}

static void example_shows_every_item_with_its_help(void **state)
{
    struct task *t = test_task(state);
    const char *example = config_example(t, &sample_type);
    for (size_t i = 0; i < sample_type.count; i++) {
        const struct field *f = &sample_type.fields[i];
        const char *item = arena_printf(t->arena, "%s:", f->name);
        bool is_shown = strstr(example, item) != NULL;
        if (is_shown != ((f->flags & FIELD_READ_ONLY) == 0))
            fail_msg("%s is wrongly shown or missing in\n%s", item, example);
    }
    assert_non_null(strstr(example, "\n# TCP port.\n# (number; at least 1; at most 65535)\n"
                                    "port: 443\n"));
    assert_non_null(strstr(example, "# Serial number as the IDevID states it.\n"
                                    "# (text; at most 16 octets; required)\n"
                                    "# serial-number:\n"));
    assert_non_null(strstr(example, "\n# (true or false; a change takes effect without a restart)\n"
                                    "active: true\n"));
    assert_non_null(strstr(example, "\nmasa:\n"));
    assert_non_null(strstr(example, "\n  retries: 3\n"));
    assert_non_null(strstr(example, "\n#   -\n#     # Name of the owner.\n"));
    assert_non_null(strstr(example, "\n# (one of open, closed, unattended)\nmode: closed\n"));
    assert_non_null(strstr(example, "\ngroups: [staff, guests]\n"));
    assert_null(strstr(example, "0000")); /* the preset of a secret */
}

static void example_has_short_lines(void **state)
{
    struct task *t = test_task(state);
    const char *line = config_example(t, &sample_type);
    while (*line != '\0') {
        size_t len = strcspn(line, "\n");
        assert_in_range(len, 0, 100);
        assert_true(len == 0 || line[len - 1] != ' ');
        line += len + 1;
    }
}

static void example_reads_back_to_the_presets(void **state)
{
    struct task *t = test_task(state);
    struct sample presets;
    struct sample read;
    struct bytes expected;
    struct bytes actual;
    struct bytes example = bytes_of_text(config_example(t, &sample_optional_type));
    record_init(t, &sample_optional_type, &presets);
    assert_ok(t, config_parse(t, "example.yaml", example, &sample_optional_type, &read));
    assert_ok(t, record_encode(t, &sample_optional_type, &presets, &expected));
    assert_ok(t, record_encode(t, &sample_optional_type, &read, &actual));
    assert_bytes_equal(t, actual, expected);
}

/* Every comment sign of an item taken away, as an administrator would, gives an item again. */
static void commented_items_can_be_put_to_use(void **state)
{
    struct task *t = test_task(state);
    struct sample s;
    char *example = config_example(t, &sample_type);
    char *item = strstr(example, "\n# serial-number:\n");
    assert_non_null(item);
    const char *yaml = arena_printf(t->arena, "%.*s\nserial-number: J\n%s", (int)(item - example),
                                    example, item + strlen("\n# serial-number:\n"));
    assert_ok(t, parse(t, yaml, &s));
    assert_string_equal(s.serial, "J");
    assert_int_equal(s.poll, 90000);
}

static void file_is_read_and_named_in_errors(void **state)
{
    struct task *t = test_task(state);
    struct sample s;
    const char *path = arena_printf(t->arena, "%s/node.yaml", test_folder(state));
    assert_ok(t, file_write(t, path, bytes_of_text(full_file), 0600));
    assert_ok(t, config_read(t, path, &sample_type, &s));
    assert_string_equal(s.serial, "JADA-1234");
    assert_ok(t, file_write(t, path, BYTES_LITERAL("prot: 1\n"), 0600));
    assert_fails(t, config_read(t, path, &sample_type, &s), E_CONFIG);
    assert_detail(t, arena_printf(t->arena, "%s:1: prot: ", path));
}

static void unreadable_and_oversized_files_are_refused(void **state)
{
    struct task *t = test_task(state);
    struct sample s;
    const char *path = arena_printf(t->arena, "%s/node.yaml", test_folder(state));
    assert_fails(t, config_read(t, path, &sample_type, &s), E_IO);
    char *large = arena_printf(t->arena, "%1048577s", "");
    assert_ok(t, file_write(t, path, bytes_of_text(large), 0600));
    assert_fails(t, config_read(t, path, &sample_type, &s), E_TOO_LARGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(every_kind_of_item_is_read),
        UNIT_TEST(errors_name_file_line_item_and_remedy),
        UNIT_TEST(errors_never_show_a_secret),
        UNIT_TEST(deep_nesting_is_refused_at_once),
        UNIT_TEST(file_without_items_gives_the_presets),
        UNIT_TEST(example_shows_every_item_with_its_help),
        UNIT_TEST(example_has_short_lines),
        UNIT_TEST(example_reads_back_to_the_presets),
        UNIT_TEST(commented_items_can_be_put_to_use),
        UNIT_TEST(file_is_read_and_named_in_errors),
        UNIT_TEST(unreadable_and_oversized_files_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
