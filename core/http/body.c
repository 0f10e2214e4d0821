#include "core/http/body.h"

#include <string.h>

#define ROOM_MIN 4096UL

void body_append(struct arena *arena, struct body *body, const void *data, size_t len)
{
    if (len == 0)
        return;
    if (body->room - body->len < len) {
        size_t room = body->room == 0 ? ROOM_MIN : body->room * 2;
        while (room - body->len < len)
            room *= 2;
        uint8_t *larger = arena_alloc(arena, room);
        if (body->len > 0)
            memcpy(larger, body->data, body->len);
        body->data = larger;
        body->room = room;
    }
    memcpy(body->data + body->len, data, len);
    body->len += len;
}

struct bytes body_octets(const struct body *body)
{
    return bytes_make(body->data, body->len);
}
