#include "tests/unit/api_fixture.h"

#include "core/base/clock.h"
#include "core/http/client.h"
#include "tests/unit/pki_fixture.h"
#include "tests/unit/store_fixture.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATIENCE   20000 /* ms: far longer than anything here takes */
#define ANSWER_MAX (16UL * 1024 * 1024)

/* ---- Serving ---- */

static bool run_order(struct task *t, struct order_run *run)
{
    return order_done(t, run, "text/plain", run->request, NULL, NULL);
}

const struct order_kind fixture_order_kind = {.name = "fixture", .run = run_order};

static const struct order_kind_entry kinds[] = {{&fixture_order_kind, NULL}, {NULL, NULL}};

static const struct order_options order_options = {
    .runners = 2,
    .runners_per_peer = 2,
    .pending = 100,
    .lifetime = HOUR_MS,
    .replay = HOUR_MS,
    .retention = HOUR_MS,
    .retry_first = SECOND_MS,
    .retry_most = MINUTE_MS,
    .run_limit = MINUTE_MS,
};

static const struct problem_kind *const *const problem_tables[] = {base_problems, order_problems,
                                                                   api_problems, NULL};

static bool put_profile(struct task *t, struct tx *tx, void *arg)
{
    struct profile profile;
    (void)arg;
    record_init(t, &profile_type, &profile);
    profile.name = PROFILE_DEFAULT;
    return table_put(t, tx, &profiles, &profile);
}

static void start_server(struct api_fixture *f)
{
    struct task *t = f->t;
    const char *listen = arena_printf(t->arena, "unix:%s", f->socket);
    const struct http_server_options options = {
        .name = "admin",
        .listen = {&listen, 1},
        .unix_mode = S_IRUSR | S_IWUSR,
        .unix_root_only = true,
        .routes = api_routes(t, &f->api),
        .limits = {.connections = 16,
                   .connections_per_address = 16,
                   .requests = 16,
                   .handshake = PATIENCE,
                   .header = PATIENCE,
                   .body = PATIENCE,
                   .idle = PATIENCE,
                   .header_size = 16384,
                   .retry_after = 1},
        .style = HTTP_STYLE_PROBLEM,
    };
    assert_ok(t, http_server_start(t, &options, &f->server));
}

static void stop(void *arg)
{
    struct api_fixture *f = arg;
    http_client_free(f->client);
    if (f->server != NULL)
        (void)http_server_stop(f->server, clock_monotonic() + PATIENCE);
    if (f->orders != NULL)
        (void)orders_stop(f->orders, clock_monotonic() + PATIENCE);
    strangers_free(f->strangers);
    store_close(f->store);
}

struct api_fixture *api_fixture(void **state)
{
    struct task *t = test_task(state);
    struct api_fixture *f = arena_alloc(t->arena, sizeof(*f));
    static const struct http_client_options client_options = {
        .connect_timeout = PATIENCE,
        .timeout = PATIENCE,
        .answer_max = ANSWER_MAX,
        .idle_connections = 2,
        .idle = PATIENCE,
    };
    f->t = t;
    f->socket = arena_printf(t->arena, "%s/admin.socket", test_folder(state));
    arena_defer(t->arena, stop, f);
    f->store = store_fixture_open(state);
    assert_ok(t, store_update(t, f->store, put_profile, NULL));
    assert_ok(t, orders_start(t, f->store, &order_options, kinds, &f->orders));
    f->strangers = strangers_make(8);
    f->api = (struct api){
        .store = f->store,
        .orders = f->orders,
        .strangers = f->strangers,
        .problems = problem_tables,
        .started = clock_wall() - HOUR_MS,
    };
    start_server(f);
    assert_ok(t, http_client_make(t, &client_options, &f->client));
    return f;
}

/* ---- Calling ---- */

static struct api_answer call(struct api_fixture *f, const struct http_call *call)
{
    struct task *t = f->t;
    struct http_answer answer;
    struct api_answer ret = {0};
    assert_ok(t, http_client_call(t, f->client, call, &answer));
    ret.status = answer.status;
    ret.media_type = answer.media_type;
    ret.location = answer.location;
    ret.text = bytes_to_text(t->arena, answer.body);
    if (answer.body.len > 0)
        assert_ok(t, json_parse(t, answer.body, &ret.json));
    return ret;
}

struct api_answer api_call(struct api_fixture *f, const char *method, const char *path,
                           const char *body)
{
    const struct http_target target = {.unix_socket = f->socket};
    const struct http_call c = {
        .method = method,
        .url = arena_printf(f->t->arena, "http://localhost%s", path),
        .media_type = body == NULL ? NULL : "application/json",
        .body = bytes_of_text(body),
        .target = &target,
    };
    return call(f, &c);
}

struct api_answer api_get(struct api_fixture *f, const char *path)
{
    return api_call(f, "GET", path, NULL);
}

struct api_answer api_post(struct api_fixture *f, const char *path, const char *body)
{
    return api_call(f, "POST", path, body);
}

struct api_answer api_post_as(struct api_fixture *f, const char *path, const char *media_type,
                              struct bytes body)
{
    const struct http_target target = {.unix_socket = f->socket};
    const struct http_call c = {
        .method = "POST",
        .url = arena_printf(f->t->arena, "http://localhost%s", path),
        .media_type = media_type,
        .body = body,
        .target = &target,
    };
    return call(f, &c);
}

/* ---- Looking at answers ---- */

json_t *json_at(json_t *json, const char *path)
{
    json_t *at = json;
    for (const char *step = path; at != NULL && *step != '\0';) {
        size_t len = strcspn(step, ".");
        char *end;
        size_t index = strtoul(step, &end, 10);
        at = json_is_array(at) && end == step + len ? json_array_get(at, index)
                                                    : json_object_getn(at, step, len);
        step += len;
        step += *step == '.';
    }
    if (at == NULL) {
        char *text = json_dumps(json, JSON_ENCODE_ANY);
        print_error("no %s in %s\n", path, text);
        free(text);
        fail_msg("a member is missing");
    }
    return at;
}

void assert_problem(const struct api_answer *answer, int status, const char *code, const char *part)
{
    if (answer->status != status)
        print_error("%s\n", answer->text == NULL ? "(no body)" : answer->text);
    assert_int_equal(answer->status, status);
    assert_string_equal(answer->media_type, "application/problem+json");
    assert_json_text(answer->json, "code", code);
    assert_int_equal(json_integer_value(json_at(answer->json, "status")), status);
    const char *detail = json_string_value(json_at(answer->json, "detail"));
    if (strstr(detail, part) == NULL)
        fail_msg("\"%s\" should be in the detail \"%s\"", part, detail);
    assert_true(json_string_length(json_at(answer->json, "hint")) > 0);
}

/* ---- Records ---- */

struct record_to_put {
    const struct table *table;
    const void *record;
};

static bool put_record(struct task *t, struct tx *tx, void *arg)
{
    const struct record_to_put *put = arg;
    return table_put(t, tx, put->table, put->record);
}

static void put(struct api_fixture *f, const struct table *table, const void *record)
{
    struct record_to_put put = {table, record};
    assert_ok(f->t, store_update(f->t, f->store, put_record, &put));
}

void put_manufacturer(struct api_fixture *f, const char *name)
{
    struct manufacturer m;
    record_init(f->t, &manufacturer_type, &m);
    m.name = name;
    put(f, &manufacturers, &m);
}

struct bytes put_device(struct api_fixture *f, const char *manufacturer, const char *serial,
                        unsigned number, struct bytes episode)
{
    struct task *t = f->t;
    struct bytes issuer = bytes_sha256(t->arena, bytes_make(&number, sizeof(number)));
    const struct device device = {
        .id = device_id(t->arena, issuer, serial),
        .issuer_spki_sha256 = issuer,
        .serial = serial,
        .manufacturer = manufacturer,
        .admission = bytes_present(episode) ? DEVICE_ADMITTED : DEVICE_UNEXPECTED,
        .episode = episode,
        .first_seen = clock_wall(),
        .last_seen = clock_wall(),
        .last_address = "192.0.2.1:4711",
    };
    put(f, &devices, &device);
    return device.id;
}

struct bytes put_episode(struct api_fixture *f, struct bytes id, struct bytes device,
                         enum episode_stage stage)
{
    struct episode episode;
    record_init(f->t, &episode_type, &episode);
    episode.id = id;
    episode.device = device;
    episode.stage = stage;
    episode.opened = clock_wall();
    put(f, &episodes, &episode);
    return episode.id;
}

void put_expected(struct api_fixture *f, const char *manufacturer, const char *serial,
                  struct bytes device)
{
    const struct expected expected = {
        .manufacturer = manufacturer,
        .serial = serial,
        .device = device,
        .added = clock_wall(),
        .added_by = "admin:somebody",
        .note = "a note",
    };
    put(f, &expected_devices, &expected);
}

static bool add_event(struct task *t, struct tx *tx, void *arg)
{
    return event_add(t, tx, arg);
}

void put_event(struct api_fixture *f, const struct event *event)
{
    struct event copy = *event;
    assert_ok(f->t, store_update(f->t, f->store, add_event, &copy));
}

struct event last_event(struct api_fixture *f)
{
    struct task *t = f->t;
    struct view *view CLEANUP(view_cleanup) = NULL;
    struct audit_report report;
    struct audit_entry entry;
    struct event event;
    assert_ok(t, view_open(t, f->store, &view));
    assert_ok(t, audit_verify(t, view, &report));
    assert_ok(t, audit_get(t, view_reader(view), report.entries, &entry));
    assert_ok(t, event_decode(t, entry.payload, &event));
    return event;
}

const char *some_anchor(struct task *t)
{
    struct identity ca = make_ca(t, "CN=Test maker CA", NULL);
    return bytes_to_base64(t->arena, ca.cert->der);
}

const char *own_actor(struct task *t)
{
    char *buffer = arena_alloc(t->arena, 4096);
    struct passwd entry;
    struct passwd *found = NULL;
    assert_int_equal(getpwuid_r(geteuid(), &entry, buffer, 4096, &found), 0);
    return found == NULL ? arena_printf(t->arena, "admin:%lu", (unsigned long)geteuid())
                         : arena_printf(t->arena, "admin:%s", found->pw_name);
}
