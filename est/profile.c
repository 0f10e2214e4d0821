#include "est/profile.h"

#include "core/store/records/device_name.h"

#include <arpa/inet.h>

bool profile_of_device(struct task *t, struct reader *r, const struct device *device,
                       struct profile *ret)
{
    return asking_profile(t, r, device->manufacturer, ret);
}

/* ---- A device ---- */

static bool read_device(struct task *t, struct store *store, const struct episode *e,
                        struct asked *asked, struct asking_device *own)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    struct device device;
    TRY(view_open(t, store, &view));
    struct reader *r = view_reader(view);
    TRY(table_get(t, r, &devices, e->device, &device));
    TRY(profile_of_device(t, r, &device, &asked->profile));
    TRY(asking_device(t, r, &device, own));
    asked->serial = device.serial;
    return blob_get(t, r, &episodes, e->id, EPISODE_BLOB_CSRATTRS, &asked->told);
}

/* Once for all: certificates are found by it. */
static bool give_opaque(struct task *t, struct tx *tx, void *arg)
{
    const struct bytes *id = arg;
    struct device device;
    TRY(table_get(t, tx_reader(tx), &devices, *id, &device));
    if (device.opaque != NULL)
        return true;
    device.opaque = bytes_to_hex(t->arena, bytes_random(t->arena, DEVICE_OPAQUE_LEN));
    return table_put(t, tx, &devices, &device);
}

static bool compile(struct task *t, const struct asking_device *own, bool binding,
                    struct asked *asked)
{
    struct wishes wishes;
    TRY(wishes_compile(t, &asked->profile, own, binding, &wishes));
    TRY(csrattrs_encode(t, &wishes.attrs, &asked->attributes));
    asked->wishes = wishes.attrs;
    asked->claims = wishes.claims;
    return true;
}

bool profile_asked(struct task *t, struct store *store, const struct episode *e, bool binding,
                   struct asked *ret)
{
    struct asked asked = {.serial = NULL};
    struct asking_device own;
    struct bytes id = e->device;
    TRY(read_device(t, store, e, &asked, &own));
    if (own.opaque == NULL && wishes_use(&asked.profile, "opaque")) {
        TRY(store_update(t, store, give_opaque, &id));
        TRY(read_device(t, store, e, &asked, &own));
    }
    TRY(compile(t, &own, binding, &asked));
    *ret = asked;
    return true;
}

bool profile_asked_of_all(struct task *t, struct store *store, const struct episode *e,
                          struct asked *ret)
{
    struct asked asked = {.serial = NULL};
    struct asking_device own;
    TRY(read_device(t, store, e, &asked, &own));
    TRY(compile(t, NULL, false, &asked));
    *ret = asked;
    return true;
}

bool profile_claim_names(struct task *t, struct tx *tx, const struct text_list *names,
                         struct bytes device)
{
    for (size_t i = 0; i < names->count; i++) {
        if (!device_name_claim(t, tx, names->items[i], device))
            return task_failed_with(t, E_EXISTS) ? fail(t, E_PROFILE_NAME, "%s", t->detail) : false;
    }
    return true;
}

bool profile_idevid(struct task *t, struct store *store, struct bytes device,
                    const struct cert **ret)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    struct bytes der;
    TRY(view_open(t, store, &view));
    TRY(blob_get(t, view_reader(view), &devices, device, DEVICE_BLOB_IDEVID, &der));
    if (bytes_present(der))
        return cert_parse(t, der, ret);
    *ret = NULL;
    return true;
}

struct bytes profile_address(struct task *t, const char *address)
{
    unsigned char octets[sizeof(struct in6_addr)];
    if (inet_pton(AF_INET, address, octets) == 1)
        return bytes_copy(t->arena, bytes_make(octets, sizeof(struct in_addr)));
    if (inet_pton(AF_INET6, address, octets) == 1)
        return bytes_copy(t->arena, bytes_make(octets, sizeof(struct in6_addr)));
    return BYTES_ABSENT;
}

/* ---- Anybody ---- */

bool profile_generic(struct task *t, struct store *store, const char *name, bool binding,
                     struct asked *ret)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    struct asked asked = {.serial = NULL};
    bool found;
    TRY(view_open(t, store, &view));
    TRY(table_find(t, view_reader(view), &profiles, bytes_of_text(name), &asked.profile, &found));
    ENSURE(t, found, E_PROFILE_MISSING, "profile %s", name);
    TRY(compile(t, NULL, binding, &asked));
    *ret = asked;
    return true;
}
