/* JSON from outside, read strictly: no duplicate members, bounded depth, UTF-8 (RFC 8259). */
#ifndef GATEHOUSE_CORE_BASE_JSON_H
#define GATEHOUSE_CORE_BASE_JSON_H

#include "core/base/task.h"

#include <jansson.h>

#define JSON_DEPTH_MAX 16

/* The reference is released with the arena.  Fails with E_MALFORMED and the position. */
MUST_USE bool json_parse(struct task *t, struct bytes text, json_t **ret);
/* Compact, members in the order they were set. */
MUST_USE bool json_write(struct task *t, json_t *value, struct bytes *ret);
/* Hands the reference to the arena and returns it. */
json_t *json_in_arena(struct task *t, json_t *value);

#endif
