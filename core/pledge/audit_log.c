#include "core/pledge/audit_log.h"

#include "core/base/cbor.h"
#include "core/base/clock.h"

#include <errno.h>
#include <stdlib.h>

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

static bool read_domain_id(struct task *t, json_t *object, unsigned allowed, struct audit_log *log,
                           struct bytes *ret)
{
    const char *domain = json_string_value(json_object_get(object, "domainID"));
    if (domain == NULL && json_is_string(json_object_get(object, "registrarID"))) {
        ENSURE(t, (allowed & AUDIT_LOG_REGISTRAR_ID) != 0, E_LOG_REGISTRAR_ID,
               "an event has a registrarID and no domainID");
        domain = json_string_value(json_object_get(object, "registrarID"));
        log->departures |= AUDIT_LOG_REGISTRAR_ID;
    }
    ENSURE(t, domain != NULL, E_LOG_MALFORMED, "an event has no domainID");
    ENSURE(t, bytes_from_base64(t->arena, bytes_of_text(domain), ret) && ret->len > 0,
           E_LOG_MALFORMED, "a domainID is not base64");
    return true;
}

static bool read_event(struct task *t, json_t *object, unsigned allowed, struct audit_log *log,
                       struct audit_log_event *ret)
{
    ENSURE(t, json_is_object(object), E_LOG_MALFORMED, "an event is no object");
    TRY(read_domain_id(t, object, allowed, log, &ret->domain_id));
    /* RFC 8995 5.8.1: the nonce is there, as a string or null. */
    json_t *nonce = json_object_get(object, "nonce");
    ENSURE(t, nonce != NULL && (json_is_string(nonce) || json_is_null(nonce)), E_LOG_MALFORMED,
           "an event's nonce is neither a string nor null");
    ret->nonce = text_of(t, object, "nonce");
    ret->date = text_of(t, object, "date");
    if (ret->date == NULL || !time_from_text(ret->date, &ret->at))
        ret->at = 0;
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

static bool read_events(struct task *t, json_t *root, unsigned allowed, struct audit_log *log)
{
    json_t *events = json_object_get(root, "events");
    ENSURE(t, json_is_array(events), E_LOG_MALFORMED, "the log has no events");
    log->count = json_array_size(events);
    ENSURE(t, log->count <= AUDIT_LOG_EVENTS_MAX, E_LOG_MALFORMED, "more than %d events",
           AUDIT_LOG_EVENTS_MAX);
    log->events = arena_array(t->arena, log->count, sizeof(*log->events));
    for (size_t i = 0; i < log->count; i++)
        TRY(read_event(t, json_array_get(events, i), allowed, log, &log->events[i]));
    return true;
}

bool audit_log_read(struct task *t, struct bytes json, unsigned allowed, struct audit_log *ret)
{
    json_t *root;
    struct audit_log log = {0};
    if (!json_parse(t, json, &root))
        return fail(t, E_LOG_MALFORMED, "%s", t->detail);
    ENSURE(t, json_is_object(root), E_LOG_MALFORMED, "the log is no object");
    TRY(read_counter(t, root, "version", &log.version));
    /* RFC 8995 5.8.1: a higher version only adds to what is read here. */
    ENSURE(t, log.version >= AUDIT_LOG_VERSION, E_LOG_MALFORMED, "the log has no version");
    TRY(read_events(t, root, allowed, &log));
    TRY(read_truncation(t, json_object_get(root, "truncation"), &log));
    *ret = log;
    return true;
}

static void write_text(struct cbor_writer *w, const char *text)
{
    if (text == NULL)
        cbor_write_null(w);
    else
        cbor_write_text(w, text);
}

struct bytes audit_log_event_digest(struct arena *arena, const struct audit_log_event *event)
{
    struct cbor_writer w = cbor_writer_make(arena);
    cbor_write_array(&w, 3);
    cbor_write_octets(&w, event->domain_id);
    write_text(&w, event->nonce);
    write_text(&w, event->date);
    return bytes_sha256(arena, cbor_written(&w));
}
