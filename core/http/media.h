/* Media types as they stand in header fields (RFC 9110 8.3.1). */
#ifndef GATEHOUSE_CORE_HTTP_MEDIA_H
#define GATEHOUSE_CORE_HTTP_MEDIA_H

#include "core/base/arena.h"

/*
 * The type that a Content-Type names: lower-case, without parameters, in the arena.  NULL when the
 * field is NULL or names none.
 */
const char *media_type_of(struct arena *arena, const char *content_type);

#endif
