/* The command groups: each table ends with a NULL name. */
#ifndef GATEHOUSE_WEB_CTL_COMMANDS_H
#define GATEHOUSE_WEB_CTL_COMMANDS_H

#include "web/ctl/command.h"

extern const struct command authority_commands[];
extern const struct command certificate_commands[];
extern const struct command crl_commands[];
extern const struct command csrattrs_commands[];
extern const struct command init_commands[];
extern const struct command label_commands[];
extern const struct command cloud_commands[];
extern const struct command identity_commands[];
extern const struct command manufacturer_commands[];
extern const struct command manufacturer_more_commands[];
extern const struct command secret_commands[];
extern const struct command configuration_commands[];
extern const struct command admission_commands[];
extern const struct command device_commands[];
extern const struct command device_act_commands[];
extern const struct command device_log_commands[];
extern const struct command voucher_commands[];
extern const struct command profile_commands[];
extern const struct command device_decision_commands[];
extern const struct command device_import_commands[];
extern const struct command device_leave_commands[];
extern const struct command order_commands[];
extern const struct command status_commands[];
extern const struct command store_commands[];
extern const struct command inspect_commands[];

#endif
