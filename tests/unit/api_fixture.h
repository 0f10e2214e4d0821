/* The admin API with everything it works on, served on a Unix socket in the test's folder. */
#ifndef GATEHOUSE_TESTS_UNIT_API_FIXTURE_H
#define GATEHOUSE_TESTS_UNIT_API_FIXTURE_H

#include "core/base/json.h"
#include "core/store/audit.h"
#include "core/store/records/device.h"
#include "core/store/records/episode.h"
#include "core/store/records/event.h"
#include "core/store/records/manufacturer.h"
#include "core/store/records/profile.h"
#include "tests/unit/support.h"
#include "web/api.h"

struct api_fixture {
    struct task *t;
    struct api api;
    struct store *store;
    struct orders *orders;
    struct strangers *strangers;
    struct http_server *server;
    struct http_client *client;
    const char *socket; /* path */
};

/* Serves until the test ends; the store holds the profile "default" and nothing else. */
struct api_fixture *api_fixture(void **state);
/* The kind of orders that the fixture's runners carry out: the result is the request. */
extern const struct order_kind fixture_order_kind;

struct api_answer {
    int status;
    const char *media_type;
    const char *location;
    const char *text; /* the body as it came */
    json_t *json;     /* NULL: no body */
};
/* The test fails when no answer comes.  `body` NULL: none. */
struct api_answer api_call(struct api_fixture *f, const char *method, const char *path,
                           const char *body);
struct api_answer api_get(struct api_fixture *f, const char *path);
struct api_answer api_post(struct api_fixture *f, const char *path, const char *body);
/* POST with a media type of the test's choice. */
struct api_answer api_post_as(struct api_fixture *f, const char *path, const char *media_type,
                              struct bytes body);

/* A member of an object, reached through "a.b.0.c"; the test fails when it is not there. */
json_t *json_at(json_t *json, const char *path);
#define assert_json_text(json, path, expected)                                                     \
    assert_string_equal(json_string_value(json_at((json), (path))), (expected))
/* RFC 9457: an error of this status and code, with a detail that contains `part`, and a hint. */
void assert_problem(const struct api_answer *answer, int status, const char *code,
                    const char *part);

/* Writes records straight into the store. */
void put_manufacturer(struct api_fixture *f, const char *name);
/* Returns the device's id; `number` tells issuers apart. */
struct bytes put_device(struct api_fixture *f, const char *manufacturer, const char *serial,
                        unsigned number, struct bytes episode);
struct bytes put_episode(struct api_fixture *f, struct bytes id, struct bytes device,
                         enum episode_stage stage);
void put_expected(struct api_fixture *f, const char *manufacturer, const char *serial,
                  struct bytes device);
void put_event(struct api_fixture *f, const struct event *event);
/* The latest event of the whole audit trail. */
struct event last_event(struct api_fixture *f);

/* A CA certificate made for the test, as base64 of its DER. */
const char *some_anchor(struct task *t);
/* "admin:NAME" of whoever runs the test. */
const char *own_actor(struct task *t);

#endif
