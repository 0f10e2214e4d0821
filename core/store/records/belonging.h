/*
 * What belongs to one device and goes when it leaves: a row for each table that holds such things.
 * A table that is new and keyed by device, or by manufacturer and serial number, gets its row here.
 */
#ifndef GATEHOUSE_CORE_STORE_RECORDS_BELONGING_H
#define GATEHOUSE_CORE_STORE_RECORDS_BELONGING_H

#include "core/store/records/device.h"

struct device_belonging {
    const struct table *table;
    const struct table_index *index; /* NULL: by record key */
    /* What the keys of this device's records begin with. */
    struct bytes (*prefix)(struct arena *arena, const struct device *device);
    bool whole; /* the prefix is the whole key: there is one record at most */
};
extern const struct device_belonging device_belongings[]; /* ends without table */

#define BELONGINGS_MAX 256 /* that are looked at in one go */

/* One of them. */
struct belonging {
    const struct table *table;
    struct bytes key;
};
struct belonging_list {
    struct belonging *items;
    size_t count;
};
/* The device's, at most BELONGINGS_MAX of them. */
MUST_USE bool belongings_find(struct task *t, struct view *view, const struct device *device,
                              struct belonging_list *ret);
MUST_USE bool belongings_delete(struct task *t, struct tx *tx, const struct belonging_list *list);

#endif
