/*
 * Whatever a proxy says, the pledge gets its way or knows why not.
 *
 * Covers: lab/proxy.c
 */
#include "tests/fuzz/support.h"

#include "core/http/problems.h"
#include "lab/problems.h"
#include "lab/proxy.h"

#include <string.h>

struct stream {
    struct bytes octets;
    size_t written;
};

static bool read_stream(struct task *t, void *context, uint8_t *into, size_t room, size_t *ret_got)
{
    (void)t;
    struct stream *stream = context;
    size_t len = stream->octets.len < room ? stream->octets.len : room;
    if (len > 0)
        memcpy(into, stream->octets.data, len);
    stream->octets = bytes_make(stream->octets.data + len, stream->octets.len - len);
    *ret_got = len;
    return true;
}

static bool write_stream(struct task *t, void *context, struct bytes octets)
{
    (void)t;
    struct stream *stream = context;
    stream->written += octets.len;
    return true;
}

static void pass(struct task *t, enum proxy_kind kind, bool with_password, struct bytes octets)
{
    struct stream stream = {.octets = octets};
    const struct proxy_wire wire = {
        .source = {.read = read_stream, .context = &stream},
        .write = write_stream,
        .context = &stream,
    };
    struct proxy proxy = {.kind = kind, .user = with_password ? "user" : NULL, .password = "pass"};
    const struct place place = {
        .host = "registrar.example", .port = 8443, .authority = "registrar.example:8443"};
    if (!proxy_pass(t, &proxy, &place, &wire))
        MUST(t->problem == E_PROXY || t->problem == E_PEER_ANSWER || t->problem == E_TOO_LARGE ||
             t->problem == E_PEER_CLOSED);
    else
        MUST(kind == PROXY_SOCKS || stream.octets.len == 0);
    MUST(stream.written > 0);
    task_forgive(t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_cleanup) struct arena *arena = arena_create();
    struct task t;
    task_init(&t, arena, NULL);
    pass(&t, PROXY_HTTP, false, bytes_make(data, size));
    pass(&t, PROXY_SOCKS, false, bytes_make(data, size));
    pass(&t, PROXY_SOCKS, true, bytes_make(data, size));
    return 0;
}
