/* The outgoing client: by which way it goes, and what it says of us in HTTP. */
#include "tests/unit/http_client_fixture.h"

#include "core/base/clock.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/pem.h>

#define HEADER_MAX 8192

/* ---- A proxy ---- */

/* One proxy at a time: what it was asked, and what it does. */
static struct {
    char asked[HEADER_MAX];
    unsigned port;      /* where it leads, whatever it is asked */
    const char *answer; /* instead; NULL: the way is open */
    bool wants_login;
} proxy;

/* A header, up to its empty line. */
static void read_header(int socket, SSL *ssl, char *header)
{
    size_t len = 0;
    memset(header, 0, HEADER_MAX);
    while (len + 1 < HEADER_MAX && strstr(header, "\r\n\r\n") == NULL) {
        ssize_t got = ssl == NULL ? read(socket, header + len, 1) : SSL_read(ssl, header + len, 1);
        if (got <= 0)
            return;
        len++;
    }
}

static void say(int socket, const char *text)
{
    assert_int_equal(write(socket, text, strlen(text)), (ssize_t)strlen(text));
}

/* Octets from the one to the other; false: there are none left. */
static bool pass_on(int from, int to)
{
    char octets[4096];
    ssize_t got = read(from, octets, sizeof(octets));
    return got > 0 && write(to, octets, (size_t)got) == got;
}

static void tunnel(int client)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((in_port_t)proxy.port)};
    int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(connect(server, (struct sockaddr *)&address, sizeof(address)), 0);
    struct pollfd ends[] = {{.fd = client, .events = POLLIN}, {.fd = server, .events = POLLIN}};
    for (bool open = true; open && poll(ends, 2, PATIENCE_MS) > 0;) {
        if (ends[0].revents != 0)
            open = pass_on(client, server);
        else if (ends[1].revents != 0)
            open = pass_on(server, client);
    }
    (void)close(server);
}

static void act_as_proxy(SSL *ssl, int socket, int number)
{
    (void)ssl;
    (void)number;
    read_header(socket, NULL, proxy.asked);
    if (proxy.wants_login && strstr(proxy.asked, "Proxy-Authorization: ") == NULL) {
        say(socket, "HTTP/1.1 407 Who are you?\r\nProxy-Authenticate: Basic realm=\"x\"\r\n"
                    "Content-Length: 0\r\n\r\n");
        read_header(socket, NULL, proxy.asked);
    }
    if (proxy.answer != NULL) {
        say(socket, proxy.answer);
        return;
    }
    say(socket, "HTTP/1.1 200 Go ahead\r\nX-Proxy: yes\r\n\r\n");
    tunnel(socket);
}

/* A scene in which calls go through a proxy to the server. */
static struct http_proxy *set_proxy(struct task *t, struct scene *scene)
{
    memset(&proxy, 0, sizeof(proxy));
    proxy.port = scene->port;
    struct rogue *rogue = rogue_start(t, NULL, act_as_proxy);
    struct http_proxy *made = arena_alloc(t->arena, sizeof(*made));
    made->url = arena_printf(t->arena, "http://127.0.0.1:%u", rogue_port(rogue));
    scene->target.proxy = made;
    scene->target.networks = (struct text_list){NULL, 0};
    scene->options.resolve = (struct text_list){NULL, 0}; /* nobody here knows the name */
    scene->options.idle_connections = 0;                  /* the proxy has one at a time */
    use_options(t, scene);
    return made;
}

static void proxy_leads_to_a_peer_that_only_it_can_find(void **state)
{
    struct task *t = test_task(state);
    struct scene *scene = set_scene(t);
    (void)set_proxy(t, scene);
    assert_ok(t, call_host(t, scene, "masa.example"));
    assert_contains(answer_text(t, scene), "GET ");
    assert_contains(proxy.asked,
                    arena_printf(t->arena, "CONNECT masa.example:%u HTTP/1.1\r\n", scene->port));
    assert_lacks(proxy.asked, "Authorization");
    /* The peer is known by its own certificate, through a proxy too. */
    assert_fails(t, call_host(t, scene, "other.example"), E_PEER_TLS);
    assert_detail(t, "through the proxy 127.0.0.1 port ");
    leave_scene(scene);
}

static void clients_proxy_is_for_targets_that_name_none(void **state)
{
    struct task *t = test_task(state);
    struct scene *scene = set_scene(t);
    const struct text_list resolve = scene->options.resolve;
    const struct http_proxy none = {.url = NULL};
    scene->options.proxy = *set_proxy(t, scene);
    use_options(t, scene);
    scene->target.proxy = NULL;
    assert_ok(t, call_host(t, scene, "masa.example"));
    assert_contains(proxy.asked, "CONNECT ");
    memset(proxy.asked, 0, sizeof(proxy.asked));
    scene->options.resolve = resolve;
    use_options(t, scene);
    scene->target.proxy = &none;
    scene->target.networks = loopback;
    assert_ok(t, call_host(t, scene, "masa.example"));
    assert_string_equal(proxy.asked, "");
    leave_scene(scene);
}

static void proxy_of_the_environment_is_not_used(void **state)
{
    struct task *t = test_task(state);
    struct scene *scene = set_scene(t);
    const struct http_proxy none = {.url = NULL};
    (void)set_proxy(t, scene);
    assert_int_equal(setenv("https_proxy", "http://127.0.0.1:9", 1), 0);
    assert_int_equal(setenv("no_proxy", "*", 1), 0);
    assert_ok(t, call_host(t, scene, "masa.example")); /* through ours, whatever no_proxy says */
    assert_contains(proxy.asked, "CONNECT ");
    scene->target.proxy = &none;
    scene->target.networks = loopback;
    assert_ok(t, call_host(t, scene, "127.0.0.1"));
    assert_int_equal(unsetenv("https_proxy"), 0);
    assert_int_equal(unsetenv("no_proxy"), 0);
    leave_scene(scene);
}

static void proxy_is_told_who_we_are_and_never_what_the_peer_is_told(void **state)
{
    struct task *t = test_task(state);
    struct scene *scene = set_scene(t);
    struct http_proxy *made = set_proxy(t, scene);
    made->user = "me";
    made->password = "secret";
    proxy.wants_login = true;
    scene->target.login = HTTP_LOGIN_BASIC;
    scene->target.user = "us";
    scene->target.password = "hush";
    assert_ok(t, call_host(t, scene, "masa.example"));
    assert_contains(proxy.asked, "Proxy-Authorization: Basic bWU6c2VjcmV0\r\n");
    assert_lacks(proxy.asked, "\nAuthorization:");
    leave_scene(scene);
}

static void proxy_that_does_not_help_is_named(void **state)
{
    static const struct {
        const char *answer;
        const char *detail;
    } rows[] = {
        {"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n", "the proxy answered 403"},
        {"HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n", "the proxy answered 407"},
        {"HTTP/1.1 502 No\r\nContent-Length: 0\r\n\r\n", "the proxy answered 502"},
        {"", "through the proxy"},
        {"220 mail.example ESMTP\r\n\r\n", "through the proxy"},
    };
    struct task *t = test_task(state);
    struct scene *scene = set_scene(t);
    struct http_proxy *made = set_proxy(t, scene);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        proxy.answer = rows[i].answer;
        assert_fails(t, call_host(t, scene, "masa.example"), E_PEER_PROXY);
        assert_detail(t, rows[i].detail);
    }
    made->url = "http://127.0.0.1:9";
    assert_fails(t, call_host(t, scene, "masa.example"), E_PEER_PROXY);
    made->url = "http://nobody.invalid:9";
    assert_fails(t, call_host(t, scene, "masa.example"), E_PEER_PROXY);
    assert_int_equal(http_server_figures(scene->server).accepted, 0);
    leave_scene(scene);
}

static void proxy_is_not_asked_for_what_is_near_it(void **state)
{
    static const char *const near[] = {
        "127.0.0.1", "10.1.2.3",      "169.254.169.254", "[::1]",      "[fd00::1]",
        "localhost", "intern",        "masa.local",      "a.Internal", "a.home.arpa",
        "a.corp",    "sub.localhost", "router.lan",      "0x7f.0.0.1",
    };
    static const char *private[] = {"10.0.0.0/8"};
    struct task *t = test_task(state);
    struct scene *scene = set_scene(t);
    (void)set_proxy(t, scene);
    for (size_t i = 0; i < ARRAY_SIZE(near); i++) {
        assert_fails(t, call_host(t, scene, near[i]), E_PEER_ADDRESS);
        assert_string_equal(proxy.asked, "");
    }
    /* The record's word: a network, or the name itself. */
    scene->target.networks = (struct text_list){private, 1};
    assert_fails(t, call_host(t, scene, "10.1.2.3"), E_PEER_TLS); /* it is our server */
    assert_contains(proxy.asked, "CONNECT 10.1.2.3:");
    scene->target.named_by_owner = true;
    assert_fails(t, call_host(t, scene, "masa.local"), E_PEER_TLS);
    assert_contains(proxy.asked, "CONNECT masa.local:");
    assert_fails(t, call_host(t, scene, "127.0.0.1"), E_PEER_ADDRESS);
    leave_scene(scene);
}

static void proxy_is_host_and_port_and_no_more(void **state)
{
    static const char *const right[] = {"http://proxy.example:3128", "http://10.0.0.1:80",
                                        "http://[fd00::1]:3128", "http://proxy.example:3128/"};
    static const char *const wrong[] = {
        "",
        "proxy.example:3128",
        "https://proxy.example:3128",
        "socks5://a:1",
        "http://me:secret@a:3128",
        "http://a:3128/path",
        "http://a:3128/?q",
        "http://a:3128/#f",
        "http://:3128",
    };
    struct task *t = test_task(state);
    for (size_t i = 0; i < ARRAY_SIZE(right); i++)
        assert_ok(t, http_proxy_check(t, right[i]));
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        assert_fails(t, http_proxy_check(t, wrong[i]), E_INVALID);
        assert_lacks(t->detail, "secret");
    }
}

/* ---- A peer that wants to know who we are ---- */

static struct {
    char first[HEADER_MAX];
    char second[HEADER_MAX];
    const char *challenge; /* NULL: it does not ask */
} peer;

static void read_body(SSL *ssl, const char *header)
{
    const char *length = strstr(header, "Content-Length: ");
    unsigned long left = length == NULL ? 0 : strtoul(length + 16, NULL, 10);
    char octet;
    while (left > 0 && SSL_read(ssl, &octet, 1) == 1)
        left--;
    assert_int_equal(left, 0);
}

static void ask_who_it_is(SSL *ssl, int socket, int number)
{
    (void)socket;
    (void)number;
    read_header(-1, ssl, peer.first);
    read_body(ssl, peer.first);
    if (peer.challenge == NULL) {
        rogue_write(ssl, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        return;
    }
    rogue_write(ssl, "HTTP/1.1 401 Who?\r\nContent-Length: 3\r\nWWW-Authenticate: ");
    rogue_write(ssl, peer.challenge);
    rogue_write(ssl, "\r\n\r\nno!");
    read_header(-1, ssl, peer.second);
    if (*peer.second == '\0')
        return;
    read_body(ssl, peer.second);
    rogue_write(ssl, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine");
}

static struct rogue *start_peer(struct task *t, struct scene *scene, const char *challenge)
{
    struct credential own = make_credential(t, "peer", "IP:127.0.0.1", "digitalSignature", NULL);
    peer.challenge = challenge;
    scene->target.anchors = list_of(t, der_of(t, own.cert));
    scene->options.idle_connections = 0;
    use_options(t, scene);
    return rogue_start(t, &own, ask_who_it_is);
}

static bool post_to(struct task *t, struct scene *scene, const struct rogue *rogue)
{
    struct http_call call = {
        .method = "POST",
        .url = arena_printf(t->arena, "https://127.0.0.1:%u/x", rogue_port(rogue)),
        .media_type = "text/plain",
        .body = BYTES_LITERAL("body"),
        .target = &scene->target,
    };
    memset(peer.first, 0, sizeof(peer.first));
    memset(peer.second, 0, sizeof(peer.second));
    return http_client_call(t, scene->client, &call, &scene->answer);
}

static void basic_says_who_we_are_at_once(void **state)
{
    struct task *t = test_task(state);
    struct scene *scene = set_scene(t);
    struct rogue *rogue = start_peer(t, scene, NULL);
    scene->target.login = HTTP_LOGIN_BASIC;
    scene->target.user = "us";
    scene->target.password = "hush";
    assert_ok(t, post_to(t, scene, rogue));
    assert_int_equal(scene->answer.status, 200);
    assert_contains(peer.first, "Authorization: Basic dXM6aHVzaA==\r\n");
    /* And nobody else is told. */
    scene->target.login = HTTP_LOGIN_NONE;
    assert_ok(t, post_to(t, scene, rogue));
    assert_lacks(peer.first, "Authorization");
    leave_scene(scene);
}

static void digest_waits_for_the_challenge_and_never_sends_the_password(void **state)
{
    struct task *t = test_task(state);
    struct scene *scene = set_scene(t);
    struct rogue *rogue = start_peer(
        t, scene, "Digest realm=\"masa\", nonce=\"abc\", qop=\"auth\", algorithm=SHA-256");
    scene->target.login = HTTP_LOGIN_DIGEST;
    scene->target.user = "us";
    scene->target.password = "hush";
    assert_ok(t, post_to(t, scene, rogue));
    assert_int_equal(scene->answer.status, 200);
    assert_string_equal(answer_text(t, scene), "fine"); /* nothing of the 401 before it */
    assert_lacks(peer.first, "Authorization");
    assert_contains(peer.first, "Content-Length: 0\r\n");
    assert_contains(peer.second, "Authorization: Digest username=\"us\"");
    assert_contains(peer.second, "algorithm=SHA-256");
    assert_contains(peer.second, "Content-Length: 4\r\n");
    assert_lacks(peer.second, "hush");
    /* A peer that wants the password itself does not get it. */
    peer.challenge = "Basic realm=\"masa\"";
    assert_ok(t, post_to(t, scene, rogue));
    assert_int_equal(scene->answer.status, 401);
    assert_string_equal(peer.second, "");
    leave_scene(scene);
}

static void connection_of_one_user_does_not_serve_another(void **state)
{
    struct task *t = test_task(state);
    struct scene *scene = set_scene(t);
    scene->target.login = HTTP_LOGIN_BASIC;
    scene->target.user = "us";
    scene->target.password = "hush";
    for (int i = 0; i < 2; i++)
        assert_ok(t, call_host(t, scene, "127.0.0.1"));
    assert_int_equal(http_server_figures(scene->server).accepted, 1);
    scene->target.password = "other";
    assert_ok(t, call_host(t, scene, "127.0.0.1"));
    assert_int_equal(http_server_figures(scene->server).accepted, 2);
    leave_scene(scene);
}

/* ---- This machine's CA certificates ---- */

static void machines_anchors_count_only_where_the_target_says_so(void **state)
{
    struct task *t = test_task(state);
    struct scene *scene = set_scene(t);
    const char *folder = test_folder(state);
    /* As `openssl rehash` names it. */
    const char *path =
        arena_printf(t->arena, "%s/%08lx.0", folder, X509_subject_name_hash(scene->root.cert));
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_int_equal(PEM_write_X509(file, scene->root.cert), 1);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(setenv("SSL_CERT_DIR", folder, 1), 0);
    scene->target.anchors = (struct bytes_list){NULL, 0};
    assert_fails(t, call_host(t, scene, "127.0.0.1"), E_PEER_TLS);
    scene->target.system_anchors = true;
    assert_ok(t, call_host(t, scene, "127.0.0.1"));
    scene->target.anchors = list_of(t, der_of(t, make_authority(t, "another", NULL).cert));
    assert_ok(t, call_host(t, scene, "127.0.0.1"));
    scene->target.system_anchors = false;
    assert_fails(t, call_host(t, scene, "127.0.0.1"), E_PEER_TLS);
    assert_int_equal(unsetenv("SSL_CERT_DIR"), 0);
    leave_scene(scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(proxy_leads_to_a_peer_that_only_it_can_find),
        UNIT_TEST(clients_proxy_is_for_targets_that_name_none),
        UNIT_TEST(proxy_of_the_environment_is_not_used),
        UNIT_TEST(proxy_is_told_who_we_are_and_never_what_the_peer_is_told),
        UNIT_TEST(proxy_that_does_not_help_is_named),
        UNIT_TEST(proxy_is_not_asked_for_what_is_near_it),
        UNIT_TEST(proxy_is_host_and_port_and_no_more),
        UNIT_TEST(basic_says_who_we_are_at_once),
        UNIT_TEST(digest_waits_for_the_challenge_and_never_sends_the_password),
        UNIT_TEST(connection_of_one_user_does_not_serve_another),
        UNIT_TEST(machines_anchors_count_only_where_the_target_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
