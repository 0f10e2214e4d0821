#include "tests/unit/pki_fixture.h"

#include "est/csr_shelf.h"

struct shop {
    struct csr_shelf *shelf;
    X509_NAME *subject;
};

static struct shop open_shop(struct task *t)
{
    struct shop shop = {.shelf = csr_shelf_make()};
    ARENA_DEFER(t->arena, csr_shelf_free, shop.shelf);
    assert_ok(t, name_from_text(t, "serialNumber=1", &shop.subject));
    return shop;
}

static struct bytes request(struct task *t, const struct shop *shop, const char *password)
{
    EVP_PKEY *key = NULL;
    struct bytes der = BYTES_ABSENT;
    assert_ok(t, key_generate(t, KEY_P256, 0, &key));
    assert_ok(t, csr_build(t, key, shop->subject, NULL, password, NULL, &der));
    return der;
}

static struct csr read_request(struct task *t, const struct shop *shop, struct bytes der)
{
    struct csr csr = {.key = NULL};
    assert_ok(t, csr_shelf_read(t, shop->shelf, der, &csr));
    assert_bytes_equal(t, csr.der, der);
    return csr;
}

/* By another task, whose memory is gone afterwards. */
static const X509_REQ *read_aside(const struct shop *shop, struct bytes der)
{
    CLEANUP(arena_cleanup) struct arena *arena = arena_create();
    struct task aside;
    task_init(&aside, arena, NULL);
    return read_request(&aside, shop, der).request;
}

static void request_is_read_once_whoever_asks(void **state)
{
    struct task *t = test_task(state);
    struct shop shop = open_shop(t);
    struct bytes one = request(t, &shop, NULL);
    struct bytes other = request(t, &shop, NULL);
    const X509_REQ *first = read_aside(&shop, one);
    struct csr again = read_request(t, &shop, one);
    assert_ptr_equal(again.request, first);
    assert_ok(t, csr_verify(t, &again));
    struct csr others = read_request(t, &shop, other);
    assert_ptr_not_equal(others.request, first);
    assert_false(bytes_equal(others.spki, again.spki));
    assert_ok(t, csr_verify(t, &others));
}

static void what_makes_way_lasts_as_long_as_somebody_has_it(void **state)
{
    struct task *t = test_task(state);
    struct shop shop = open_shop(t);
    struct csr held = read_request(t, &shop, request(t, &shop, NULL));
    for (int i = 0; i < CSR_SHELF_PLACES; i++)
        (void)read_aside(&shop, request(t, &shop, NULL));
    struct csr again = read_request(t, &shop, held.der);
    assert_ptr_not_equal(again.request, held.request);
    assert_bytes_equal(t, again.spki, held.spki);
    assert_ok(t, csr_verify(t, &held));
}

static void request_with_a_password_is_not_kept(void **state)
{
    struct task *t = test_task(state);
    struct shop shop = open_shop(t);
    struct bytes der = request(t, &shop, "secret");
    struct csr first = read_request(t, &shop, der);
    struct csr second = read_request(t, &shop, der);
    assert_string_equal(first.challenge_password, "secret");
    assert_ptr_not_equal(first.request, second.request);
}

static void what_cannot_be_read_is_refused_each_time(void **state)
{
    struct task *t = test_task(state);
    struct shop shop = open_shop(t);
    struct csr csr;
    for (int i = 0; i < 2; i++) {
        assert_fails(t, csr_shelf_read(t, shop.shelf, BYTES_LITERAL("no request"), &csr),
                     E_CSR_MALFORMED);
        assert_detail(t, "not a DER certification request");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PKI_TEST(request_is_read_once_whoever_asks),
        PKI_TEST(what_makes_way_lasts_as_long_as_somebody_has_it),
        PKI_TEST(request_with_a_password_is_not_kept),
        PKI_TEST(what_cannot_be_read_is_refused_each_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
