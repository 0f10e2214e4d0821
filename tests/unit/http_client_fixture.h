/* A server, a client, and calls from the one to the other. */
#ifndef GATEHOUSE_TESTS_UNIT_HTTP_CLIENT_FIXTURE_H
#define GATEHOUSE_TESTS_UNIT_HTTP_CLIENT_FIXTURE_H

#include "tests/unit/http_fixture.h"

/* A server under a CA, a client, and how the one reaches the other. */
struct scene {
    struct credential root;
    struct credential sub;
    struct credential credential;
    struct http_server *server;
    unsigned port;
    struct http_client_options options;
    struct http_client *client;
    struct http_target target;
    struct http_answer answer;
};

/* Where all tests are, which has to be allowed. */
extern const struct text_list loopback;
extern const struct http_route scene_routes[];

/*
 * The server has a certificate for masa.example, *.wild.example and 127.0.0.1 below a sub CA; the
 * target trusts the root above.  It answers /echo, /elsewhere and /octets/N.
 */
struct scene *set_scene(struct task *t);
void leave_scene(struct scene *scene);
/* A new client, after a change to scene->options. */
void use_options(struct task *t, struct scene *scene);
struct bytes_list list_of(struct task *t, struct bytes one);

/* GET; what comes is in scene->answer. */
bool call_url(struct task *t, struct scene *scene, const char *url);
bool call_host(struct task *t, struct scene *scene, const char *host);
bool call_rogue(struct task *t, struct scene *scene, const struct rogue *rogue);
const char *answer_text(struct task *t, const struct scene *scene);

#endif
