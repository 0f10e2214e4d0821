/* The GRASP flood: octet for octet what RFC 8995 shows, and more than one variation. */
#include "tests/unit/support.h"

#include "core/base/cbor.h"
#include "registrar/discovery/flood.h"

#include <string.h>

static const uint8_t address[FLOOD_ADDRESS_LEN] = {0xfd, 0xa3, 0x79, 0xa6, 0xf6, 0xee, 0, 0,
                                                   2,    0,    0,    0,    0x64, 0,    0, 1};

static struct flood example(const struct text_list *variations)
{
    struct flood flood = {
        .session = 51804321, .port = 8443, .ttl = 180000, .variations = *variations};
    memcpy(flood.address, address, sizeof(address));
    return flood;
}

static void flood_is_figure_12_of_rfc_8995(void **state)
{
    struct task *t = test_task(state);
    const char *names[] = {"est-tls"};
    const struct text_list variations = {names, ARRAY_SIZE(names)};
    const struct flood flood = example(&variations);
    if (!vectors_present())
        skip();
    assert_bytes_equal(t, flood_encode(t->arena, &flood),
                       vector_read(t, "grasp/rfc8995_fig12_AN_join_registrar.cbor"));
}

/* brski-discovery 3.5.2.2: one objective for each variation, all with the same locator. */
static void each_variation_is_an_objective(void **state)
{
    struct task *t = test_task(state);
    const char *names[] = {"est-tls", "jose"};
    const struct text_list variations = {names, ARRAY_SIZE(names)};
    const struct flood flood = example(&variations);
    struct cbor_reader r = cbor_reader_of(flood_encode(t->arena, &flood));
    struct cbor_item item;
    static const char *const values[] = {"EST-TLS", "jose"};
    assert_ok(t, cbor_expect(t, &r, CBOR_ITEM_ARRAY, &item));
    assert_int_equal(item.number, 6);
    for (int i = 0; i < 4; i++)
        assert_ok(t, cbor_skip(t, &r, NULL));
    for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
        assert_ok(t, cbor_expect(t, &r, CBOR_ITEM_ARRAY, &item));
        assert_int_equal(item.number, 2);
        assert_ok(t, cbor_expect(t, &r, CBOR_ITEM_ARRAY, &item));
        assert_int_equal(item.number, 4);
        assert_ok(t, cbor_expect(t, &r, CBOR_ITEM_TEXT, &item));
        assert_bytes_equal(t, item.string, BYTES_LITERAL("AN_join_registrar"));
        assert_ok(t, cbor_skip(t, &r, NULL)); /* flags */
        assert_ok(t, cbor_skip(t, &r, NULL)); /* loop count */
        assert_ok(t, cbor_expect(t, &r, CBOR_ITEM_TEXT, &item));
        assert_bytes_equal(t, item.string, bytes_of_text(values[i]));
        assert_ok(t, cbor_skip(t, &r, NULL)); /* locator */
    }
    assert_ok(t, cbor_at_end(t, &r));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(flood_is_figure_12_of_rfc_8995),
        UNIT_TEST(each_variation_is_an_objective),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
