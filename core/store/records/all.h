/* Every table that the records room declares, for `store check`; ends with NULL. */
#ifndef GATEHOUSE_CORE_STORE_RECORDS_ALL_H
#define GATEHOUSE_CORE_STORE_RECORDS_ALL_H

#include "core/store/table.h"

extern const struct table *const record_tables[];

#endif
