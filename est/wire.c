#include "est/wire.h"

#include <string.h>

#define BASE64_LINE 64 /* characters */

bool est_read_body(struct task *t, struct bytes body, struct bytes *ret)
{
    ENSURE(t, body.len > 0, E_MALFORMED, "the body is empty");
    ENSURE(t, bytes_from_base64(t->arena, bytes_without_armour(body), ret), E_MALFORMED,
           "the body is not base64");
    return true;
}

void est_write_body(struct task *t, const char *media_type, struct bytes der,
                    struct http_reply *reply)
{
    const char *line = bytes_to_base64(t->arena, der);
    size_t left = strlen(line);
    char *wrapped = arena_alloc(t->arena, left + (left / BASE64_LINE + 1) * 2);
    char *at = wrapped;
    while (left > 0) {
        size_t part = left < BASE64_LINE ? left : BASE64_LINE;
        memcpy(at, line, part);
        at += part;
        *at++ = '\r';
        *at++ = '\n';
        line += part;
        left -= part;
    }
    reply->status = 200;
    reply->media_type = media_type;
    reply->body = bytes_make(wrapped, (size_t)(at - wrapped));
    reply->base64_transfer = true;
}
