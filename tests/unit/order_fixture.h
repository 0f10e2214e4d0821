/* Orders over a store in the test's folder, of a kind that does what the test tells it to. */
#ifndef GATEHOUSE_TESTS_UNIT_ORDER_FIXTURE_H
#define GATEHOUSE_TESTS_UNIT_ORDER_FIXTURE_H

#include "core/order/order.h"
#include "tests/unit/store_fixture.h"

#include <semaphore.h>
#include <stdatomic.h>

struct desk;

/* What one run does; `desk` is the kind's context. */
typedef bool (*desk_act)(struct task *t, struct order_run *run, struct desk *desk);

struct desk {
    struct store *store;
    struct orders *orders;
    struct order_options options;
    struct order_kind kind;
    struct order_kind_entry kinds[2];
    desk_act act;
    atomic_int runs;
    atomic_int at_once;      /* runs that are inside `act` */
    atomic_int most_at_once; /* ever */
    sem_t entered;           /* for act_at_gate() */
    sem_t go;
    void *more; /* the test's */
};

/* Small limits and short times; change what the test is about before desk_open(). */
void desk_prepare(struct desk *desk, desk_act act);
void desk_open(void **state, struct desk *desk);
/* Only the orders: over a store that is open. */
void desk_start(void **state, struct desk *desk);
/* Stops within two seconds, or the test fails. */
void desk_stop(struct desk *desk);
void desk_close(struct desk *desk);

/* A request for `what`, of peer "peer". */
struct order_request desk_request(struct task *t, struct desk *desk, const char *what);
/* Submits it; the test fails when that fails. */
struct bytes desk_submit(struct task *t, struct desk *desk, const char *what,
                         enum order_join expected);
/* The order when it is finished, or after five seconds. */
struct order desk_wait(struct task *t, struct desk *desk, struct bytes id);
/* As it is now. */
struct order desk_look(struct task *t, struct desk *desk, struct bytes id);
struct bytes desk_result(struct task *t, struct desk *desk, struct bytes id);

/* Done, with the request as the result. */
bool act_echo(struct task *t, struct order_run *run, struct desk *desk);
/* Says that it has entered, waits for `go`, and is done. */
bool act_at_gate(struct task *t, struct order_run *run, struct desk *desk);
/* Fails for now. */
bool act_retry(struct task *t, struct order_run *run, struct desk *desk);

#endif
