/* What a person at the device sees: lab/indicator.h. */
#include "lab/indicator.h"

#include "core/http/problems.h"
#include "core/pki/problems.h"
#include "lab/problems.h"
#include "tests/unit/support.h"

#include <string.h>

static unsigned code(const struct problem_kind *problem, enum encounter with, int status)
{
    return indicator_of(problem, with, status)->code;
}

static void failures_have_their_codes(void **state)
{
    (void)state;
    assert_int_equal(code(E_PEER_UNRESOLVED, ENCOUNTER_CLOUD, 0), 11);
    assert_int_equal(code(E_PEER_TLS, ENCOUNTER_CLOUD, 0), 21);
    assert_int_equal(code(E_PEER_TLS, ENCOUNTER_REGISTRAR, 0), 22);
    assert_int_equal(code(E_PEER_TLS, ENCOUNTER_EST, 0), 24);
    assert_int_equal(code(E_VOUCHER_REFUSED, ENCOUNTER_REGISTRAR, 0), 51);
    assert_int_equal(code(E_REDIRECT_LOOP, ENCOUNTER_CLOUD, 0), 42);
    assert_int_equal(code(E_CSRATTRS_UNMET, ENCOUNTER_EST, 0), 63);
    assert_int_equal(code(E_TIMEOUT, ENCOUNTER_EST, 0), 71);
}

/* The same status means different things to different people. */
static void statuses_have_their_codes(void **state)
{
    static const struct {
        int status;
        unsigned cloud;
        unsigned registrar;
        unsigned est;
    } rows[] = {
        {202, 72, 72, 72}, {400, 35, 35, 61}, {401, 31, 38, 61}, {403, 33, 33, 61},
        {404, 32, 32, 61}, {406, 34, 34, 61}, {415, 35, 35, 61}, {418, 39, 39, 61},
        {500, 37, 37, 62}, {503, 36, 36, 62}, {204, 39, 39, 65},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        assert_int_equal(code(E_STATUS, ENCOUNTER_CLOUD, rows[i].status), rows[i].cloud);
        assert_int_equal(code(E_STATUS, ENCOUNTER_REGISTRAR, rows[i].status), rows[i].registrar);
        assert_int_equal(code(E_STATUS, ENCOUNTER_EST, rows[i].status), rows[i].est);
    }
}

static void what_nobody_thought_of_has_a_code_too(void **state)
{
    (void)state;
    assert_int_equal(code(E_INTERNAL, ENCOUNTER_EST, 0), 99);
    assert_int_equal(code(E_IO, ENCOUNTER_NOBODY, 0), 91);
    assert_int_equal(code(E_PEER_TLS, ENCOUNTER_CONFIGURATION, 0), 81);
}

/* Scripts and manuals go by them. */
static void codes_ascend_and_exit_statuses_go_by_their_first_digit(void **state)
{
    static const int exits[] = {-1, 3, 4, 5, 6, 7, 8, 9, 0, 1};
    size_t count;
    const struct indicator *all = indicators_all(&count);
    (void)state;
    assert_true(count > 30);
    for (size_t i = 0; i < count; i++) {
        assert_true(i == 0 || all[i].code > all[i - 1].code);
        assert_int_equal(all[i].exit, exits[all[i].code / 10]);
        assert_true(strlen(all[i].text) <= 80);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(failures_have_their_codes),
        UNIT_TEST(statuses_have_their_codes),
        UNIT_TEST(what_nobody_thought_of_has_a_code_too),
        UNIT_TEST(codes_ascend_and_exit_statuses_go_by_their_first_digit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
