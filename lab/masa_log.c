#include "lab/masa_log.h"

#include <string.h>

#define LOG_FORMAT 1 /* RFC 8995 5.8.1: "version" */

struct truncation {
    json_int_t nonced;
    json_int_t nonceless;
    json_int_t arbitrary;
};

static bool is_nonceless(const json_t *event)
{
    return json_is_null(json_object_get(event, "nonce"));
}

static const char *domain_of(const json_t *event)
{
    return json_string_value(json_object_get(event, "domainID"));
}

/* The newest event of the same domain and kind; NULL: this is it. */
static json_t *newer_of(json_t *events, size_t at)
{
    json_t *event = json_array_get(events, at);
    for (size_t i = 0; i < at; i++) {
        json_t *other = json_array_get(events, i);
        if (is_nonceless(other) == is_nonceless(event) &&
            strcmp(domain_of(other), domain_of(event)) == 0)
            return other;
    }
    return NULL;
}

static void count(json_int_t *counter)
{
    if (*counter < MASA_LOG_COUNTER_MAX)
        ++*counter;
}

static void count_in(json_t *event)
{
    json_int_t truncated = json_integer_value(json_object_get(event, "truncated"));
    count(&truncated);
    (void)json_object_set_new(event, "truncated", json_integer(truncated));
}

static void drop_duplicates(json_t *events, size_t most, struct truncation *truncation)
{
    for (size_t at = json_array_size(events); at > 0 && json_array_size(events) > most; at--) {
        json_t *newer = newer_of(events, at - 1);
        if (newer == NULL)
            continue;
        count_in(newer);
        count(is_nonceless(newer) ? &truncation->nonceless : &truncation->nonced);
        (void)json_array_remove(events, at - 1);
    }
}

json_t *masa_log_make(struct task *t, json_t *events, size_t most)
{
    struct truncation truncation = {0};
    if (most > 0)
        drop_duplicates(events, most, &truncation);
    while (most > 0 && json_array_size(events) > most) {
        (void)json_array_remove(events, json_array_size(events) - 1);
        count(&truncation.arbitrary);
    }
    return json_in_arena(t, json_pack("{s:i, s:O, s:{s:I, s:I, s:I}}", "version", LOG_FORMAT,
                                      "events", events, "truncation", "nonced duplicates",
                                      truncation.nonced, "nonceless duplicates",
                                      truncation.nonceless, "arbitrary", truncation.arbitrary));
}
