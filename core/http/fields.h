/* Header fields: what may stand in them (RFC 9110 5). */
#ifndef GATEHOUSE_CORE_HTTP_FIELDS_H
#define GATEHOUSE_CORE_HTTP_FIELDS_H

#include "core/base/compiler.h"

/* RFC 9110 5.6.2: a token. */
bool field_name_is_valid(const char *name);
/*
 * RFC 9110 5.5: no line break, and no other control character but the tab.  Not empty either:
 * nothing that is sent from here needs that.
 */
bool field_value_is_valid(const char *value);

#endif
