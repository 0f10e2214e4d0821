#include "tests/unit/support.h"

#include "core/base/log.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINE_MAX_LEN 8192

/* Standard error, led into a pipe while a test writes its log. */
struct capture {
    int saved;
    int pipe[2];
};

static struct capture capture_begin(void)
{
    struct capture c = {.saved = dup(STDERR_FILENO)};
    if (c.saved < 0 || pipe(c.pipe) != 0 || dup2(c.pipe[1], STDERR_FILENO) < 0)
        abort();
    return c;
}

static char *capture_end(struct capture c, struct arena *arena)
{
    char *text = arena_alloc(arena, LINE_MAX_LEN + 1);
    if (dup2(c.saved, STDERR_FILENO) < 0)
        abort();
    (void)close(c.saved);
    (void)close(c.pipe[1]);
    size_t len = 0;
    for (ssize_t got = 1; got > 0 && len < LINE_MAX_LEN; len += (size_t)got) {
        got = read(c.pipe[0], text + len, LINE_MAX_LEN - len);
        if (got < 0)
            abort();
    }
    (void)close(c.pipe[0]);
    return text;
}

static const struct log to_stderr = {"gatehoused", LOG_LEVEL_INFO, false};

/* The line without its time: what `write` made of `value`. */
static char *logged(struct task *t, const char *value)
{
    t->log = &to_stderr;
    struct capture c = capture_begin();
    log_info(t, "voucher relayed", LOG_TEXT("value", value));
    return capture_end(c, t->arena);
}

static void assert_contains(const char *line, const char *part)
{
    if (strstr(line, part) == NULL)
        fail_msg("%s lacks %s", line, part);
}

static void line_has_time_level_program_message_and_trace(void **state)
{
    struct task *t = test_task(state);
    char *line = logged(t, "plain");
    assert_int_equal(strncmp(line, "time=20", 7), 0);
    assert_contains(line, " level=info program=gatehoused message=\"voucher relayed\" trace=");
    assert_contains(line, t->trace);
    assert_contains(line, " value=plain\n");
}

static void foreign_text_cannot_forge_a_line(void **state)
{
    static const char *const values[][2] = {
        {"a b", " value=\"a b\"\n"},
        {"", " value=\"\"\n"},
        {"x\nlevel=error", " value=\"x\\x0alevel=error\"\n"},
        {"say \"hi\"", " value=\"say \\\"hi\\\"\"\n"},
        {"back\\slash", " value=\"back\\\\slash\"\n"},
        {"a=b", " value=\"a=b\"\n"},
        {"\x1b[2J\x7f", " value=\"\\x1b[2J\\x7f\"\n"},
        {"M\xc3\xbcnchen", " value=M\xc3\xbcnchen\n"},
        {"csi \xc2\x9b"
         "2J",
         " value=\"csi \\x9b2J\"\n"},
        {"bad \xff\xc3", " value=\"bad \\xff\\xc3\"\n"},
        {"\xc3", " value=\"\\xc3\"\n"},
    };
    struct task *t = test_task(state);
    for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
        char *line = logged(t, values[i][0]);
        assert_contains(line, values[i][1]);
        assert_int_equal(strchr(line, '\n') - line, strlen(line) - 1);
    }
}

static void absent_fields_are_left_out_and_numbers_written(void **state)
{
    struct task *t = test_task(state);
    t->log = &to_stderr;
    struct capture c = capture_begin();
    log_warning(t, "odd", LOG_TEXT("serial", NULL), LOG_NUMBER("status", -404));
    char *line = capture_end(c, t->arena);
    assert_null(strstr(line, "serial"));
    assert_contains(line, " level=warning ");
    assert_contains(line, " status=-404\n");
}

static void lower_levels_and_tasks_without_log_write_nothing(void **state)
{
    struct task *t = test_task(state);
    t->log = &to_stderr;
    struct capture c = capture_begin();
    log_debug(t, "details", LOG_NUMBER("n", 1));
    t->log = NULL;
    log_error(t, "unheard", LOG_NUMBER("n", 1));
    assert_string_equal(capture_end(c, t->arena), "");
}

static void problem_is_logged_with_detail_and_hint(void **state)
{
    struct task *t = test_task(state);
    t->log = &to_stderr;
    assert_false(fail(t, E_BUSY, "128 runners"));
    struct capture c = capture_begin();
    log_problem(t, "order not run");
    char *line = capture_end(c, t->arena);
    assert_contains(line, " level=error ");
    assert_contains(line, " problem=busy detail=\"128 runners\" hint=\"More is under way");
}

static void level_names_are_read(void **state)
{
    enum log_level level = LOG_LEVEL_DEBUG;
    (void)state;
    assert_true(log_level_from_text("warning", &level));
    assert_int_equal(level, LOG_LEVEL_WARNING);
    assert_false(log_level_from_text("loud", &level));
    assert_int_equal(level, LOG_LEVEL_WARNING);
}

/* NOLINTBEGIN(concurrency-mt-unsafe): one thread only */
static void journal_is_used_only_when_standard_error_is_its_stream(void **state)
{
    (void)state;
    (void)unsetenv("JOURNAL_STREAM");
    assert_false(log_make("gatehoused", LOG_LEVEL_INFO).journal);
    (void)setenv("JOURNAL_STREAM", "1:1", 1);
    assert_false(log_make("gatehoused", LOG_LEVEL_INFO).journal);
    (void)setenv("JOURNAL_STREAM", "rubbish", 1);
    assert_false(log_make("gatehoused", LOG_LEVEL_INFO).journal);
    (void)unsetenv("JOURNAL_STREAM");
}
/* NOLINTEND(concurrency-mt-unsafe) */

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(line_has_time_level_program_message_and_trace),
        UNIT_TEST(foreign_text_cannot_forge_a_line),
        UNIT_TEST(absent_fields_are_left_out_and_numbers_written),
        UNIT_TEST(lower_levels_and_tasks_without_log_write_nothing),
        UNIT_TEST(problem_is_logged_with_detail_and_hint),
        UNIT_TEST(level_names_are_read),
        UNIT_TEST(journal_is_used_only_when_standard_error_is_its_stream),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
