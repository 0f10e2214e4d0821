/* What a pledge is told about its order: the result, the refusal, or 202 with Retry-After. */
#ifndef GATEHOUSE_CORE_PLEDGE_ANSWER_H
#define GATEHOUSE_CORE_PLEDGE_ANSWER_H

#include "core/http/server.h"
#include "core/order/order.h"

struct answer_limits {
    int64_t wait;    /* ms a request waits for its order */
    int retry_after; /* seconds, at most 60 (RFC 8995 5.6) */
};

/* All waiting of this request together ends after limits.wait: it becomes the task's deadline. */
void answer_begin(struct task *t, const struct answer_limits *limits);

/*
 * Waits for the order and fills the reply: done: 200 with the result; under way or waiting for
 * approval: 202.  A refused order becomes the task's problem: the kind of that name in `tables`
 * (NULL-terminated), or E_INTERNAL for a name that no table knows.
 */
MUST_USE bool order_answer(struct task *t, struct orders *orders, struct bytes id,
                           const struct answer_limits *limits,
                           const struct problem_kind *const *const *tables,
                           struct http_reply *reply);
/* 202 with Retry-After and a line of text. */
void answer_later(struct http_reply *reply, int retry_after);

#endif
