/* The outgoing client: where it goes, whom it trusts, and what it shows of us. */
#define OPENSSL_SUPPRESS_DEPRECATED /* for a key with a method of its own, as libp11 makes them */
#include "tests/unit/http_client_fixture.h"

#include "core/base/clock.h"
#include "core/http/client_private.h"

#include <dlfcn.h>
#include <netdb.h>
#include <stdatomic.h>
#include <string.h>

#include <openssl/ec.h>

/* The resolver of this program: knows nothing, and does not answer about "stalled" at all. */
static struct {
    atomic_int calls;
    atomic_int stalled;
    atomic_bool open;
} resolver;

/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name): its names are reserved */
int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
                struct addrinfo **ret)
{
    int (*next)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    *(void **)&next = dlsym(RTLD_NEXT, "getaddrinfo");
    if (strstr(name, ".example") == NULL)
        return next(name, service, hints, ret);
    atomic_fetch_add(&resolver.calls, 1);
    if (strncmp(name, "stalled", strlen("stalled")) != 0)
        return EAI_NONAME;
    atomic_fetch_add(&resolver.stalled, 1);
    while (!atomic_load(&resolver.open))
        test_pause(5);
    atomic_fetch_sub(&resolver.stalled, 1);
    return EAI_AGAIN;
}

static void nothing_but_the_anchors_is_trusted(void **state)
{
    struct task *t = test_task(state);
    struct scene *scene = set_scene(t);
    struct credential stranger = make_authority(t, "root", NULL);
    struct bytes garbage = BYTES_LITERAL("no certificate");
    struct bytes_list two = {arena_array(t->arena, 2, sizeof(struct bytes)), 2};
    two.items[0] = der_of(t, stranger.cert);
    two.items[1] = der_of(t, scene->root.cert);
    const struct {
        struct bytes_list anchors;
        bool trusted;
    } cases[] = {
        {list_of(t, der_of(t, stranger.cert)), false},
        {{NULL, 0}, false},
        {list_of(t, garbage), false},
        {list_of(t, der_of(t, scene->root.cert)), true},
        {two, true},
        {list_of(t, der_of(t, scene->sub.cert)), true},
        {list_of(t, der_of(t, scene->credential.cert)), true},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        scene->target.anchors = cases[i].anchors;
        if (cases[i].trusted) {
            assert_ok(t, call_host(t, scene, "127.0.0.1"));
        } else {
            assert_fails(t, call_host(t, scene, "127.0.0.1"), E_PEER_TLS);
            assert_detail(t, arena_printf(t->arena, "127.0.0.1 port %u: ", scene->port));
        }
    }
    leave_scene(scene);
}

static void certificate_must_be_for_the_host(void **state)
{
    static const struct {
        const char *host;
        bool right;
    } cases[] = {
        {"127.0.0.1", true},      {"masa.example", true},   {"MASA.example", true},
        {"other.example", false}, {"a.wild.example", true}, {"b.a.wild.example", false},
        {"127.0.0.2", false},
    };
    struct task *t = test_task(state);
    struct scene *scene = set_scene(t);
    const char *listen[] = {arena_printf(t->arena, "127.0.0.2:%u", scene->port)};
    struct http_server_options options = server_options(t, &scene->credential, scene_routes);
    options.listen = (struct text_list){listen, 1};
    struct http_server *second = start_server(t, &options);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        if (cases[i].right)
            assert_ok(t, call_host(t, scene, cases[i].host));
        else
            assert_fails(t, call_host(t, scene, cases[i].host), E_PEER_TLS);
    }
    stop_server(second);
    leave_scene(scene);
}

static void hang_up(SSL *ssl, int socket, int number)
{
    (void)ssl;
    (void)socket;
    (void)number;
}

static void common_name_is_no_host_name(void **state)
{
    struct task *t = test_task(state);
    struct scene *scene = set_scene(t);
    struct credential old = make_credential(t, "cnonly.example", NULL, "digitalSignature", NULL);
    struct rogue *rogue = rogue_start(t, &old, hang_up);
    const char *resolve[] = {
        arena_printf(t->arena, "cnonly.example:%u:127.0.0.1", rogue_port(rogue))};
    scene->options.resolve = (struct text_list){resolve, 1};
    use_options(t, scene);
    scene->target.anchors = list_of(t, der_of(t, old.cert));
    assert_fails(
        t,
        call_url(t, scene, arena_printf(t->arena, "https://cnonly.example:%u/", rogue_port(rogue))),
        E_PEER_TLS);
    leave_scene(scene);
}

static void special_addresses_are_refused_unless_allowed(void **state)
{
    static const char *others[] = {"10.0.0.0/8", "127.0.0.2", "::/0"};
    static const char *hosts[] = {"127.0.0.1", "masa.example", "localhost"};
    struct task *t = test_task(state);
    struct scene *scene = set_scene(t);
    for (size_t i = 0; i < ARRAY_SIZE(hosts); i++) {
        scene->target.networks = (struct text_list){NULL, 0};
        assert_fails(t, call_host(t, scene, hosts[i]), E_PEER_ADDRESS);
        scene->target.networks = (struct text_list){others, 2};
        assert_fails(t, call_host(t, scene, hosts[i]), E_PEER_ADDRESS);
    }
    assert_int_equal(http_server_figures(scene->server).accepted, 0);
    scene->target.networks = loopback;
    assert_ok(t, call_host(t, scene, "masa.example"));
    /* A connection that was allowed does not serve a call to which it is not. */
    scene->target.networks = (struct text_list){NULL, 0};
    assert_fails(t, call_host(t, scene, "masa.example"), E_PEER_ADDRESS);
    leave_scene(scene);
}

static void unknown_name_is_unresolved(void **state)
{
    struct task *t = test_task(state);
    struct scene *scene = set_scene(t);
    assert_fails(t, call_host(t, scene, "nobody.example"), E_PEER_UNRESOLVED);
    assert_detail(t, "nobody.example");
    leave_scene(scene);
}

static void close_resolver(void)
{
    atomic_store(&resolver.open, false);
    atomic_store(&resolver.calls, 0);
}

static void open_resolver(void)
{
    atomic_store(&resolver.open, true);
    assert_comes(atomic_load(&resolver.stalled) == 0);
}

static void stalled_resolver_does_not_hold_a_call_and_lookups_of_a_name_are_bounded(void **state)
{
    struct task *t = test_task(state);
    struct scene *scene = set_scene(t);
    close_resolver();
    scene->options.timeout = 30;
    use_options(t, scene);
    int64_t begun = clock_monotonic();
    for (int i = 0; i < LOOKUPS_STALLED_PER_HOST; i++)
        assert_fails(t, call_host(t, scene, "stalled.example"), E_PEER_UNRESOLVED);
    assert_lacks(t->detail, "not looked up again");
    assert_fails(t, call_host(t, scene, "STALLED.example"), E_PEER_UNRESOLVED);
    assert_detail(t, "not looked up again");
    assert_int_equal(atomic_load(&resolver.calls), LOOKUPS_STALLED_PER_HOST);
    assert_true(clock_monotonic() - begun < PATIENCE_MS);
    /* Another name, and who needs no lookup, is served all the while. */
    scene->options.timeout = PATIENCE_MS;
    assert_fails(t, call_host(t, scene, "nobody.example"), E_PEER_UNRESOLVED);
    assert_int_equal(atomic_load(&resolver.calls), LOOKUPS_STALLED_PER_HOST + 1);
    assert_ok(t, call_host(t, scene, "127.0.0.1"));
    assert_ok(t, call_host(t, scene, "masa.example"));
    open_resolver();
    leave_scene(scene);
}

static void lookups_under_way_are_bounded_in_all(void **state)
{
    struct task *t = test_task(state);
    struct scene *scene = set_scene(t);
    struct lookup *lookups[LOOKUPS_MAX];
    struct lookup *more;
    atomic_store(&resolver.calls, 0);
    for (int i = 0; i < LOOKUPS_MAX; i++)
        assert_ok(t, lookup_begin(t, scene->client, arena_printf(t->arena, "host%d.example", i),
                                  &lookups[i]));
    assert_fails(t, lookup_begin(t, scene->client, "more.example", &more), E_RESOLVER_BUSY);
    assert_fails(t, call_host(t, scene, "nobody.example"), E_RESOLVER_BUSY);
    assert_int_equal(atomic_load(&resolver.calls), 0);
    assert_ok(t, call_host(t, scene, "127.0.0.1"));
    lookup_end(scene->client, lookups[0], false);
    assert_fails(t, call_host(t, scene, "nobody.example"), E_PEER_UNRESOLVED);
    lookup_end(scene->client, lookups[1], true); /* it has not ended */
    assert_ok(t, lookup_begin(t, scene->client, "more.example", &more));
    assert_fails(t, call_host(t, scene, "nobody.example"), E_RESOLVER_BUSY);
    leave_scene(scene);
}

static void our_certificate_and_chain_are_shown(void **state)
{
    struct task *t = test_task(state);
    struct scene *scene = set_scene(t);
    struct credential owner = make_authority(t, "owner root", NULL);
    struct credential ca = make_authority(t, "registrar CA", &owner);
    struct credential us = make_credential(t, "registrar", NULL, "digitalSignature", &ca);
    scene->target.chain = us.chain;
    scene->target.key = us.key;
    assert_ok(t, call_host(t, scene, "127.0.0.1"));
    assert_contains(
        answer_text(t, scene),
        arena_printf(t->arena, "peers=2 peer=%s",
                     bytes_to_hex(t->arena, bytes_sha256(t->arena, us.chain.items[0]))));
    /* A key that is not the certificate's. */
    scene->target.key = owner.key;
    scene->target.chain = make_credential(t, "other", NULL, NULL, NULL).chain;
    assert_fails(t, call_host(t, scene, "127.0.0.1"), E_PEER_TLS);
    leave_scene(scene);
}

static atomic_int signatures;

static ECDSA_SIG *sign_and_count(const unsigned char *digest, int len, const BIGNUM *kinv,
                                 const BIGNUM *r, EC_KEY *key)
{
    ECDSA_SIG *(*sign)(const unsigned char *, int, const BIGNUM *, const BIGNUM *, EC_KEY *);
    EC_KEY_METHOD_get_sign(EC_KEY_OpenSSL(), NULL, NULL, &sign);
    atomic_fetch_add(&signatures, 1);
    return sign(digest, len, kinv, r, key);
}

static void key_that_only_signs_by_its_own_method_serves(void **state)
{
    struct task *t = test_task(state);
    struct scene *scene = set_scene(t);
    struct credential us = make_credential(t, "registrar", NULL, "digitalSignature", NULL);
    EC_KEY_METHOD *method = EC_KEY_METHOD_new(EC_KEY_OpenSSL());
    int (*whole)(int, const unsigned char *, int, unsigned char *, unsigned int *, const BIGNUM *,
                 const BIGNUM *, EC_KEY *);
    int (*setup)(EC_KEY *, BN_CTX *, BIGNUM **, BIGNUM **);
    EC_KEY_METHOD_get_sign(method, &whole, &setup, NULL);
    EC_KEY_METHOD_set_sign(method, whole, setup, sign_and_count);
    EC_KEY *key = EVP_PKEY_get1_EC_KEY(us.key);
    assert_int_equal(EC_KEY_set_method(key, method), 1);
    EVP_PKEY *legacy = EVP_PKEY_new();
    assert_int_equal(EVP_PKEY_assign_EC_KEY(legacy, key), 1);
    scene->target.chain = us.chain;
    scene->target.key = legacy;
    atomic_store(&signatures, 0);
    assert_ok(t, call_host(t, scene, "127.0.0.1"));
    assert_contains(answer_text(t, scene), "peers=1 ");
    assert_int_equal(atomic_load(&signatures), 1);
    leave_scene(scene);
    EVP_PKEY_free(legacy);
    EC_KEY_METHOD_free(method);
}

/* In TLS 1.3 the refusal comes after the client's part of the handshake. */
static void peer_that_refuses_our_certificate_is_a_matter_of_tls(void **state)
{
    struct task *t = test_task(state);
    struct scene *scene = set_scene(t);
    struct rogue *rogue = rogue_start(t, &scene->credential, hang_up);
    rogue_demand_certificate(rogue);
    scene->target.anchors = list_of(t, der_of(t, scene->credential.cert));
    assert_fails(t, call_rogue(t, scene, rogue), E_PEER_TLS);
    assert_detail(t, "alert");
    leave_scene(scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(nothing_but_the_anchors_is_trusted),
        UNIT_TEST(certificate_must_be_for_the_host),
        UNIT_TEST(common_name_is_no_host_name),
        UNIT_TEST(special_addresses_are_refused_unless_allowed),
        UNIT_TEST(unknown_name_is_unresolved),
        UNIT_TEST(stalled_resolver_does_not_hold_a_call_and_lookups_of_a_name_are_bounded),
        UNIT_TEST(lookups_under_way_are_bounded_in_all),
        UNIT_TEST(our_certificate_and_chain_are_shown),
        UNIT_TEST(key_that_only_signs_by_its_own_method_serves),
        UNIT_TEST(peer_that_refuses_our_certificate_is_a_matter_of_tls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
