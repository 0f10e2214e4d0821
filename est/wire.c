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

static struct bytes wrapped(struct arena *arena, const char *text, size_t line)
{
    size_t left = strlen(text);
    char *lines = arena_alloc(arena, left + (left / line + 1) * 2);
    char *at = lines;
    while (left > 0) {
        size_t part = left < line ? left : line;
        memcpy(at, text, part);
        at += part;
        *at++ = '\r';
        *at++ = '\n';
        text += part;
        left -= part;
    }
    return bytes_make(lines, (size_t)(at - lines));
}

void est_write_lines(struct task *t, const char *media_type, struct bytes der, size_t line,
                     struct http_reply *reply)
{
    const char *text = bytes_to_base64(t->arena, der);
    reply->status = 200;
    reply->media_type = media_type;
    reply->body = line == 0 ? bytes_of_text(text) : wrapped(t->arena, text, line);
    reply->base64_transfer = true;
}

void est_write_body(struct task *t, const char *media_type, struct bytes der,
                    struct http_reply *reply)
{
    est_write_lines(t, media_type, der, BASE64_LINE, reply);
}
