#include "web/ctl/offline.h"

#include "core/base/json.h"
#include "core/node/node.h"
#include "web/ctl/call.h"

#include <pwd.h>
#include <unistd.h>

#define USER_BUFFER (64UL * 1024) /* octets: a line of the user database */

const char *own_name(struct task *t)
{
    struct passwd entry;
    struct passwd *found = NULL;
    char *buffer = arena_alloc(t->arena, USER_BUFFER);
    if (getpwuid_r(geteuid(), &entry, buffer, USER_BUFFER, &found) != 0 || found == NULL)
        return arena_printf(t->arena, "admin:%lu", (unsigned long)geteuid());
    return arena_printf(t->arena, "admin:%s", found->pw_name);
}

/* Two that write into one store would spoil it. */
static bool check_alone(struct task *t, const struct ctl *ctl)
{
    json_t *status;
    bool answers = ctl_call(t, ctl, "GET", "/v1/status", NULL, &status);
    ENSURE(t, !answers, E_BUSY, "the daemon is running: stop it, or do this without --offline");
    ENSURE(t, task_failed_with(t, E_CTL_UNREACHABLE), t->problem, "%s", t->detail);
    task_forgive(t);
    return true;
}

static bool open_store(struct task *t, const struct node *node, struct store **ret)
{
    const struct store_options options = {
        .path = node->store.path,
        .size = node->store.size,
        .readers = (unsigned)node->store.readers,
        .batch = (unsigned)node->store.batch,
        .alarm_percent = (unsigned)node->store.alarm_percent,
    };
    ENSURE(t, access(node->store.path, F_OK) == 0, E_NOT_FOUND, "%s is not there",
           node->store.path);
    return store_open(t, &options, ret);
}

bool offline_open(struct task *t, const struct ctl *ctl, struct offline *ret)
{
    struct node node;
    struct offline offline = {.store = NULL};
    TRY(node_read(t, ctl->config == NULL ? NODE_FILE_DEFAULT : ctl->config, &node));
    const struct keystore_options keys = {.module = node.token.module,
                                          .token = node.token.label,
                                          .pin_file = node.token.pin_file,
                                          .state = node.store.path};
    TRY(check_alone(t, ctl));
    TRY(open_store(t, &node, &offline.store));
    if (!keystore_open(t, &keys, &offline.keys)) {
        store_close(offline.store);
        return false;
    }
    keystore_close_with(offline.keys, t->arena);
    *ret = offline;
    return true;
}

void offline_close(struct offline *offline)
{
    store_close(offline->store);
}
