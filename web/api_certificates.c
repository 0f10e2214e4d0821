/* GET certificates: one search at a time, each by an index; GET certificates/{}. */
#include "core/base/clock.h"
#include "core/store/records/certificate.h"
#include "core/store/records/device.h"
#include "web/api_internal.h"

#include <string.h>

#define SERIAL_LEN 20 /* octets of a serial number in its index */

static const char *const state_names[] = {"issued", "revoked", "suspended", NULL};

/* What every search may be narrowed to. */
struct wanted {
    struct view *view;
    const char *name; /* how a name must begin, where that is how they are found */
    bool by_state;
    unsigned state;
    const char *ca;
    int64_t expires_before; /* 0: whenever */
};

static bool is_wanted(const struct wanted *wanted, const struct certificate *certificate)
{
    return (!wanted->by_state || certificate->state == wanted->state) &&
           (wanted->ca == NULL || strcmp(certificate->ca, wanted->ca) == 0) &&
           (wanted->expires_before == 0 || certificate->not_after < wanted->expires_before);
}

static bool add_wanted(struct task *t, struct page *page, const void *record, void *arg)
{
    return !is_wanted(arg, record) || page_add(t, page, &certificate_type, record);
}

static bool read_wanted(struct task *t, const struct http_request *rq, struct wanted *ret)
{
    struct wanted wanted = {.ca = http_query(t, rq, "ca")};
    const char *state = http_query(t, rq, "state");
    const char *before = http_query(t, rq, "expires-before");
    wanted.by_state = state != NULL;
    if (state != NULL)
        TRY(api_choice(t, "state", state, state_names, &wanted.state));
    ENSURE(t, before == NULL || time_from_text(before, &wanted.expires_before), E_INVALID,
           "expires-before: %s is no date and time (RFC 3339)", api_quote(t, before));
    *ret = wanted;
    return true;
}

/* ---- By name ---- */

/* The certificate that has the name, where it stands first; not once more at its other names. */
static bool add_named(struct task *t, struct page *page, const void *record, void *arg)
{
    const struct certificate_name *name = record;
    const struct wanted *wanted = arg;
    struct certificate certificate;
    const char *first;
    TRY(table_get(t, view_reader(wanted->view), &certificates, name->certificate, &certificate));
    TRY(certificate_first_name(t, &certificate, wanted->name, &first));
    if (first != NULL && strcmp(first, name->name) != 0)
        return true;
    return add_wanted(t, page, &certificate, arg);
}

/* ---- By an index ---- */

/* One way to search: a parameter of the query, the index, and how long its value is. */
static const struct search {
    const char *parameter;
    const struct table_index *index;
    size_t len; /* octets */
    char letter;
} searches[] = {
    {"device", &certificates_by_device, DEVICE_ID_LEN, 'd'},
    {"key", &certificates_by_key, SHA256_LEN, 'k'},
    {"serial", &certificates_by_number, SERIAL_LEN, 's'},
};

/* Hexadecimal; colons, as other programs print serial numbers, are passed over. */
static bool read_octets(struct task *t, const struct search *search, const char *text,
                        struct bytes *ret)
{
    char *digits = arena_alloc(t->arena, strlen(text) + 2);
    size_t count = 0;
    struct bytes octets;
    for (const char *at = text; *at != '\0'; at++) {
        if (*at != ':' && (count > 0 || *at != '0' || search->letter != 's'))
            digits[count++] = *at;
    }
    if (count % 2 != 0) {
        memmove(digits + 1, digits, count);
        digits[0] = '0';
    }
    ENSURE(t,
           bytes_from_hex(t->arena, digits, &octets) && octets.len <= search->len &&
               (octets.len == search->len || search->letter == 's'),
           E_INVALID, "%s: must be hexadecimal, %zu octets%s", search->parameter, search->len,
           search->letter == 's' ? " at the most" : "");
    uint8_t *padded = arena_alloc(t->arena, search->len);
    if (octets.len > 0)
        memcpy(padded + search->len - octets.len, octets.data, octets.len);
    *ret = bytes_make(padded, search->len);
    return true;
}

static void search_by_name(struct task *t, const char *name, struct wanted *wanted,
                           struct page_source *ret)
{
    wanted->name = certificate_name_key(t->arena, name);
    *ret = (struct page_source){
        .letter = 'n',
        .table = &certificate_names,
        .prefix = bytes_of_text(wanted->name),
        .each = add_named,
        .arg = wanted,
    };
}

/* How they are found: by the one that the query gives of these; otherwise the soonest to expire
 * first. */
static bool choose_source(struct task *t, const struct http_request *rq, struct wanted *wanted,
                          struct page_source *ret)
{
    const char *name = http_query(t, rq, "name");
    const char *chosen = name == NULL ? NULL : "name";
    struct page_source source = {
        .letter = 'x', .table = &certificates, .each = add_wanted, .arg = wanted};
    source.index = &certificates_by_expiry;
    if (name != NULL)
        search_by_name(t, name, wanted, &source);
    for (size_t i = 0; i < ARRAY_SIZE(searches); i++) {
        const char *text = http_query(t, rq, searches[i].parameter);
        if (text == NULL)
            continue;
        ENSURE(t, chosen == NULL, E_INVALID,
               "%s and %s: only one of name, serial, key and device can be searched for", chosen,
               searches[i].parameter);
        chosen = searches[i].parameter;
        TRY(read_octets(t, &searches[i], text, &source.prefix));
        source.letter = searches[i].letter;
        source.index = searches[i].index;
    }
    *ret = source;
    return true;
}

bool api_certificates(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    struct view *view CLEANUP(view_cleanup) = NULL;
    struct wanted wanted;
    struct page_source source;
    struct page page;
    TRY(page_read(t, rq, &page));
    TRY(read_wanted(t, rq, &wanted));
    TRY(choose_source(t, rq, &wanted, &source));
    TRY(view_open(t, api_of(rq)->store, &view));
    wanted.view = view;
    TRY(page_fill(t, view, &page, &source, 1));
    return page_reply(t, reply, &page);
}

/* ---- GET certificates/{} ---- */

bool api_certificate(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    struct view *view CLEANUP(view_cleanup) = NULL;
    struct certificate certificate;
    struct bytes id;
    struct bytes der;
    json_t *json;
    TRY(api_certificate_id(t, rq, &id));
    TRY(view_open(t, api_of(rq)->store, &view));
    TRY(table_get(t, view_reader(view), &certificates, id, &certificate));
    TRY(blob_get(t, view_reader(view), &certificates, id, CERTIFICATE_BLOB_DER, &der));
    TRY(record_to_json(t, &certificate_type, &certificate, &json));
    (void)json_object_set_new(json, "der", json_string(bytes_to_base64(t->arena, der)));
    return api_reply(t, reply, 200, json);
}

bool api_certificate_id(struct task *t, const struct http_request *rq, struct bytes *ret)
{
    struct bytes id;
    ENSURE(t, bytes_from_hex(t->arena, rq->parameter, &id) && id.len == SHA256_LEN, E_INVALID,
           "a certificate is named by the %d hexadecimal digits of its SHA-256", 2 * SHA256_LEN);
    *ret = id;
    return true;
}
