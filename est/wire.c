#include "est/wire.h"

#include <string.h>

#include <sodium.h>

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

/* ---- Several parts ---- */

/* No line of base64 begins like this (RFC 2046 5.1.1). */
#define BOUNDARY "gatehouse-est-part"

/* What is secret is written once, into memory that is wiped. */
struct writer {
    char *octets;
    size_t len;
};

static void write_text(struct writer *w, const char *text)
{
    size_t len = strlen(text);
    memcpy(w->octets + w->len, text, len);
    w->len += len;
}

static void write_base64(struct task *t, struct writer *w, struct bytes der, size_t line)
{
    size_t room = sodium_base64_ENCODED_LEN(der.len, sodium_base64_VARIANT_ORIGINAL);
    char *text = arena_secret(t->arena, room);
    (void)sodium_bin2base64(text, room, der.data, der.len, sodium_base64_VARIANT_ORIGINAL);
    size_t left = strlen(text);
    while (left > 0) {
        size_t part = line == 0 || left < line ? left : line;
        memcpy(w->octets + w->len, text, part);
        w->len += part;
        write_text(w, "\r\n");
        text += part;
        left -= part;
    }
}

static void write_part(struct task *t, struct writer *w, const struct est_part *part, size_t line)
{
    write_text(w, "--" BOUNDARY "\r\nContent-Type: ");
    write_text(w, part->media_type);
    /* RFC 8951 3.1: nobody needs it, but old clients look for it. */
    write_text(w, "\r\nContent-Transfer-Encoding: base64\r\n\r\n");
    write_base64(t, w, part->octets, line);
}

void est_write_parts(struct task *t, const struct est_part *parts, size_t count, size_t line,
                     struct http_reply *reply)
{
    struct writer w = {.len = 0};
    size_t room = 256; /* the last boundary, and what is around parts, follow */
    for (size_t i = 0; i < count; i++) {
        size_t text =
            sodium_base64_ENCODED_LEN(parts[i].octets.len, sodium_base64_VARIANT_ORIGINAL);
        room += 256 + strlen(parts[i].media_type) + text + (line == 0 ? 1 : text / line + 1) * 2;
    }
    w.octets = arena_secret(t->arena, room);
    for (size_t i = 0; i < count; i++)
        write_part(t, &w, &parts[i], line);
    write_text(&w, "--" BOUNDARY "--\r\n");
    reply->status = 200;
    reply->media_type = "multipart/mixed; boundary=" BOUNDARY;
    reply->body = bytes_make(w.octets, w.len);
}
