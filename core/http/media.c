#include "core/http/media.h"

#include "core/http/server.h"

#include <string.h>
#include <strings.h>

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\t';
}

static struct bytes trim(struct bytes b)
{
    while (b.len > 0 && is_space(b.data[0])) {
        b.data++;
        b.len--;
    }
    while (b.len > 0 && is_space(b.data[b.len - 1]))
        b.len--;
    return b;
}

/* How far `b` goes until `separator` outside quotes (RFC 9110 5.6.4). */
static size_t span(struct bytes b, char separator)
{
    bool quoted = false;
    for (size_t i = 0; i < b.len; i++) {
        char c = (char)b.data[i];
        if (c == separator && !quoted)
            return i;
        if (c == '"')
            quoted = !quoted;
        else if (c == '\\' && quoted)
            i++;
    }
    return b.len;
}

/* Takes what stands before the next separator off `rest`; false when nothing is left. */
static bool next_part(struct bytes *rest, char separator, struct bytes *ret)
{
    if (rest->len == 0)
        return false;
    size_t len = span(*rest, separator);
    *ret = trim(bytes_make(rest->data, len));
    size_t taken = len < rest->len ? len + 1 : len;
    *rest = bytes_make(rest->data + taken, rest->len - taken);
    return true;
}

static bool equal_caseless(struct bytes a, struct bytes b)
{
    return a.len == b.len &&
           (a.len == 0 || strncasecmp((const char *)a.data, (const char *)b.data, a.len) == 0);
}

const char *media_type_of(struct arena *arena, const char *content_type)
{
    struct bytes rest = bytes_of_text(content_type);
    struct bytes type;
    if (!next_part(&rest, ';', &type) || type.len == 0)
        return NULL;
    return text_to_lower(arena, arena_strndup(arena, (const char *)type.data, type.len));
}

/* How closely a media range fits; the closest one decides (RFC 9110 12.5.1). */
enum fit { FIT_MALFORMED, FIT_NONE, FIT_ANY, FIT_TYPE, FIT_EXACT };

static enum fit range_fit(struct bytes range, struct bytes wanted)
{
    size_t slash = span(range, '/');
    size_t wanted_slash = span(wanted, '/');
    struct bytes type = bytes_make(range.data, slash);
    bool any_type = bytes_equal(type, BYTES_LITERAL("*"));
    if (slash == range.len) /* "*" alone is what Java sends for any */
        return any_type ? FIT_ANY : FIT_MALFORMED;
    bool any_subtype =
        bytes_equal(bytes_make(range.data + slash, range.len - slash), BYTES_LITERAL("/*"));
    if (any_type)
        return any_subtype ? FIT_ANY : FIT_MALFORMED;
    if (any_subtype)
        return equal_caseless(type, bytes_make(wanted.data, wanted_slash)) ? FIT_TYPE : FIT_NONE;
    return equal_caseless(range, wanted) ? FIT_EXACT : FIT_NONE;
}

/* "q=0", "q=0.000": not acceptable (RFC 9110 12.4.2). */
static bool is_refusal(struct bytes parameter)
{
    if (parameter.len < 3 || (parameter.data[0] | 0x20) != 'q' || parameter.data[1] != '=')
        return false;
    for (size_t i = 2; i < parameter.len; i++) {
        if (parameter.data[i] != '0' && parameter.data[i] != '.')
            return false;
    }
    return parameter.data[2] == '0';
}

/* Parameters other than q are not compared: what is offered here has none that matter. */
static bool refuses(struct bytes parameters)
{
    struct bytes parameter;
    while (next_part(&parameters, ';', &parameter)) {
        if (is_refusal(parameter))
            return true;
    }
    return false;
}

/* What the closest ranges of the list say of a type, and how close they are. */
static enum fit closest_fit(const char *accept, const char *media_type, bool *ret_accepted)
{
    struct bytes rest = bytes_of_text(accept);
    struct bytes wanted_rest = bytes_of_text(media_type);
    struct bytes wanted = BYTES_ABSENT;
    struct bytes element;
    struct bytes range;
    enum fit best = FIT_MALFORMED;
    bool accepted = true; /* no header, or one that names nothing */
    (void)next_part(&wanted_rest, ';', &wanted);
    while (next_part(&rest, ',', &element)) {
        if (!next_part(&element, ';', &range))
            continue;
        enum fit fit = range_fit(range, wanted);
        bool yes = fit > FIT_NONE && !refuses(element);
        if (fit > best)
            accepted = yes;
        else if (fit == best && fit > FIT_NONE)
            accepted = accepted || yes;
        best = fit > best ? fit : best;
    }
    *ret_accepted = accepted;
    return best;
}

bool media_accepts(const char *accept, const char *media_type)
{
    bool accepted;
    (void)closest_fit(accept, media_type, &accepted);
    return accepted;
}

bool media_names(const char *accept, const char *media_type)
{
    bool accepted;
    return closest_fit(accept, media_type, &accepted) == FIT_EXACT && accepted;
}

bool http_accepts(const struct http_request *rq, const char *media_type)
{
    return media_accepts(rq->accept, media_type);
}
