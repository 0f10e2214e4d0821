/* A body that comes in pieces. */
#ifndef GATEHOUSE_CORE_HTTP_BODY_H
#define GATEHOUSE_CORE_HTTP_BODY_H

#include "core/base/bytes.h"

/* Zeroed: nothing has come.  What is kept lives in the arena of body_append(). */
struct body {
    uint8_t *data;
    size_t len;
    size_t room;
};

/* The caller has seen to it that this is not too much. */
void body_append(struct arena *arena, struct body *body, const void *data, size_t len);
/* Absent when nothing has come. */
struct bytes body_octets(const struct body *body);

#endif
