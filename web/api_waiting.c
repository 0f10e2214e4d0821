/* What orders wait for, in words for people. */
#include "core/base/clock.h"
#include "web/api_internal.h"

#include <string.h>

/* Orders of a device that are looked at: the open ones are among the latest. */
#define ORDERS_LOOK 32

bool api_open_orders(struct task *t, struct view *view, struct bytes device, size_t most,
                     struct order *ret, size_t *ret_count)
{
    struct table_scan scan =
        table_scan_index(t, view, &order_table, &order_table_by_device, device, true);
    size_t count = 0;
    for (unsigned i = 0; i < ORDERS_LOOK && count < most; i++) {
        bool found;
        TRY(table_scan_next(t, &scan, &ret[count], &found));
        if (!found)
            break;
        count += ret[count].finished == 0;
    }
    *ret_count = count;
    return true;
}

/* An order's peer says whose share of the runners it takes: "masa:HOST:PORT", "ca:NAME". */
static const char *peer_in_words(struct task *t, const char *peer)
{
    static const struct {
        const char *prefix;
        const char *words;
    } peers[] = {{"masa:", "the MASA"}, {"ca:", "the CA"}};
    for (size_t i = 0; i < ARRAY_SIZE(peers); i++) {
        size_t len = strlen(peers[i].prefix);
        if (strncmp(peer, peers[i].prefix, len) == 0)
            return arena_printf(t->arena, "%s %s", peers[i].words, peer + len);
    }
    return peer;
}

const char *api_waits_for(struct task *t, const struct order *order)
{
    const char *peer;
    if (order->state == ORDER_WAITING)
        return "approval";
    peer = peer_in_words(t, order->peer);
    return order->problem == NULL ? peer : arena_printf(t->arena, "%s (%s)", peer, order->problem);
}

/* In whole seconds, never less than there are. */
static const char *time_until(struct task *t, int64_t when)
{
    int64_t left = when - clock_wall();
    return left <= 0 ? NULL
                     : duration_to_text(t->arena, (left + SECOND_MS - 1) / SECOND_MS * SECOND_MS);
}

const char *api_waiting(struct task *t, const struct order *order)
{
    const char *peer = peer_in_words(t, order->peer);
    const char *left = time_until(t, order->due);
    if (order->state == ORDER_WAITING)
        return arena_printf(t->arena, "waiting for approval: orders approve or orders decline %s",
                            bytes_to_hex(t->arena, order->id));
    if (order->problem != NULL)
        return arena_printf(t->arena, "waiting for %s: %s: %s; %s%s", peer, order->problem,
                            order->detail == NULL ? "no detail" : order->detail,
                            left == NULL ? "trying again now" : "next try in ",
                            left == NULL ? "" : left);
    if (left != NULL)
        return arena_printf(t->arena, "for %s, in %s", peer, left);
    return arena_printf(t->arena, "at work with %s", peer);
}
