/* The audit log's form and truncation: lab/masa_log.h. */
#include "lab/masa_log.h"

#include "tests/unit/support.h"

/* One letter is an event: the domain, in lower case without a nonce.  Newest first. */
static json_t *events_of(struct task *t, const char *letters)
{
    json_t *events = json_in_arena(t, json_array());
    for (const char *c = letters; *c != '\0'; c++) {
        const char domain[] = {(char)(*c & 0xDF), '\0'};
        bool nonced = *c == domain[0];
        json_t *nonce = nonced ? json_string("n") : json_null();
        (void)json_array_append_new(events, json_pack("{s:s, s:o, s:i}", "domainID", domain,
                                                      "nonce", nonce, "truncated", 0));
    }
    return events;
}

/* "A2b0": domains with their counters, as above. */
static const char *text_of(struct task *t, const json_t *log)
{
    const char *text = "";
    size_t i;
    json_t *event;
    json_array_foreach(json_object_get(log, "events"), i, event)
    {
        char domain = json_string_value(json_object_get(event, "domainID"))[0];
        bool nonceless = json_is_null(json_object_get(event, "nonce"));
        text = arena_printf(t->arena, "%s%c%d", text, nonceless ? domain | 0x20 : domain,
                            (int)json_integer_value(json_object_get(event, "truncated")));
    }
    return text;
}

static int counter(const json_t *log, const char *name)
{
    return (int)json_integer_value(json_object_get(json_object_get(log, "truncation"), name));
}

static void log_is_cut_as_little_as_possible(void **state)
{
    static const struct {
        const char *events;
        size_t most;
        const char *left;
        int nonced;
        int nonceless;
        int arbitrary;
    } rows[] = {
        {"", 0, "", 0, 0, 0},
        {"AAAA", 0, "A0A0A0A0", 0, 0, 0},
        {"ABab", 4, "A0B0a0b0", 0, 0, 0},
        {"AAAA", 3, "A1A0A0", 1, 0, 0},
        {"AAAA", 1, "A3", 3, 0, 0},
        {"aaAA", 2, "a1A1", 1, 1, 0},
        /* The oldest duplicate goes first, whoever's it is. */
        {"ABAB", 3, "A0B1A0", 1, 0, 0},
        {"AbAb", 2, "A1b1", 1, 1, 0},
        /* Without a newer one of its kind nothing is a duplicate. */
        {"ABCD", 2, "A0B0", 0, 0, 2},
        {"AaBb", 3, "A0a0B0", 0, 0, 1},
        {"AABBC", 2, "A1B1", 2, 0, 1},
    };
    struct task *t = test_task(state);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        json_t *log = masa_log_make(t, events_of(t, rows[i].events), rows[i].most);
        assert_string_equal(text_of(t, log), rows[i].left);
        assert_int_equal(counter(log, "nonced duplicates"), rows[i].nonced);
        assert_int_equal(counter(log, "nonceless duplicates"), rows[i].nonceless);
        assert_int_equal(counter(log, "arbitrary"), rows[i].arbitrary);
        assert_int_equal(json_integer_value(json_object_get(log, "version")), 1);
    }
}

/* RFC 8995 5.8.1: 1024 stands for that many or more. */
static void counters_stop_at_1024(void **state)
{
    struct task *t = test_task(state);
    char letters[2001];
    for (size_t i = 0; i < 2000; i++)
        letters[i] = 'A';
    letters[2000] = '\0';
    json_t *log = masa_log_make(t, events_of(t, letters), 1);
    assert_string_equal(text_of(t, log), "A1024");
    assert_int_equal(counter(log, "nonced duplicates"), 1024);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(log_is_cut_as_little_as_possible),
        UNIT_TEST(counters_stop_at_1024),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
