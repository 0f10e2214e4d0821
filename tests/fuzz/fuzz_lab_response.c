/*
 * Whatever octets a server sends, in whatever pieces, the pledge reads an answer or refuses it.
 *
 * Covers: lab/response.c
 */
#include "tests/fuzz/support.h"

#include "core/http/problems.h"
#include "lab/problems.h"
#include "lab/response.h"

#include <string.h>

struct stream {
    struct bytes octets;
    size_t piece;
};

static bool read_stream(struct task *t, void *context, uint8_t *into, size_t room, size_t *ret_got)
{
    (void)t;
    struct stream *stream = context;
    size_t len = stream->octets.len < stream->piece ? stream->octets.len : stream->piece;
    if (len > room)
        len = room;
    if (len > 0)
        memcpy(into, stream->octets.data, len);
    stream->octets = bytes_make(stream->octets.data + len, stream->octets.len - len);
    *ret_got = len;
    return true;
}

static bool read_answer(struct task *t, const uint8_t *data, size_t size, size_t piece,
                        struct response *ret)
{
    struct stream stream = {.octets = bytes_make(data, size), .piece = piece};
    const struct octet_source source = {.read = read_stream, .context = &stream};
    return response_read(t, &source, ret);
}

static void check_answer(const struct response *answer)
{
    MUST(answer->status >= 200 && answer->status <= 599);
    MUST(answer->body.len <= RESPONSE_BODY_MAX);
    MUST(answer->retry_after >= -1 && answer->retry_after <= RESPONSE_RETRY_AFTER_MAX);
    MUST(answer->location == NULL || strpbrk(answer->location, "\r\n") == NULL);
    MUST(answer->media_type == NULL || strpbrk(answer->media_type, "; \t\r\n") == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_cleanup) struct arena *arena = arena_create();
    struct task t;
    struct response answer;
    struct response whole;
    task_init(&t, arena, NULL);
    if (size == 0)
        return 0;
    /* The first octet says how large the pieces are. */
    size_t piece = data[0] == 0 ? 1 : data[0];
    if (!read_answer(&t, data + 1, size - 1, piece, &answer)) {
        MUST(t.problem == E_PEER_ANSWER || t.problem == E_TOO_LARGE || t.problem == E_PEER_CLOSED);
        return 0;
    }
    check_answer(&answer);
    /* How the octets were cut makes no difference to what was said. */
    MUST(read_answer(&t, data + 1, size - 1, SIZE_MAX, &whole));
    MUST(whole.status == answer.status && bytes_equal(whole.body, answer.body));
    return 0;
}
