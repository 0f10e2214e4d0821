#include "registrar/opening.h"

#include "core/base/clock.h"
#include "core/store/records/episode.h"

static bool hour_is_over(const struct device *device)
{
    int64_t now = clock_wall();
    return now - device->attempts_since >= HOUR_MS || now < device->attempts_since;
}

bool opening_allowed(struct task *t, const struct registrar *r, const struct device *device)
{
    ENSURE(t, device == NULL || hour_is_over(device) || device->attempts < r->attempts_per_hour,
           E_TOO_MANY_ATTEMPTS, "%llu onboardings begun in the hour since %s",
           (unsigned long long)device->attempts, time_to_text(t->arena, device->attempts_since));
    return true;
}

void opening_count(struct device *device)
{
    if (hour_is_over(device)) {
        device->attempts_since = clock_wall();
        device->attempts = 0;
    }
    device->attempts++;
}

bool opening_claim(struct task *t, struct tx *tx, const struct idevid *idevid,
                   struct ground *ground)
{
    if (ground->kind != GROUND_LIST || bytes_present(ground->place.device))
        return true;
    ground->place.device = idevid->device;
    return table_put(t, tx, &expected_devices, &ground->place);
}

bool opening_supersede(struct task *t, struct tx *tx, struct orders *orders, struct bytes id,
                       const char *because)
{
    struct episode before;
    bool found;
    if (!bytes_present(id))
        return true;
    TRY(table_find(t, tx_reader(tx), &episodes, id, &before, &found));
    if (!found || before.closed != 0)
        return true;
    /* What nobody had decided on need not be decided any more; other orders see for themselves. */
    if (before.stage == EPISODE_HELD)
        TRY(order_cancel_in(t, tx, orders, before.voucher_order, E_REQUEST_STALE, because));
    before.closed = clock_wall();
    before.closed_because = because;
    return table_put(t, tx, &episodes, &before);
}
