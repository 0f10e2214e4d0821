/* The devices attributed to an owner: GET owners/OWNER/devices, POST owners/OWNER/releases. */
#include "core/base/log.h"
#include "lab/cloud_owners.h"
#include "lab/problems.h"

#include <stdlib.h>
#include <string.h>

#define PAGE_MAX 1000

struct listing {
    json_t *items;
    size_t limit;
    const char *after; /* serial number; NULL: from the beginning */
    const char *next;  /* NULL: that was all */
};

static bool is_wanted(struct task *t, const struct cloud_account *account,
                      const struct cloud_device *device, const char *after)
{
    return device->owner != NULL && strcmp(device->owner, account->name) == 0 &&
           (after == NULL || strcmp(device->serial, after) > 0) &&
           !cloud_is_released(t, account, device);
}

static void add_device(struct listing *listing, const struct cloud_device *device)
{
    json_t *item = json_pack("{s:s}", "serial-number", device->serial);
    if (device->order != NULL)
        (void)json_object_set_new(item, "order", json_string(device->order));
    (void)json_array_append_new(listing->items, item);
}

/* Under the lock: serial numbers are in order, which is what `after` goes by. */
static void fill(struct task *t, const struct cloud *cloud, const struct cloud_account *account,
                 struct listing *listing)
{
    for (size_t i = 0; i < cloud->device_count && listing->next == NULL; i++) {
        const struct cloud_device *device = &cloud->devices[i];
        if (!is_wanted(t, account, device, listing->after))
            continue;
        if (json_array_size(listing->items) == listing->limit) {
            const json_t *last = json_array_get(listing->items, listing->limit - 1);
            listing->next = json_string_value(json_object_get(last, "serial-number"));
        } else {
            add_device(listing, device);
        }
    }
}

static bool read_limit(struct task *t, const struct http_request *rq, size_t *ret)
{
    const char *text = http_query(t, rq, "limit");
    *ret = PAGE_MAX;
    if (text == NULL)
        return true;
    char *end;
    unsigned long limit = strtoul(text, &end, 10);
    ENSURE(t, *text >= '0' && *text <= '9' && *end == '\0' && limit >= 1 && limit <= PAGE_MAX,
           E_INVALID, "limit: must be a number from 1 to %d", PAGE_MAX);
    *ret = limit;
    return true;
}

static bool list_devices(struct task *t, struct cloud *cloud, enum cloud_fault fault,
                         const struct http_request *rq, struct http_reply *reply)
{
    struct cloud_account account;
    struct listing listing = {.items = json_in_arena(t, json_array()),
                              .after = http_query(t, rq, "after")};
    (void)fault;
    TRY(cloud_meet_owner(t, cloud, rq, &account));
    TRY(read_limit(t, rq, &listing.limit));
    (void)pthread_rwlock_rdlock(&cloud->lock);
    fill(t, cloud, &account, &listing);
    (void)pthread_rwlock_unlock(&cloud->lock);
    json_t *answer = json_in_arena(t, json_pack("{s:O}", "items", listing.items));
    if (listing.next != NULL)
        (void)json_object_set_new(answer, "next", json_string(listing.next));
    reply->status = 200;
    reply->media_type = "application/json";
    return json_write(t, answer, &reply->body);
}

bool cloud_list_devices(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    return cloud_serve_owner(t, rq, reply, list_devices);
}

size_t cloud_count_devices(struct task *t, struct cloud *cloud, const struct cloud_account *account)
{
    size_t count = 0;
    (void)pthread_rwlock_rdlock(&cloud->lock);
    for (size_t i = 0; i < cloud->device_count; i++)
        count += is_wanted(t, account, &cloud->devices[i], NULL);
    (void)pthread_rwlock_unlock(&cloud->lock);
    return count;
}

/* ---- Releases ---- */

/* What the owner no longer has; serial numbers that it never had are passed over. */
static bool release(struct task *t, struct cloud *cloud, const char *owner,
                    const struct cloud_releases *releases, size_t *ret_count)
{
    const struct text_list *serials = &releases->serial_numbers;
    struct cloud_account account;
    bool found = false;
    TRY(cloud_account_read(t, cloud->settings.state, owner, &account, &found));
    ENSURE(t, found, E_OWNER, "the account is gone");
    const char **all = arena_array(t->arena, account.released.count + serials->count, sizeof(*all));
    size_t count = account.released.count;
    for (size_t i = 0; i < count; i++)
        all[i] = account.released.items[i];
    for (size_t i = 0; i < serials->count; i++) {
        struct cloud_device device;
        bool known = cloud_find_device(t, cloud, serials->items[i], &device);
        if (known && is_wanted(t, &account, &device, NULL))
            all[count++] = cloud_release_entry(t, &device);
    }
    *ret_count = count - account.released.count;
    account.released = (struct text_list){all, count};
    return *ret_count == 0 || cloud_account_write(t, cloud->settings.state, &account);
}

static bool release_devices(struct task *t, struct cloud *cloud, enum cloud_fault fault,
                            const struct http_request *rq, struct http_reply *reply)
{
    struct cloud_account account;
    struct cloud_releases releases;
    size_t count = 0;
    (void)fault;
    TRY(cloud_meet_owner(t, cloud, rq, &account));
    TRY(cloud_form_read(t, rq->body, &cloud_releases_type, &releases));
    (void)pthread_mutex_lock(&cloud->owners_lock);
    bool ok = release(t, cloud, account.name, &releases, &count);
    (void)pthread_mutex_unlock(&cloud->owners_lock);
    TRY(ok);
    log_info(t, "devices released", LOG_TEXT("owner", account.name), LOG_NUMBER("devices", count));
    json_t *answer = json_in_arena(t, json_pack("{s:I}", "released", (json_int_t)count));
    reply->status = 200;
    reply->media_type = "application/json";
    return json_write(t, answer, &reply->body);
}

bool cloud_release_devices(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    return cloud_serve_owner(t, rq, reply, release_devices);
}
