#include "core/http/server_private.h"

#include "core/http/fields.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <microhttpd.h>

#define CRLF_LEN 2

/* What is seen in one walk over the header's fields. */
struct census {
    unsigned lengths;
    unsigned encodings;
    unsigned hosts;
    const char *encoding;  /* the last one */
    const char *bad_name;  /* NULL: none */
    const char *next_name; /* where the next field must begin */
    bool torn;             /* one began elsewhere */
};

/*
 * libmicrohttpd hands out names and values where it has received them, with a NUL over each colon
 * and two over each CRLF.  So every field must begin just behind the one before it.  That fails
 * for what it reads in its own way and a proxy before us may read in another: it appends a folded
 * line to the field's name, ends a value at a NUL, and takes a line that begins with a colon for
 * the end of the header.
 */
static enum MHD_Result see_field(void *cls, enum MHD_ValueKind kind, const char *name,
                                 const char *value)
{
    struct census *census = cls;
    (void)kind;
    if (strcasecmp(name, MHD_HTTP_HEADER_CONTENT_LENGTH) == 0) {
        census->lengths++;
    } else if (strcasecmp(name, MHD_HTTP_HEADER_TRANSFER_ENCODING) == 0) {
        census->encodings++;
        census->encoding = value;
    } else if (strcasecmp(name, MHD_HTTP_HEADER_HOST) == 0) {
        census->hosts++;
    }
    if (!field_name_is_valid(name))
        census->bad_name = name;
    census->torn = census->torn || name != census->next_name;
    census->next_name = value + strlen(value) + CRLF_LEN;
    return MHD_YES;
}

bool check_framing(struct task *t, struct MHD_Connection *mhd, const char *method,
                   const char *version)
{
    struct census census = {.next_name = version + strlen(version) + CRLF_LEN};
    (void)MHD_get_connection_values(mhd, MHD_HEADER_KIND, see_field, &census);
    const char *end = method + header_size(mhd);
    /* RFC 9112 2.2, 5.2: lines end with CRLF, and are not folded. */
    ENSURE(t, !census.torn && census.next_name + CRLF_LEN == end, E_MALFORMED,
           "the header has lines that are no fields, folded ones, or without CRLF");
    /* RFC 9112 5.1: no whitespace between field name and colon. */
    ENSURE(t, census.bad_name == NULL, E_MALFORMED, "header field \"%s\"", census.bad_name);
    /* RFC 9112 3.2: at most one Host field. */
    ENSURE(t, census.hosts <= 1, E_MALFORMED, "%u Host fields", census.hosts);
    /* RFC 9112 6.3: differing lengths are an error; one is enough for everybody. */
    ENSURE(t, census.lengths <= 1, E_MALFORMED, "%u Content-Length fields", census.lengths);
    if (census.encodings == 0)
        return true;
    /* RFC 9112 6.1: both of them may be an attempt at request smuggling. */
    ENSURE(t, census.lengths == 0, E_MALFORMED, "both Content-Length and Transfer-Encoding");
    /* RFC 9112 6.1: HTTP/1.0 has no transfer codings. */
    ENSURE(t, strcmp(version, MHD_HTTP_VERSION_1_0) != 0, E_MALFORMED,
           "Transfer-Encoding in HTTP/1.0");
    /* RFC 9112 6.3: chunked must be the last coding, and no other is understood here. */
    ENSURE(t, census.encodings == 1 && strcasecmp(census.encoding, "chunked") == 0, E_MALFORMED,
           "Transfer-Encoding \"%s\"", census.encoding);
    return true;
}

size_t header_size(struct MHD_Connection *mhd)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    return info == NULL ? 0 : info->header_size;
}

static const char *field(struct MHD_Connection *mhd, const char *name)
{
    return MHD_lookup_connection_value(mhd, MHD_HEADER_KIND, name);
}

/* libmicrohttpd has seen to it that the value is a number. */
uint64_t header_length(struct MHD_Connection *mhd)
{
    const char *length = field(mhd, MHD_HTTP_HEADER_CONTENT_LENGTH);
    return length == NULL ? 0 : strtoull(length, NULL, 10);
}

bool header_expects_continue(struct MHD_Connection *mhd, const char *version)
{
    const char *expect = field(mhd, MHD_HTTP_HEADER_EXPECT);
    return expect != NULL && strcasecmp(expect, "100-continue") == 0 &&
           strcmp(version, MHD_HTTP_VERSION_1_0) != 0;
}

struct join {
    struct arena *arena;
    const char *name;
    const char *value;
};

static enum MHD_Result join_field(void *cls, enum MHD_ValueKind kind, const char *name,
                                  const char *value)
{
    struct join *join = cls;
    (void)kind;
    if (strcasecmp(name, join->name) != 0)
        return MHD_YES;
    join->value = join->value == NULL ? arena_strdup(join->arena, value)
                                      : arena_printf(join->arena, "%s, %s", join->value, value);
    return MHD_YES;
}

const char *header_joined(struct arena *arena, struct MHD_Connection *mhd, const char *name)
{
    struct join join = {arena, name, NULL};
    (void)MHD_get_connection_values(mhd, MHD_HEADER_KIND, join_field, &join);
    return join.value;
}

struct sole {
    const char *name;
    const char *value;
    unsigned count;
};

static enum MHD_Result see_sole(void *cls, enum MHD_ValueKind kind, const char *name,
                                const char *value)
{
    struct sole *sole = cls;
    (void)kind;
    if (strcasecmp(name, sole->name) == 0) {
        sole->value = value;
        sole->count++;
    }
    return MHD_YES;
}

const char *http_request_header(const struct http_request *rq, const char *name)
{
    const struct exchange *x = rq->library;
    struct sole sole = {.name = name};
    (void)MHD_get_connection_values(x->mhd, MHD_HEADER_KIND, see_sole, &sole);
    if (sole.count != 1)
        return NULL;
    /* RFC 9110 5.5: white space around it is no part of it; libmicrohttpd takes only the leading.
     */
    size_t len = strlen(sole.value);
    while (len > 0 && (sole.value[len - 1] == ' ' || sole.value[len - 1] == '\t'))
        len--;
    return arena_strndup(x->arena, sole.value, len);
}
