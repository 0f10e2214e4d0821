/* Which forms of voucher a pledge takes, and what the MASA hears (RFC 8995 5.5, 5.6). */
#include "registrar/voucher_accept.h"
#include "tests/unit/support.h"

#include <string.h>

#define CMS  "application/voucher-cms+json"
#define JWS  "application/voucher-jws+json"
#define COSE "application/voucher+cose"

static void pledge_takes_its_own_form_and_those_that_it_names(void **state)
{
    static const struct {
        const char *accept;
        const char *type;
        bool taken;
    } cases[] = {
        {NULL, JWS, true},
        {NULL, CMS, false},
        {"*/*", JWS, true},
        {"*/*", COSE, false},
        {"application/*", CMS, false},
        {CMS, JWS, false},
        {CMS, CMS, true},
        {CMS ";q=0, */*", CMS, false},
        {JWS ", application/voucher+unheard-of", "application/voucher+unheard-of", true},
        {JWS ";q=0, " COSE, JWS, false},
        {JWS ";q=0, " COSE, COSE, true},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        if (voucher_taken(cases[i].accept, &voucher_form_jws, cases[i].type) != cases[i].taken)
            fail_msg("Accept: %s, a voucher of %s", cases[i].accept, cases[i].type);
    }
}

static void check_accept(struct task *t, const char *accept, bool relays, const char *expected)
{
    const char *heard = voucher_accept(t, accept, &voucher_form_jws, relays);
    if (expected == NULL)
        assert_null(heard);
    else
        assert_string_equal(heard, expected);
}

static void masa_hears_what_both_can_read(void **state)
{
    struct task *t = test_task(state);
    check_accept(t, NULL, false, JWS);
    check_accept(t, "*/*", false, JWS);
    check_accept(t, JWS, false, JWS);
    check_accept(t, COSE, false, COSE);
    check_accept(t, COSE ", " JWS, false, JWS ", " COSE);
    check_accept(t, JWS ", application/voucher+unheard-of", false, JWS);
    check_accept(t, "application/voucher+unheard-of", false, NULL);
    check_accept(t, "text/html", false, NULL);
    check_accept(t, JWS ";q=0", false, NULL);
}

static void masa_hears_the_pledges_own_words_where_we_relay(void **state)
{
    struct task *t = test_task(state);
    check_accept(t, "application/voucher+unheard-of;q=0.5", true,
                 "application/voucher+unheard-of;q=0.5");
    check_accept(t, NULL, true, JWS);
    check_accept(t, "", true, JWS);
    /* Nothing that would be a field, or a line, of its own. */
    check_accept(t, "application/x\r\nCookie: y, " JWS, true, JWS);
    check_accept(t, "application/\xc3\xa9, " JWS, true, JWS);
    check_accept(t, arena_printf(t->arena, "%s%*s", JWS, ACCEPT_MAX, ""), true, JWS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(pledge_takes_its_own_form_and_those_that_it_names),
        UNIT_TEST(masa_hears_what_both_can_read),
        UNIT_TEST(masa_hears_the_pledges_own_words_where_we_relay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
