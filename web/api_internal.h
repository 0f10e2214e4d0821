/* What the sources of the API share. */
#ifndef GATEHOUSE_WEB_API_INTERNAL_H
#define GATEHOUSE_WEB_API_INTERNAL_H

#include "core/base/json.h"
#include "core/store/records/device.h"
#include "core/store/records/alarm.h"
#include "core/store/table.h"
#include "web/api.h"
#include "web/views.h"

/* ---- Handlers, one file per resource ---- */

MUST_USE bool api_admission_rules(struct task *t, struct http_request *rq,
                                  struct http_reply *reply);
MUST_USE bool api_admission_rule(struct task *t, struct http_request *rq, struct http_reply *reply);
MUST_USE bool api_admission_rule_add(struct task *t, struct http_request *rq,
                                     struct http_reply *reply);
MUST_USE bool api_admission_rule_remove(struct task *t, struct http_request *rq,
                                        struct http_reply *reply);
MUST_USE bool api_manufacturers(struct task *t, struct http_request *rq, struct http_reply *reply);
MUST_USE bool api_manufacturer(struct task *t, struct http_request *rq, struct http_reply *reply);
MUST_USE bool api_manufacturer_add(struct task *t, struct http_request *rq,
                                   struct http_reply *reply);
MUST_USE bool api_manufacturer_set(struct task *t, struct http_request *rq,
                                   struct http_reply *reply);
MUST_USE bool api_manufacturer_crls(struct task *t, struct http_request *rq,
                                    struct http_reply *reply);
MUST_USE bool api_manufacturer_remove(struct task *t, struct http_request *rq,
                                      struct http_reply *reply);
MUST_USE bool api_configurations(struct task *t, struct http_request *rq, struct http_reply *reply);
MUST_USE bool api_configuration(struct task *t, struct http_request *rq, struct http_reply *reply);
MUST_USE bool api_configuration_set(struct task *t, struct http_request *rq,
                                    struct http_reply *reply);
MUST_USE bool api_configuration_remove(struct task *t, struct http_request *rq,
                                       struct http_reply *reply);
MUST_USE bool api_devices(struct task *t, struct http_request *rq, struct http_reply *reply);
MUST_USE bool api_device(struct task *t, struct http_request *rq, struct http_reply *reply);
MUST_USE bool api_device_act(struct task *t, struct http_request *rq, struct http_reply *reply);
MUST_USE bool api_vouchers(struct task *t, struct http_request *rq, struct http_reply *reply);
MUST_USE bool api_voucher(struct task *t, struct http_request *rq, struct http_reply *reply);
MUST_USE bool api_voucher_fetch(struct task *t, struct http_request *rq, struct http_reply *reply);
MUST_USE bool api_voucher_remove(struct task *t, struct http_request *rq, struct http_reply *reply);
MUST_USE bool api_device_log(struct task *t, struct http_request *rq, struct http_reply *reply);
MUST_USE bool api_device_log_act(struct task *t, struct http_request *rq, struct http_reply *reply);
MUST_USE bool api_devices_expect(struct task *t, struct http_request *rq, struct http_reply *reply);
MUST_USE bool api_device_import(struct task *t, struct http_request *rq, struct http_reply *reply);
MUST_USE bool api_strangers(struct task *t, struct http_request *rq, struct http_reply *reply);
MUST_USE bool api_orders(struct task *t, struct http_request *rq, struct http_reply *reply);
MUST_USE bool api_order(struct task *t, struct http_request *rq, struct http_reply *reply);
MUST_USE bool api_order_decide(struct task *t, struct http_request *rq, struct http_reply *reply);
MUST_USE bool api_status(struct task *t, struct http_request *rq, struct http_reply *reply);
MUST_USE bool api_authorities(struct task *t, struct http_request *rq, struct http_reply *reply);
MUST_USE bool api_profiles(struct task *t, struct http_request *rq, struct http_reply *reply);
MUST_USE bool api_profile(struct task *t, struct http_request *rq, struct http_reply *reply);
MUST_USE bool api_profile_add(struct task *t, struct http_request *rq, struct http_reply *reply);
MUST_USE bool api_profile_set(struct task *t, struct http_request *rq, struct http_reply *reply);
MUST_USE bool api_profile_remove(struct task *t, struct http_request *rq, struct http_reply *reply);

/* What POST devices/{} does, by what it says. */
typedef bool (*api_device_word)(struct task *t, struct http_request *rq,
                                const struct device_action *action, struct http_reply *reply);
MUST_USE bool api_device_decide(struct task *t, struct http_request *rq,
                                const struct device_action *action, struct http_reply *reply);
MUST_USE bool api_device_leave(struct task *t, struct http_request *rq,
                               const struct device_action *action, struct http_reply *reply);
/* The id of the device that the path names, which has come.  Fails with E_NOT_FOUND, E_AMBIGUOUS.
 */
MUST_USE bool api_find_seen(struct task *t, struct http_request *rq, const char *manufacturer,
                            struct bytes *ret);
MUST_USE bool api_authority_act(struct task *t, struct http_request *rq, struct http_reply *reply);
MUST_USE bool api_certificates(struct task *t, struct http_request *rq, struct http_reply *reply);
MUST_USE bool api_certificate(struct task *t, struct http_request *rq, struct http_reply *reply);
MUST_USE bool api_certificate_act(struct task *t, struct http_request *rq,
                                  struct http_reply *reply);
MUST_USE bool api_crls(struct task *t, struct http_request *rq, struct http_reply *reply);
MUST_USE bool api_labels(struct task *t, struct http_request *rq, struct http_reply *reply);
MUST_USE bool api_label(struct task *t, struct http_request *rq, struct http_reply *reply);
MUST_USE bool api_label_add(struct task *t, struct http_request *rq, struct http_reply *reply);
MUST_USE bool api_label_set(struct task *t, struct http_request *rq, struct http_reply *reply);
MUST_USE bool api_label_remove(struct task *t, struct http_request *rq, struct http_reply *reply);
MUST_USE bool api_secrets(struct task *t, struct http_request *rq, struct http_reply *reply);
MUST_USE bool api_secret(struct task *t, struct http_request *rq, struct http_reply *reply);
MUST_USE bool api_secret_add(struct task *t, struct http_request *rq, struct http_reply *reply);
MUST_USE bool api_secret_remove(struct task *t, struct http_request *rq, struct http_reply *reply);
MUST_USE bool api_crl(struct task *t, struct http_request *rq, struct http_reply *reply);

MUST_USE bool api_csrattrs(struct task *t, struct http_request *rq, struct http_reply *reply);
MUST_USE bool api_csrattrs_try(struct task *t, struct http_request *rq, struct http_reply *reply);
MUST_USE bool api_clouds(struct task *t, struct http_request *rq, struct http_reply *reply);
MUST_USE bool api_cloud(struct task *t, struct http_request *rq, struct http_reply *reply);
MUST_USE bool api_cloud_add(struct task *t, struct http_request *rq, struct http_reply *reply);
MUST_USE bool api_cloud_set(struct task *t, struct http_request *rq, struct http_reply *reply);
MUST_USE bool api_cloud_act(struct task *t, struct http_request *rq, struct http_reply *reply);
MUST_USE bool api_cloud_remove(struct task *t, struct http_request *rq, struct http_reply *reply);
MUST_USE bool api_identity(struct task *t, struct http_request *rq, struct http_reply *reply);
MUST_USE bool api_identity_act(struct task *t, struct http_request *rq, struct http_reply *reply);

/* ---- Requests and replies ---- */

const struct api *api_of(const struct http_request *rq);
/* "admin:root": the socket's peer, for the audit trail. */
const char *api_actor(struct task *t, struct http_request *rq);
/* A whole number from the query, `otherwise` when it is not there.  Fails with E_INVALID. */
MUST_USE bool api_number(struct task *t, const struct http_request *rq, const char *name,
                         uint64_t least, uint64_t most, uint64_t otherwise, uint64_t *ret);
/* The index of a name in a NULL-terminated list.  Fails with E_INVALID naming the choices. */
MUST_USE bool api_choice(struct task *t, const char *name, const char *text,
                         const char *const *names, unsigned *ret);
/* The body over the record's presets.  Fails with E_MALFORMED, E_INVALID. */
MUST_USE bool api_read_record(struct task *t, const struct http_request *rq,
                              const struct record_type *type, void *ret);
/* A name is never changed: the body's must be the one in the path.  Fails with E_INVALID. */
MUST_USE bool api_same_name(struct task *t, const struct http_request *rq, const char *name);
MUST_USE bool api_reply(struct task *t, struct http_reply *reply, int status, json_t *value);
/* What was just made, with 201 and its Location. */
MUST_USE bool api_reply_made(struct task *t, struct http_reply *reply, const char *location,
                             json_t *value);
/* The record that the path names.  Fails with E_NOT_FOUND. */
MUST_USE bool api_reply_stored(struct task *t, const struct http_request *rq,
                               struct http_reply *reply, const struct table *table);
/* SHA-256 of a certificate, as the path names it.  Fails with E_INVALID. */
MUST_USE bool api_certificate_id(struct task *t, const struct http_request *rq, struct bytes *ret);
/* All alarms, of `struct alarm`: those that were raised, and what is due. */
MUST_USE bool api_alarms(struct task *t, const struct api *api, struct record_list *ret);
/* "hint": what the administrator can do about a problem of that name (NULL: none). */
void api_set_hint(const struct api *api, json_t *object, const char *problem);
/* A foreign word, fit for a detail. */
const char *api_quote(struct task *t, const char *text);
/* The record as a member of an object. */
MUST_USE bool api_set_record(struct task *t, json_t *object, const char *name,
                             const struct record_type *type, const void *record);
/* The record as the last element of an array. */
MUST_USE bool api_append_record(struct task *t, json_t *array, const struct record_type *type,
                                const void *record);

/*
 * Secret members of `before` that the body does not mention, into `after`: they are never shown, so
 * what was shown and comes back does not hold them.  null takes one away.
 */
MUST_USE bool api_keep_secrets(struct task *t, const struct http_request *rq,
                               const struct record_type *type, const void *before, void *after);
/* "title: New (was: Old); masa-url: none (was: ...)", for the audit trail; NULL: all is the same.
 */
MUST_USE bool api_changes(struct task *t, const struct record_type *type, const void *before,
                          const void *after, const char **ret);

/* The latest `count` events of a subject as "timeline", the very latest last. */
MUST_USE bool api_add_timeline(struct task *t, const struct api *api, struct view *view,
                               struct bytes subject, uint64_t count, json_t *answer);

/* Whom an open order waits for: "approval", "the MASA masa.example:443 (masa-failed)". */
const char *api_waits_for(struct task *t, const struct order *order);
/* The same in a sentence, with what is in the way and when it is tried next. */
const char *api_waiting(struct task *t, const struct order *order);
/* The order with that sentence, while it is open, and with what can be done about its problem. */
MUST_USE bool api_order_json(struct task *t, const struct api *api, const struct order *order,
                             json_t **ret);
/*
 * The latest open orders of a device, at most `most` of them, among those that it had last.
 * `ret` has room for as many.
 */
MUST_USE bool api_open_orders(struct task *t, struct view *view, struct bytes device, size_t most,
                              struct order *ret, size_t *ret_count);

/* Devices with exactly this serial number, under whatever issuers. */
struct table_scan api_scan_serial(struct task *t, struct view *view, const char *serial);
/*
 * The device with this id, or with this serial number, of that manufacturer unless it is NULL.
 * Fails with E_AMBIGUOUS when there are several.
 */
MUST_USE bool api_find_device(struct task *t, struct view *view, const char *text,
                              const char *manufacturer, struct device *ret, bool *ret_found);
/* The place with this serial number that nobody has claimed yet.  Fails with E_AMBIGUOUS. */
MUST_USE bool api_find_place(struct task *t, struct view *view, const char *serial,
                             struct expected *ret, bool *ret_found);

/*
 * The device that was turned away so far and has this place now: its timeline is to say so.  Absent
 * when there is none, or several.
 */
MUST_USE bool api_find_turned_away(struct task *t, struct view *view, const struct expected *place,
                                   struct bytes *ret);

/* ---- Listings, a page at a time ---- */

#define PAGE_LIMIT_MAX 1000
#define PAGE_LIMIT     100
/* Records looked at for one page: a page may hold fewer entries than asked for and still go on. */
#define PAGE_LOOK_MAX 10000

struct page {
    uint64_t limit;
    struct bytes after; /* key of the record that the page before ended with; absent: none */
    char source;        /* the cursor's: which source it belongs to; 0: no cursor */
    uint64_t looked;
    json_t *items;
    const char *next; /* cursor of the next page; NULL: that was all */
};

/* A part of a table that a listing shows. */
struct page_source {
    char letter; /* in cursors */
    const struct table *table;
    const struct table_index *index; /* NULL: by record key */
    struct bytes prefix;             /* of those keys; absent: all of them */
    /* Adds the record, or something made of it, when it is wanted. */
    bool (*each)(struct task *t, struct page *page, const void *record, void *arg);
    void *arg;
};

/* limit= and after= of the query.  Fails with E_INVALID. */
MUST_USE bool page_read(struct task *t, const struct http_request *rq, struct page *ret);
bool page_full(const struct page *page);
MUST_USE bool page_add(struct task *t, struct page *page, const struct record_type *type,
                       const void *record);
/*
 * Records of the sources, one source after the other, each in key order.  What `each` allocates is
 * given back after it, but for what page_add() was given.
 */
MUST_USE bool page_fill(struct task *t, struct view *view, struct page *page,
                        const struct page_source *sources, size_t count);
/* {"items": [...], "next": "..."} */
MUST_USE bool page_reply(struct task *t, struct http_reply *reply, const struct page *page);
/* Devices as GET devices shows them, by what it was asked for. */
struct device_filter {
    struct view *view;
    const char *serial; /* NULL: any; so of the others */
    const char *search;
    const char *manufacturer;
    const char *stage;
    unsigned stage_number;
    bool by_admission;
    unsigned admission; /* enum line_admission */
};
/* For page_source.each, with the filter: a struct device, or a struct expected. */
MUST_USE bool api_add_device(struct task *t, struct page *page, const void *record, void *arg);
MUST_USE bool api_add_place(struct task *t, struct page *page, const void *record, void *arg);
/* By filter->serial, or by filter->search. */
MUST_USE bool api_search_devices(struct task *t, struct device_filter *filter, struct page *page);

/* A whole table, as it stands. */
MUST_USE bool page_of_table(struct task *t, struct http_request *rq, struct http_reply *reply,
                            const struct table *table);

#endif
