#include "registrar/audit_log.h"

#include "core/store/records/event.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A counter, as a number or as a string of digits; missing: 0. */
static bool read_counter(struct task *t, json_t *object, const char *name, uint64_t *ret)
{
    json_t *value = json_object_get(object, name);
    *ret = 0;
    if (value == NULL)
        return true;
    if (json_is_integer(value) && json_integer_value(value) >= 0) {
        *ret = (uint64_t)json_integer_value(value);
        return true;
    }
    const char *text = json_string_value(value);
    ENSURE(t, text != NULL && *text >= '0' && *text <= '9', E_LOG_MALFORMED, "%s is no counter",
           name);
    char *end;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    ENSURE(t, errno == 0 && *end == '\0', E_LOG_MALFORMED, "%s is no counter", name);
    *ret = number;
    return true;
}

static const char *text_of(struct task *t, json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text == NULL ? NULL : arena_strdup(t->arena, text);
}

static bool read_event(struct task *t, json_t *object, struct audit_log_event *ret)
{
    ENSURE(t, json_is_object(object), E_LOG_MALFORMED, "an event is no object");
    const char *domain = json_string_value(json_object_get(object, "domainID"));
    ENSURE(t, domain != NULL, E_LOG_MALFORMED, "an event has no domainID");
    ENSURE(t, bytes_from_base64(t->arena, bytes_of_text(domain), &ret->domain_id), E_LOG_MALFORMED,
           "a domainID is not base64");
    /* RFC 8995 5.8.1: the nonce is there, as a string or null. */
    json_t *nonce = json_object_get(object, "nonce");
    ENSURE(t, nonce != NULL && (json_is_string(nonce) || json_is_null(nonce)), E_LOG_MALFORMED,
           "an event's nonce is neither a string nor null");
    ret->nonce = text_of(t, object, "nonce");
    ret->date = text_of(t, object, "date");
    ret->assertion = text_of(t, object, "assertion");
    return read_counter(t, object, "truncated", &ret->truncated);
}

static bool read_truncation(struct task *t, json_t *truncation, struct audit_log *ret)
{
    if (truncation == NULL)
        return true;
    ENSURE(t, json_is_object(truncation), E_LOG_MALFORMED, "truncation is no object");
    TRY(read_counter(t, truncation, "nonced duplicates", &ret->nonced_duplicates));
    TRY(read_counter(t, truncation, "nonceless duplicates", &ret->nonceless_duplicates));
    return read_counter(t, truncation, "arbitrary", &ret->arbitrary);
}

bool audit_log_read(struct task *t, struct bytes json, struct audit_log *ret)
{
    json_t *root;
    struct audit_log log = {0};
    uint64_t version;
    if (!json_parse(t, json, &root))
        return fail(t, E_LOG_MALFORMED, "%s", t->detail);
    ENSURE(t, json_is_object(root), E_LOG_MALFORMED, "the log is no object");
    TRY(read_counter(t, root, "version", &version));
    /* RFC 8995 5.8.1: a higher version only adds to what is read here. */
    ENSURE(t, version >= 1, E_LOG_MALFORMED, "the log has no version");
    json_t *events = json_object_get(root, "events");
    ENSURE(t, json_is_array(events), E_LOG_MALFORMED, "the log has no events");
    log.count = json_array_size(events);
    ENSURE(t, log.count <= AUDIT_LOG_EVENTS_MAX, E_LOG_MALFORMED, "more than %d events",
           AUDIT_LOG_EVENTS_MAX);
    log.events = arena_array(t->arena, log.count, sizeof(*log.events));
    for (size_t i = 0; i < log.count; i++)
        TRY(read_event(t, json_array_get(events, i), &log.events[i]));
    TRY(read_truncation(t, json_object_get(root, "truncation"), &log));
    *ret = log;
    return true;
}

static bool contains(const struct bytes_list *list, struct bytes id)
{
    for (size_t i = 0; i < list->count; i++) {
        if (bytes_equal(list->items[i], id))
            return true;
    }
    return false;
}

/* As text, or as the octets it stands for: some MASAs write it in the other base64 alphabet. */
static bool same_nonce(struct task *t, const char *a, const char *b)
{
    struct bytes left;
    struct bytes right;
    if (a == NULL)
        return false;
    if (strcmp(a, b) == 0)
        return true;
    return bytes_from_base64(t->arena, bytes_of_text(a), &left) &&
           bytes_from_base64(t->arena, bytes_of_text(b), &right) && left.len > 0 &&
           bytes_equal(left, right);
}

bool audit_log_judge(struct task *t, const struct audit_log *log,
                     const struct audit_log_policy *policy)
{
    bool ours_is_there = false;
    for (size_t i = 0; i < log->count; i++) {
        const struct audit_log_event *event = &log->events[i];
        bool own = contains(&policy->own, event->domain_id);
        const char *date = event->date == NULL
                               ? "without date"
                               : event_foreign_text(t->arena, bytes_of_text(event->date), 40);
        ENSURE(t, own || contains(&policy->allowed, event->domain_id), E_LOG_FOREIGN,
               "entry %zu (%s): domainID %s", i + 1, date,
               bytes_to_base64(t->arena, event->domain_id));
        ENSURE(t, own || event->nonce != NULL, E_LOG_NONCELESS,
               "entry %zu (%s): domainID %s without nonce", i + 1, date,
               bytes_to_base64(t->arena, event->domain_id));
        if (own && same_nonce(t, event->nonce, policy->nonce))
            ours_is_there = true;
    }
    ENSURE(t, log->arbitrary == 0, E_LOG_TRUNCATED, "%llu entries were dropped",
           (unsigned long long)log->arbitrary);
    ENSURE(t, ours_is_there, E_LOG_STALE, "%zu entries, none of them with our nonce", log->count);
    return true;
}
