/*
 * How a device stands with us: what it is admitted as, and how many of its manufacturer's devices
 * are admitted as the same.  Every change goes through here, so that the counts stay right.
 */
#ifndef GATEHOUSE_CORE_STORE_RECORDS_STANDING_H
#define GATEHOUSE_CORE_STORE_RECORDS_STANDING_H

#include "core/store/records/device.h"

/* By whose word, and why; both NULL when nobody had to say it. */
struct decided {
    const char *by; /* "admin:root" */
    const char *because;
};

/*
 * Inside an update: admits the device as `admission` from now on, under `manufacturer`.  A new
 * device is one whose manufacturer is NULL.  The caller writes the record.
 */
MUST_USE bool standing_set(struct task *t, struct tx *tx, struct device *device,
                           const char *manufacturer, enum device_admission admission,
                           const struct decided *decided);

/* How many devices of a manufacturer are admitted as this. */
MUST_USE bool standing_count(struct task *t, struct reader *r, const char *manufacturer,
                             enum device_admission admission, uint64_t *ret);
/* Of all manufacturers together. */
MUST_USE bool standing_total(struct task *t, struct view *view, enum device_admission admission,
                             uint64_t *ret);
/* The manufacturer is gone, and no device is left that could be counted. */
MUST_USE bool standing_forget(struct task *t, struct tx *tx, const char *manufacturer);

/*
 * Whether a place on the list lets a device in that was turned away or left us: only when somebody
 * here put it on the list after that.  What a cloud says of its own accord does not outweigh a
 * decision.
 */
bool standing_outweighed(const struct device *device, const struct expected *place);

#endif
