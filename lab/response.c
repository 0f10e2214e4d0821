#include "lab/response.h"

#include "core/base/clock.h"
#include "core/http/problems.h"
#include "lab/problems.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define READ_SIZE 4096

struct reader {
    const struct octet_source *source;
    uint8_t octets[READ_SIZE];
    size_t at;
    size_t end;
    size_t header_left; /* octets of header still allowed */
    bool ended;
};

/* What the fields say, before it is known what to do about the body. */
struct fields {
    struct response response;
    bool has_length;
    size_t length;
    bool chunked;
};

/* More octets into an empty buffer; at the end of the stream `ended` is set. */
static bool refill(struct task *t, struct reader *r)
{
    r->at = 0;
    r->end = 0;
    TRY(r->source->read(t, r->source->context, r->octets, sizeof(r->octets), &r->end));
    r->ended = r->end == 0;
    return true;
}

/* A growing copy of what was read: what is allocated stays near what really came. */
struct heap {
    uint8_t *data;
    size_t len;
    size_t room;
};

static void heap_append(struct task *t, struct heap *heap, const uint8_t *data, size_t len)
{
    if (heap->data == NULL || heap->room - heap->len < len) {
        heap->room = (heap->len + len) * 2;
        uint8_t *larger = arena_alloc(t->arena, heap->room);
        if (heap->len > 0)
            memcpy(larger, heap->data, heap->len);
        heap->data = larger;
    }
    memcpy(heap->data + heap->len, data, len);
    heap->len += len;
}

/* RFC 9112 2.2: a line ends with LF; a CR before it belongs to the end. */
static bool read_line(struct task *t, struct reader *r, const char **ret)
{
    struct heap line = {0};
    for (bool complete = false; !complete;) {
        if (r->at == r->end)
            TRY(refill(t, r));
        ENSURE(t, !r->ended, E_PEER_ANSWER, "the answer broke off in its header");
        const uint8_t *start = r->octets + r->at;
        const uint8_t *newline = memchr(start, '\n', r->end - r->at);
        complete = newline != NULL;
        size_t len = complete ? (size_t)(newline - start) + 1 : r->end - r->at;
        ENSURE(t, len <= r->header_left, E_TOO_LARGE, "an answer's header of more than %zu octets",
               RESPONSE_HEADER_MAX);
        r->header_left -= len;
        r->at += len;
        heap_append(t, &line, start, len);
    }
    line.len--;
    if (line.len > 0 && line.data[line.len - 1] == '\r')
        line.len--;
    const char *text = bytes_to_text(t->arena, bytes_make(line.data, line.len));
    ENSURE(t, text != NULL && strchr(text, '\r') == NULL, E_PEER_ANSWER,
           "an answer's header contains NUL or a stray CR");
    *ret = text;
    return true;
}

/* RFC 9112 4: "HTTP/1.1 200 OK"; the reason may be missing. */
static bool read_status_line(struct task *t, struct reader *r, struct fields *fields)
{
    const char *line;
    TRY(read_line(t, r, &line));
    bool readable =
        strncmp(line, "HTTP/1.", 7) == 0 && isdigit((unsigned char)line[7]) && line[8] == ' ';
    for (size_t i = 9; readable && i < 12; i++)
        readable = isdigit((unsigned char)line[i]);
    ENSURE(t, readable && (line[12] == ' ' || line[12] == '\0'), E_PEER_ANSWER,
           "the answer is no HTTP/1.1");
    int status = (line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0');
    ENSURE(t, status >= 100 && status <= 599, E_PEER_ANSWER, "status %d is none of HTTP", status);
    fields->response.status = status;
    fields->response.close = line[7] == '0'; /* RFC 9112 9.3 */
    return true;
}

static bool note_length(struct task *t, struct fields *fields, const char *value)
{
    size_t length = 0;
    ENSURE(t, *value != '\0' && !fields->has_length, E_PEER_ANSWER,
           "Content-Length is empty or there twice");
    for (const char *c = value; *c != '\0'; c++) {
        ENSURE(t, isdigit((unsigned char)*c), E_PEER_ANSWER, "Content-Length is no number");
        length = length * 10 + (size_t)(*c - '0');
        ENSURE(t, length <= RESPONSE_BODY_MAX, E_TOO_LARGE, "an answer of more than %zu octets",
               RESPONSE_BODY_MAX);
    }
    fields->has_length = true;
    fields->length = length;
    return true;
}

static bool note_transfer_coding(struct task *t, struct fields *fields, const char *value)
{
    ENSURE(t, strcasecmp(value, "chunked") == 0 && !fields->chunked, E_PEER_ANSWER,
           "a transfer coding other than chunked");
    fields->chunked = true;
    return true;
}

static bool note_media_type(struct task *t, struct fields *fields, const char *value)
{
    ENSURE(t, fields->response.media_type == NULL, E_PEER_ANSWER, "Content-Type is there twice");
    fields->response.media_type =
        text_to_lower(t->arena, arena_strndup(t->arena, value, strcspn(value, "; \t")));
    return true;
}

static bool note_location(struct task *t, struct fields *fields, const char *value)
{
    ENSURE(t, fields->response.location == NULL, E_PEER_ANSWER, "Location is there twice");
    fields->response.location = arena_strdup(t->arena, value);
    return true;
}

/* RFC 9110 10.2.3: seconds, or the date when to come again. */
static bool note_retry_after(struct task *t, struct fields *fields, const char *value)
{
    (void)t;
    struct tm date = {0};
    int64_t seconds = -1;
    if (*value != '\0' && strspn(value, "0123456789") == strlen(value)) {
        seconds = strlen(value) > 9 ? RESPONSE_RETRY_AFTER_MAX : strtol(value, NULL, 10);
    } else {
        const char *end = strptime(value, "%a, %d %b %Y %H:%M:%S GMT", &date);
        if (end != NULL && *end == '\0') {
            seconds = timegm(&date) - clock_wall() / SECOND_MS;
            seconds = seconds < 0 ? 0 : seconds;
        }
    }
    fields->response.retry_after =
        (int)(seconds > RESPONSE_RETRY_AFTER_MAX ? RESPONSE_RETRY_AFTER_MAX : seconds);
    return true;
}

static bool note_connection(struct task *t, struct fields *fields, const char *value)
{
    (void)t;
    if (strcasestr(value, "close") != NULL)
        fields->response.close = true;
    return true;
}

static const struct known_field {
    const char *name;
    bool (*note)(struct task *t, struct fields *fields, const char *value);
} known_fields[] = {
    {"content-length", note_length},   {"transfer-encoding", note_transfer_coding},
    {"content-type", note_media_type}, {"location", note_location},
    {"retry-after", note_retry_after}, {"connection", note_connection},
};

/* RFC 9112 5: "name: value"; folded lines (5.2) are refused. */
static bool read_field(struct task *t, const char *line, struct fields *fields)
{
    size_t name_len = strcspn(line, ":");
    ENSURE(t, line[name_len] == ':' && name_len > 0 && strcspn(line, " \t") > name_len,
           E_PEER_ANSWER, "a header field cannot be read");
    const char *value = line + name_len + 1;
    value += strspn(value, " \t");
    size_t value_len = strlen(value);
    while (value_len > 0 && (value[value_len - 1] == ' ' || value[value_len - 1] == '\t'))
        value_len--;
    for (size_t i = 0; i < ARRAY_SIZE(known_fields); i++) {
        const struct known_field *known = &known_fields[i];
        if (strlen(known->name) == name_len && strncasecmp(known->name, line, name_len) == 0)
            return known->note(t, fields, arena_strndup(t->arena, value, value_len));
    }
    return true;
}

/* Lines up to an empty one. */
static bool read_fields(struct task *t, struct reader *r, struct fields *fields)
{
    const char *line;
    TRY(read_line(t, r, &line));
    while (*line != '\0') {
        TRY(read_field(t, line, fields));
        TRY(read_line(t, r, &line));
    }
    /* RFC 9112 6.3: both at once is how answers are smuggled. */
    ENSURE(t, !(fields->chunked && fields->has_length), E_PEER_ANSWER,
           "both Content-Length and Transfer-Encoding");
    return true;
}

/* Exactly `count` octets more into the body. */
static bool read_octets(struct task *t, struct reader *r, size_t count, struct heap *body)
{
    while (count > 0) {
        if (r->at == r->end)
            TRY(refill(t, r));
        ENSURE(t, !r->ended, E_PEER_ANSWER, "the answer broke off in its body");
        size_t len = r->end - r->at < count ? r->end - r->at : count;
        heap_append(t, body, r->octets + r->at, len);
        r->at += len;
        count -= len;
    }
    return true;
}

static bool read_chunk_size(struct task *t, struct reader *r, size_t room, size_t *ret)
{
    const char *line;
    TRY(read_line(t, r, &line));
    size_t digits = strspn(line, "0123456789abcdefABCDEF");
    /* RFC 9112 7.1.1: extensions follow a semicolon and are ignored. */
    const char *after = line + digits + strspn(line + digits, " \t");
    ENSURE(t, digits > 0 && (*after == '\0' || *after == ';'), E_PEER_ANSWER,
           "a chunk's size cannot be read");
    ENSURE(t, digits <= 8, E_TOO_LARGE, "an answer of more than %zu octets", RESPONSE_BODY_MAX);
    size_t size = strtoul(line, NULL, 16);
    ENSURE(t, size <= room, E_TOO_LARGE, "an answer of more than %zu octets", RESPONSE_BODY_MAX);
    *ret = size;
    return true;
}

/* RFC 9112 7.1.  Chunk headers and trailers count as header. */
static bool read_chunked(struct task *t, struct reader *r, struct heap *body)
{
    const char *line;
    size_t size;
    TRY(read_chunk_size(t, r, RESPONSE_BODY_MAX, &size));
    while (size > 0) {
        TRY(read_octets(t, r, size, body));
        TRY(read_line(t, r, &line));
        ENSURE(t, *line == '\0', E_PEER_ANSWER, "a chunk is longer than its size");
        TRY(read_chunk_size(t, r, RESPONSE_BODY_MAX - body->len, &size));
    }
    do {
        TRY(read_line(t, r, &line));
    } while (*line != '\0');
    return true;
}

static bool read_to_end(struct task *t, struct reader *r, struct heap *body)
{
    for (;;) {
        if (r->at == r->end)
            TRY(refill(t, r));
        if (r->ended)
            return true;
        ENSURE(t, r->end - r->at <= RESPONSE_BODY_MAX - body->len, E_TOO_LARGE,
               "an answer of more than %zu octets", RESPONSE_BODY_MAX);
        heap_append(t, body, r->octets + r->at, r->end - r->at);
        r->at = r->end;
    }
}

/* RFC 9112 6.3. */
static bool read_body(struct task *t, struct reader *r, struct fields *fields)
{
    struct heap body = {0};
    if (fields->response.status == 204 || fields->response.status == 304)
        return true;
    if (fields->chunked) {
        TRY(read_chunked(t, r, &body));
    } else if (fields->has_length) {
        TRY(read_octets(t, r, fields->length, &body));
    } else {
        TRY(read_to_end(t, r, &body));
        fields->response.close = true;
    }
    fields->response.body = bytes_make(body.data, body.len);
    return true;
}

static bool read_head(struct task *t, struct reader *r, struct fields *fields)
{
    *fields = (struct fields){.response = {.retry_after = -1}};
    r->header_left = RESPONSE_HEADER_MAX;
    TRY(read_status_line(t, r, fields));
    return read_fields(t, r, fields);
}

/* The header of the final answer. */
static bool read_final_head(struct task *t, struct reader *r, struct fields *fields)
{
    TRY(refill(t, r));
    ENSURE(t, !r->ended, E_PEER_CLOSED, "the peer closed the connection without an answer");
    TRY(read_head(t, r, fields));
    for (unsigned interim = 0; fields->response.status < 200; interim++) {
        ENSURE(t, interim < RESPONSE_INTERIM_MAX && fields->response.status != 101, E_PEER_ANSWER,
               "interim answers, and no final one");
        TRY(read_head(t, r, fields));
    }
    return true;
}

bool response_read(struct task *t, const struct octet_source *source, struct response *ret)
{
    struct fields fields;
    struct reader *r = arena_alloc(t->arena, sizeof(*r));
    r->source = source;
    TRY(read_final_head(t, r, &fields));
    TRY(read_body(t, r, &fields));
    /* Nothing was asked that more octets could answer. */
    if (r->at != r->end)
        fields.response.close = true;
    *ret = fields.response;
    return true;
}

bool response_read_head(struct task *t, const struct octet_source *source, struct response *ret)
{
    struct fields fields;
    struct reader *r = arena_alloc(t->arena, sizeof(*r));
    r->source = source;
    TRY(read_final_head(t, r, &fields));
    ENSURE(t, r->at == r->end || fields.response.status > 299, E_PEER_ANSWER,
           "octets after the header");
    *ret = fields.response;
    return true;
}
