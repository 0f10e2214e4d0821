#include "est/wire.h"

#include <string.h>

#define BASE64_LINE 64 /* characters */

/* What stands between the first "-----BEGIN ...-----" and the next "-----"; all of it without. */
static struct bytes without_armour(struct bytes body)
{
    static const char dashes[] = "-----";
    const size_t dash_len = sizeof(dashes) - 1;
    const char *text = (const char *)body.data;
    const char *begin = memmem(text, body.len, "-----BEGIN ", 11);
    if (begin == NULL)
        return body;
    const char *end_of_body = text + body.len;
    const char *label_end =
        memmem(begin + dash_len, (size_t)(end_of_body - begin) - dash_len, dashes, dash_len);
    if (label_end == NULL)
        return body;
    const char *inside = label_end + dash_len;
    const char *end = memmem(inside, (size_t)(end_of_body - inside), dashes, dash_len);
    return end == NULL ? body : bytes_make(inside, (size_t)(end - inside));
}

bool est_read_body(struct task *t, struct bytes body, struct bytes *ret)
{
    ENSURE(t, body.len > 0, E_MALFORMED, "the body is empty");
    ENSURE(t, bytes_from_base64(t->arena, without_armour(body), ret), E_MALFORMED,
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
