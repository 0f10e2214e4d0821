#include "lab/masa_fault.h"

#include "core/base/clock.h"
#include "core/base/near_miss.h"
#include "lab/masa.h"
#include "lab/problems.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define FAULT_FITS_VOUCHER (1U << MASA_VOUCHER)
#define FAULT_FITS_LOG     (1U << MASA_LOG)
#define FAULT_FITS_BOTH    (FAULT_FITS_VOUCHER | FAULT_FITS_LOG)
#define FAULT_COUNT_MAX    1000000
#define FAULT_FOREVER      UINT_MAX

#define HANG_TIME        HOUR_MS
#define HUGE_SIZE        ((size_t)8 * 1024 * 1024)
#define LATER            1 /* seconds */
#define ELSEWHERE        "https://elsewhere.invalid/.well-known/brski/requestvoucher"
#define FOREIGN_ID_LEN   20 /* octets of a SubjectKeyIdentifier */
#define NONCE_LEN        16
#define TRUNCATED_EVENTS 2

static const struct fault_kind {
    const char *name;
    unsigned fits;
} kinds[] = {
#define FAULT_KIND(id, name, fits) [id] = {(name), (fits)},
    MASA_FAULTS(FAULT_KIND)
#undef FAULT_KIND
};

static bool unknown_fault(struct task *t, const char *name)
{
    const char *names[ARRAY_SIZE(kinds)];
    for (size_t i = 1; i < ARRAY_SIZE(kinds); i++)
        names[i - 1] = kinds[i].name;
    const char *near = near_miss(t->arena, name, names, ARRAY_SIZE(kinds) - 1);
    return fail(t, E_USAGE, "--fault: there is no \"%s\"%s%s", name,
                near == NULL ? "" : "; did you mean ", near == NULL ? "" : near);
}

static bool read_count(struct task *t, const char *text, unsigned *ret)
{
    char *end;
    unsigned long count = strtoul(text, &end, 10);
    ENSURE(t, *text >= '0' && *text <= '9' && *end == '\0' && count > 0 && count <= FAULT_COUNT_MAX,
           E_USAGE, "--fault: a count from 1 to %d follows the colon", FAULT_COUNT_MAX);
    *ret = (unsigned)count;
    return true;
}

static bool read_fault(struct task *t, const char *text, enum masa_fault_on fault_on,
                       struct masa_armed_fault *ret)
{
    size_t len = strcspn(text, ":");
    unsigned count = FAULT_FOREVER;
    size_t kind = 1;
    while (kind < ARRAY_SIZE(kinds) &&
           (strlen(kinds[kind].name) != len || strncmp(kinds[kind].name, text, len) != 0))
        kind++;
    if (kind == ARRAY_SIZE(kinds))
        return unknown_fault(t, arena_strndup(t->arena, text, len));
    if (text[len] == ':')
        TRY(read_count(t, text + len + 1, &count));
    ret->fault = (enum masa_fault)kind;
    ret->fits = kinds[kind].fits;
    if (fault_on == FAULT_ON_VOUCHER)
        ret->fits &= FAULT_FITS_VOUCHER;
    else if (fault_on == FAULT_ON_LOG)
        ret->fits &= FAULT_FITS_LOG;
    else if (ret->fits == FAULT_FITS_BOTH)
        ret->fits = FAULT_FITS_VOUCHER;
    ENSURE(t, ret->fits != 0, E_USAGE, "--fault %s is not one of what --fault-on says",
           kinds[kind].name);
    atomic_init(&ret->left, count);
    return true;
}

bool masa_faults_read(struct task *t, const struct text_list *texts, enum masa_fault_on fault_on,
                      struct masa_faults *ret)
{
    struct masa_faults faults = {
        .items = arena_array(t->arena, texts->count, sizeof(*faults.items)),
        .count = texts->count,
    };
    for (size_t i = 0; i < texts->count; i++)
        TRY(read_fault(t, texts->items[i], fault_on, &faults.items[i]));
    *ret = faults;
    return true;
}

/* Uses one up; false when none is left. */
static bool use_up(struct masa_armed_fault *armed)
{
    unsigned left = atomic_load(&armed->left);
    while (left > 0) {
        unsigned after = left == FAULT_FOREVER ? FAULT_FOREVER : left - 1;
        if (atomic_compare_exchange_weak(&armed->left, &left, after))
            return true;
    }
    return false;
}

enum masa_fault masa_fault_take(struct masa_faults *faults, enum masa_operation operation)
{
    for (size_t i = 0; i < faults->count; i++) {
        struct masa_armed_fault *armed = &faults->items[i];
        if ((armed->fits & 1U << operation) != 0 && use_up(armed))
            return armed->fault;
    }
    return FAULT_NONE;
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
    case FAULT_HUGE:
        reply->media_type = "application/octet-stream";
        reply->body = bytes_make(arena_alloc(t->arena, HUGE_SIZE), HUGE_SIZE);
        return true;
    default:
        return false;
    }
}

/* One octet of the signature, which ends the structure. */
static void break_signature(struct task *t, struct bytes *voucher)
{
    uint8_t *octets = (uint8_t *)bytes_copy(t->arena, *voucher).data;
    octets[voucher->len - 1] ^= 0x01;
    *voucher = bytes_make(octets, voucher->len);
}

bool masa_fault_spoils_voucher(struct task *t, const struct masa *masa, enum masa_fault fault,
                               const struct voucher_form *form, struct bytes *voucher)
{
    struct signed_voucher right;
    const struct voucher_signer signer = {
        .cert = masa->signer.cert,
        .key = masa->signer.key,
        .certs = masa->signer.chain,
    };
    if (fault == FAULT_UNSIGNED) {
        break_signature(t, voucher);
        return true;
    }
    TRY(form->open(t, *voucher, 0, &right));
    struct voucher wrong = right.voucher;
    switch (fault) {
    case FAULT_WRONG_SERIAL:
        wrong.serial_number = arena_printf(t->arena, "%s-other", wrong.serial_number);
        break;
    case FAULT_WRONG_NONCE:
        wrong.nonce = bytes_to_base64(t->arena, bytes_random(t->arena, NONCE_LEN));
        break;
    case FAULT_WRONG_PIN:
        wrong.pinned_domain_cert = masa->signer.cert->der;
        break;
    case FAULT_EXPIRED:
        wrong.created_on = clock_wall() - DAY_MS;
        wrong.expires_on = clock_wall() - HOUR_MS;
        break;
    default:
        return true;
    }
    return form->seal(t, &wrong, &signer, voucher);
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
