/* Media types as they stand in header fields (RFC 9110 8.3.1, 12.5.1). */
#ifndef GATEHOUSE_CORE_HTTP_MEDIA_H
#define GATEHOUSE_CORE_HTTP_MEDIA_H

#include "core/base/arena.h"

/*
 * The type that a Content-Type names: lower-case, without parameters, in the arena.  NULL when the
 * field is NULL or names none.
 */
const char *media_type_of(struct arena *arena, const char *content_type);

/* True when an Accept field allows this type (RFC 9110 12.5.1; q=0 refuses); NULL: no field. */
bool media_accepts(const char *accept, const char *media_type);
/* True when it names this very type, and not only a range that it is in, and does not refuse it. */
bool media_names(const char *accept, const char *media_type);

#endif
