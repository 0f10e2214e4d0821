/* What is done beside the daemon, with its own store and token, while it does not run. */
#ifndef GATEHOUSE_WEB_CTL_OFFLINE_H
#define GATEHOUSE_WEB_CTL_OFFLINE_H

#include "core/store/store.h"
#include "pkcs11/keystore.h"
#include "web/ctl/command.h"

/* "admin:root", as the daemon calls whoever speaks through its socket. */
const char *own_name(struct task *t);

struct offline {
    struct store *store;
    struct keystore *keys;
};
/* As the node file says.  Fails with E_BUSY when the daemon answers. */
MUST_USE bool offline_open(struct task *t, const struct ctl *ctl, struct offline *ret);
void offline_close(struct offline *offline);

#endif
