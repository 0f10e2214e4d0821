/* Single values: generation counters and the owner's name. */
#ifndef GATEHOUSE_CORE_STORE_RECORDS_SETTING_H
#define GATEHOUSE_CORE_STORE_RECORDS_SETTING_H

#include "core/store/table.h"

#define SETTING_OWNER                    "owner"
#define SETTING_MANUFACTURERS_GENERATION "manufacturers-generation"
#define SETTING_REVOCATIONS_GENERATION   "revocations-generation"
#define SETTING_DEVICES                  "devices/" /* admission, "/", manufacturer: how many */
#define SETTING_ALARM                    "alarm/"   /* and PROBLEM/ABOUT */

#define SETTING_TEXT_MAX 1024 /* octets */

/* and the number of a new audit chain's first entry: its time in ms; written by the store itself */
#define SETTING_AUDIT_LEFT "audit-left/"

struct setting {
    const char *name; /* the key */
    uint64_t number;
    const char *text;
    struct record_rest rest;
};

extern const struct record_type setting_type;
extern const struct table settings;

#endif
