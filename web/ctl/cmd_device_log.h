/* The MASA's audit log of a device, for `devices show --log`. */
#ifndef GATEHOUSE_WEB_CTL_CMD_DEVICE_LOG_H
#define GATEHOUSE_WEB_CTL_CMD_DEVICE_LOG_H

#include "web/ctl/command.h"

/* Prints it; `sha256` (NULL: the one received last) names one of those that are kept. */
MUST_USE bool device_log_show(struct task *t, struct ctl *ctl, const char *device,
                              const char *sha256);

#endif
