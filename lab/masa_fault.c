#include "lab/masa_fault.h"

#include "core/base/clock.h"
#include "lab/masa.h"
#include "lab/problems.h"
#include "lab/spoil.h"

#define FAULT_FITS_VOUCHER (1U << MASA_VOUCHER)
#define FAULT_FITS_LOG     (1U << MASA_LOG)
#define FAULT_FITS_BOTH    (FAULT_FITS_VOUCHER | FAULT_FITS_LOG)

#define HANG_TIME        HOUR_MS
#define HUGE_SIZE        ((size_t)8 * 1024 * 1024)
#define GARBAGE_SIZE     1000
#define GARBAGE_TYPE     "application/voucher-cms+json"
#define LATER            1 /* seconds */
#define ELSEWHERE        "https://elsewhere.invalid/.well-known/brski/requestvoucher"
#define FOREIGN_ID_LEN   20 /* octets of a SubjectKeyIdentifier */
#define NONCE_LEN        16
#define TRUNCATED_EVENTS 2

static const struct fault_kind kinds[] = {
#define FAULT_KIND(id, name, fits) [id] = {(name), (fits)},
    MASA_FAULTS(FAULT_KIND)
#undef FAULT_KIND
};

/* --fault-on narrows what a fault is for. */
static bool narrow(struct task *t, struct armed_fault *armed, enum masa_fault_on fault_on)
{
    if (fault_on == FAULT_ON_VOUCHER)
        armed->fits &= FAULT_FITS_VOUCHER;
    else if (fault_on == FAULT_ON_LOG)
        armed->fits &= FAULT_FITS_LOG;
    else if (armed->fits == FAULT_FITS_BOTH)
        armed->fits = FAULT_FITS_VOUCHER;
    ENSURE(t, armed->fits != 0, E_USAGE, "--fault %s is not one of what --fault-on says",
           kinds[armed->kind].name);
    return true;
}

bool masa_faults_read(struct task *t, const struct text_list *texts, enum masa_fault_on fault_on,
                      struct faults *ret)
{
    struct faults faults;
    TRY(faults_read(t, kinds, ARRAY_SIZE(kinds), texts, &faults));
    for (size_t i = 0; i < faults.count; i++)
        TRY(narrow(t, &faults.items[i], fault_on));
    *ret = faults;
    return true;
}

enum masa_fault masa_fault_take(struct faults *faults, enum masa_operation operation)
{
    return (enum masa_fault)fault_take(faults, operation);
}

const char *masa_fault_name(enum masa_fault fault)
{
    return kinds[fault].name;
}

bool masa_fault_answers(struct task *t, struct masa *masa, enum masa_fault fault,
                        struct http_reply *reply)
{
    switch (fault) {
    case FAULT_SLOW:
        return !service_pause(masa->service, masa->settings.slow);
    case FAULT_HANG:
        (void)service_pause(masa->service, HANG_TIME);
        return http_reply_text(reply, 503, "fault: hang\n");
    case FAULT_5XX:
        return http_reply_text(reply, 500, "fault: 5xx\n");
    case FAULT_202:
        reply->retry_after = LATER;
        return http_reply_text(reply, 202, "fault: 202\n");
    case FAULT_REDIRECT:
        reply->location = ELSEWHERE;
        return http_reply_text(reply, 307, "fault: redirect\n");
    case FAULT_401:
        return http_reply_text(reply, 401, "fault: 401\n");
    case FAULT_403:
        return http_reply_text(reply, 403, "fault: 403\n");
    case FAULT_404:
        return http_reply_text(reply, 404, "fault: 404\n");
    case FAULT_406:
        return http_reply_text(reply, 406, "fault: 406\n");
    case FAULT_GARBAGE:
        reply->media_type = GARBAGE_TYPE;
        reply->body = bytes_random(t->arena, GARBAGE_SIZE);
        return true;
    case FAULT_HUGE:
        reply->media_type = "application/octet-stream";
        reply->body = bytes_make(arena_alloc(t->arena, HUGE_SIZE), HUGE_SIZE);
        return true;
    default:
        return false;
    }
}

bool masa_fault_spoils_voucher(struct task *t, const struct masa *masa, enum masa_fault fault,
                               const struct voucher_form *form, struct bytes *voucher)
{
    static const enum spoil spoils[] = {
        [FAULT_WRONG_SERIAL] = SPOIL_SERIAL, [FAULT_WRONG_NONCE] = SPOIL_NONCE,
        [FAULT_WRONG_PIN] = SPOIL_PIN,       [FAULT_EXPIRED] = SPOIL_EXPIRED,
        [FAULT_UNSIGNED] = SPOIL_SIGNATURE,  [FAULT_NO_PIN] = SPOIL_NO_PIN,
        [FAULT_WRONG_ISSUER] = SPOIL_ISSUER, [FAULT_FOREIGN_SIGNER] = SPOIL_SIGNER,
    };
    enum spoil spoil = fault < ARRAY_SIZE(spoils) ? spoils[fault] : SPOIL_NOTHING;
    return voucher_spoil(t, &masa->signer, form, spoil, voucher);
}

/* An older event that another domain caused. */
static void add_foreign_event(struct task *t, json_t *log, json_t *nonce)
{
    const char *domain = bytes_to_base64(t->arena, bytes_random(t->arena, FOREIGN_ID_LEN));
    json_t *event = json_pack("{s:s, s:s, s:o, s:s, s:i}", "date",
                              time_to_text(t->arena, clock_wall() - 30 * DAY_MS), "domainID",
                              domain, "nonce", nonce, "assertion", "logged", "truncated", 0);
    (void)json_array_append_new(json_object_get(log, "events"), event);
}

/* Figure 18 of RFC 8995 has its numbers as strings. */
static void numbers_to_text(struct task *t, json_t *object)
{
    const char *name;
    void *next;
    json_t *value;
    json_object_foreach_safe(object, next, name, value)
    {
        if (json_is_integer(value)) {
            const char *text =
                arena_printf(t->arena, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
            (void)json_object_set_new(object, name, json_string(text));
        }
    }
}

static void all_numbers_to_text(struct task *t, json_t *log)
{
    size_t i;
    json_t *event;
    numbers_to_text(t, log);
    numbers_to_text(t, json_object_get(log, "truncation"));
    json_array_foreach(json_object_get(log, "events"), i, event) numbers_to_text(t, event);
}

void masa_fault_spoils_log(struct task *t, enum masa_fault fault, json_t *log)
{
    switch (fault) {
    case FAULT_LOG_FOREIGN: {
        struct bytes nonce = bytes_random(t->arena, NONCE_LEN);
        add_foreign_event(t, log, json_string(bytes_to_base64(t->arena, nonce)));
        break;
    }
    case FAULT_LOG_NONCELESS:
        add_foreign_event(t, log, json_null());
        break;
    case FAULT_LOG_MISSING: /* the newest comes first */
        (void)json_array_remove(json_object_get(log, "events"), 0);
        break;
    case FAULT_LOG_TRUNCATED:
        (void)json_object_set_new(json_object_get(log, "truncation"), "arbitrary",
                                  json_integer(TRUNCATED_EVENTS));
        break;
    case FAULT_LOG_STRINGS:
        all_numbers_to_text(t, log);
        break;
    default:
        break;
    }
}
