/* How the reference pledge reads answers: lab/response.h. */
#include "lab/response.h"

#include "core/base/clock.h"
#include "core/http/problems.h"
#include "lab/problems.h"
#include "tests/unit/support.h"

#include <string.h>
#include <time.h>

/* An answer that comes in pieces of `piece` octets. */
struct script {
    struct bytes octets;
    size_t piece;
};

static bool read_script(struct task *t, void *context, uint8_t *into, size_t room, size_t *ret_got)
{
    (void)t;
    struct script *script = context;
    size_t len = script->octets.len < script->piece ? script->octets.len : script->piece;
    if (len > room)
        len = room;
    if (len > 0)
        memcpy(into, script->octets.data, len);
    script->octets = bytes_make(script->octets.data + len, script->octets.len - len);
    *ret_got = len;
    return true;
}

static bool read_octets(struct task *t, struct bytes octets, size_t piece, struct response *ret)
{
    struct script script = {.octets = octets, .piece = piece};
    const struct octet_source source = {.read = read_script, .context = &script};
    return response_read(t, &source, ret);
}

static bool read_text(struct task *t, const char *text, struct response *ret)
{
    return read_octets(t, bytes_of_text(text), SIZE_MAX, ret);
}

static void header_and_body_are_read(void **state)
{
    struct task *t = test_task(state);
    struct response answer;
    assert_ok(t, read_text(t,
                           "HTTP/1.1 307 Temporary Redirect\r\n"
                           "content-TYPE:  Application/Voucher-CMS+JSON ; charset=x \r\n"
                           "Location: https://ra.example/\r\n"
                           "Retry-After: 30\r\n"
                           "X-Other: y\r\n"
                           "Content-Length: 5\r\n\r\nhello",
                           &answer));
    assert_int_equal(answer.status, 307);
    assert_string_equal(answer.media_type, "application/voucher-cms+json");
    assert_string_equal(answer.location, "https://ra.example/");
    assert_int_equal(answer.retry_after, 30);
    assert_false(answer.close);
    assert_bytes_equal(t, answer.body, BYTES_LITERAL("hello"));
}

static void answers_may_come_octet_by_octet(void **state)
{
    struct task *t = test_task(state);
    struct response answer;
    struct bytes text = BYTES_LITERAL("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                                      "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
    assert_ok(t, read_octets(t, text, 1, &answer));
    assert_bytes_equal(t, answer.body, BYTES_LITERAL("abcde"));
    assert_false(answer.close);
}

static void what_is_not_there_is_absent(void **state)
{
    struct task *t = test_task(state);
    struct response answer;
    assert_ok(t, read_text(t, "HTTP/1.1 204\r\n\r\n", &answer));
    assert_int_equal(answer.status, 204);
    assert_null(answer.media_type);
    assert_null(answer.location);
    assert_int_equal(answer.retry_after, -1);
    assert_int_equal(answer.body.len, 0);
}

static void chunks_have_extensions_and_trailers(void **state)
{
    struct task *t = test_task(state);
    struct response answer;
    assert_ok(t, read_text(t,
                           "HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\n\r\n"
                           "A;name=value\r\n0123456789\r\n00 \r\nTrailer: x\r\n\r\n",
                           &answer));
    assert_bytes_equal(t, answer.body, BYTES_LITERAL("0123456789"));
}

static void body_without_length_ends_with_the_connection(void **state)
{
    struct task *t = test_task(state);
    struct response answer;
    assert_ok(t, read_text(t, "HTTP/1.1 200 OK\r\n\r\nall of it", &answer));
    assert_bytes_equal(t, answer.body, BYTES_LITERAL("all of it"));
    assert_true(answer.close);
}

static void lines_may_end_with_lf_alone(void **state)
{
    struct task *t = test_task(state);
    struct response answer;
    assert_ok(t, read_text(t, "HTTP/1.1 200 OK\nContent-Length: 2\n\nok", &answer));
    assert_bytes_equal(t, answer.body, BYTES_LITERAL("ok"));
}

static void interim_answers_are_passed_over(void **state)
{
    struct task *t = test_task(state);
    struct response answer;
    assert_ok(t, read_text(t,
                           "HTTP/1.1 100 Continue\r\n\r\n"
                           "HTTP/1.1 103 Early Hints\r\nRetry-After: 9\r\n\r\n"
                           "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
                           &answer));
    assert_int_equal(answer.status, 200);
    assert_int_equal(answer.retry_after, -1);
}

static void connection_ends_when_the_server_says_so(void **state)
{
    static const char *const answers[] = {
        "HTTP/1.1 200 OK\r\nConnection: Close\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nnobody asked for this",
    };
    struct task *t = test_task(state);
    for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
        struct response answer;
        assert_ok(t, read_text(t, answers[i], &answer));
        assert_true(answer.close);
    }
}

static void retry_after_is_seconds_or_a_date(void **state)
{
    struct task *t = test_task(state);
    time_t later = (time_t)(clock_wall() / SECOND_MS) + 100;
    struct tm parts;
    char date[64];
    assert_non_null(gmtime_r(&later, &parts));
    assert_true(strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", &parts) > 0);
    const struct {
        const char *value;
        int least;
        int most;
    } cases[] = {
        {"0", 0, 0},
        {"3600", 3600, 3600},
        {"99999999999999999999", RESPONSE_RETRY_AFTER_MAX, RESPONSE_RETRY_AFTER_MAX},
        {date, 98, 100},
        {"Sun, 06 Nov 1994 08:49:37 GMT", 0, 0},
        {"soon", -1, -1},
        {"-5", -1, -1},
        {"", -1, -1},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct response answer;
        const char *text = arena_printf(
            t->arena, "HTTP/1.1 202 Accepted\r\nRetry-After: %s\r\nContent-Length: 0\r\n\r\n",
            cases[i].value);
        assert_ok(t, read_text(t, text, &answer));
        assert_in_range(answer.retry_after + 1, cases[i].least + 1, cases[i].most + 1);
    }
}

static void what_is_no_http_is_refused(void **state)
{
    static const char *const answers[] = {
        "SSH-2.0-OpenSSH_9.2\r\n\r\n",
        "HTTP/2 200\r\n\r\n",
        "HTTP/1.1 20 OK\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/1.1 999 OK\r\n\r\n",
        "HTTP/1.1 099 OK\r\n\r\n",
        "HTTP/1.1  200 OK\r\n\r\n",
        "HTTP/1.1\r\n\r\n",
        "\r\n\r\n",
        "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        "HTTP/1.1 200 OK\r\n: no name\r\n\r\n",
        "HTTP/1.1 200 OK\r\nName : blank before the colon\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA: b\r\n folded\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1x\r\n\r\na",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na",
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1z\r\na\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n0\r\n\r\n",
        "HTTP/1.1 307 X\r\nLocation: https://a/\r\nLocation: https://b/\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nContent-Type: c/d\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\n\r\n",
    };
    struct task *t = test_task(state);
    for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
        struct response answer;
        assert_fails(t, read_text(t, answers[i], &answer), E_PEER_ANSWER);
    }
}

static void answers_that_break_off_are_refused(void **state)
{
    static const char whole[] = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc";
    static const char chunked[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                                  "3\r\nabc\r\n0\r\n\r\n";
    struct task *t = test_task(state);
    struct response answer;
    assert_fails(t, read_text(t, "", &answer), E_PEER_CLOSED);
    for (size_t len = 1; len < strlen(whole); len++)
        assert_fails(t, read_octets(t, bytes_make(whole, len), SIZE_MAX, &answer), E_PEER_ANSWER);
    for (size_t len = 1; len < strlen(chunked); len++)
        assert_fails(t, read_octets(t, bytes_make(chunked, len), SIZE_MAX, &answer), E_PEER_ANSWER);
}

static void nul_in_the_header_is_refused(void **state)
{
    struct task *t = test_task(state);
    struct response answer;
    assert_fails(t,
                 read_octets(t, BYTES_LITERAL("HTTP/1.1 200 OK\r\nLocation: a\0b\r\n\r\n"),
                             SIZE_MAX, &answer),
                 E_PEER_ANSWER);
}

static struct bytes repeated(struct task *t, const char *before, const char *part, size_t count)
{
    size_t len = strlen(part);
    uint8_t *all = arena_alloc(t->arena, len * count);
    for (size_t i = 0; i < len * count; i++)
        all[i] = (uint8_t)part[i % len];
    const struct bytes parts[] = {bytes_of_text(before), bytes_make(all, len * count)};
    return bytes_concat(t->arena, parts, ARRAY_SIZE(parts));
}

static void limits_hold(void **state)
{
    struct task *t = test_task(state);
    struct response answer;
    const struct bytes answers[] = {
        repeated(t, "HTTP/1.1 200 ", "x", RESPONSE_HEADER_MAX),
        repeated(t, "HTTP/1.1 200 OK\r\n", "A: b\r\n", RESPONSE_HEADER_MAX / 6),
        BYTES_LITERAL("HTTP/1.1 200 OK\r\nContent-Length: 1048577\r\n\r\n"),
        BYTES_LITERAL("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n"),
        BYTES_LITERAL("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n100001\r\n"),
        BYTES_LITERAL("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffff\r\n"),
        repeated(t, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\na\r\n",
                 RESPONSE_HEADER_MAX),
        repeated(t, "HTTP/1.1 200 OK\r\n\r\n", "x", RESPONSE_BODY_MAX + 1),
    };
    for (size_t i = 0; i < ARRAY_SIZE(answers); i++)
        assert_fails(t, read_octets(t, answers[i], SIZE_MAX, &answer), E_TOO_LARGE);
    assert_fails(
        t, read_octets(t, repeated(t, "", "HTTP/1.1 100 Continue\r\n\r\n", 9), SIZE_MAX, &answer),
        E_PEER_ANSWER);
}

static void largest_body_is_read(void **state)
{
    struct task *t = test_task(state);
    struct response answer;
    struct bytes text =
        repeated(t, "HTTP/1.1 200 OK\r\nContent-Length: 1048576\r\n\r\n", "x", RESPONSE_BODY_MAX);
    assert_ok(t, read_octets(t, text, SIZE_MAX, &answer));
    assert_int_equal(answer.body.len, RESPONSE_BODY_MAX);
}

/* NOLINTNEXTLINE(readability-non-const-parameter): as struct octet_source has it */
static bool read_nothing(struct task *t, void *context, uint8_t *into, size_t room, size_t *ret_got)
{
    (void)context;
    (void)into;
    (void)room;
    (void)ret_got;
    return fail(t, E_PEER_TIMEOUT, "silence");
}

static void failures_of_the_source_are_handed_up(void **state)
{
    struct task *t = test_task(state);
    const struct octet_source source = {.read = read_nothing};
    struct response answer;
    assert_fails(t, response_read(t, &source, &answer), E_PEER_TIMEOUT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(header_and_body_are_read),
        UNIT_TEST(answers_may_come_octet_by_octet),
        UNIT_TEST(what_is_not_there_is_absent),
        UNIT_TEST(chunks_have_extensions_and_trailers),
        UNIT_TEST(body_without_length_ends_with_the_connection),
        UNIT_TEST(lines_may_end_with_lf_alone),
        UNIT_TEST(interim_answers_are_passed_over),
        UNIT_TEST(connection_ends_when_the_server_says_so),
        UNIT_TEST(retry_after_is_seconds_or_a_date),
        UNIT_TEST(what_is_no_http_is_refused),
        UNIT_TEST(answers_that_break_off_are_refused),
        UNIT_TEST(nul_in_the_header_is_refused),
        UNIT_TEST(limits_hold),
        UNIT_TEST(largest_body_is_read),
        UNIT_TEST(failures_of_the_source_are_handed_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
