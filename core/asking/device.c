/* What the store knows of a device that goes into its request. */
#include "core/asking/wishes.h"

#include "core/store/records/manufacturer.h"

bool asking_profile(struct task *t, struct reader *r, const char *manufacturer, struct profile *ret)
{
    struct manufacturer maker;
    bool found;
    TRY(table_find(t, r, &manufacturers, bytes_of_text(manufacturer), &maker, &found));
    ENSURE(t, found, E_PROFILE_MISSING, "the manufacturer %s is gone", manufacturer);
    TRY(table_find(t, r, &profiles, bytes_of_text(maker.profile), ret, &found));
    ENSURE(t, found, E_PROFILE_MISSING, "manufacturer %s: profile %s", maker.name, maker.profile);
    return true;
}

bool asking_device(struct task *t, struct reader *r, const struct device *device,
                   struct asking_device *ret)
{
    struct expected place;
    bool found;
    struct asking_device own = {
        .serial = device->serial,
        .manufacturer = device->manufacturer,
        .id = bytes_to_hex(t->arena, device->id),
        .opaque = device->opaque,
    };
    TRY(table_find(t, r, &expected_devices,
                   expected_key(t->arena, device->manufacturer, device->serial), &place, &found));
    /* Another device may have claimed it. */
    if (found && (!bytes_present(place.device) || bytes_equal(place.device, device->id)))
        own.columns = place.columns;
    *ret = own;
    return true;
}

struct asking_device asking_place(const struct expected *place)
{
    return (struct asking_device){
        .serial = place->serial,
        .manufacturer = place->manufacturer,
        .columns = place->columns,
    };
}
