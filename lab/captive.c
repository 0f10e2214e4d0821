#include "lab/captive.h"

#include "core/base/json.h"

#include <string.h>

#define PORTAL_MAX 512 /* octets of its URL */

bool captive_read(struct task *t, struct bytes json, struct captivity *ret)
{
    json_t *object;
    ENSURE(t, json.len <= CAPTIVE_SIZE_MAX, E_MALFORMED, "%zu octets; at most %zu", json.len,
           CAPTIVE_SIZE_MAX);
    TRY(json_parse(t, json, &object));
    /* RFC 8908 5: the one member that must be there. */
    const json_t *captive = json_object_get(object, "captive");
    ENSURE(t, json_is_boolean(captive), E_MALFORMED, "\"captive\" is no boolean");
    const char *portal = json_string_value(json_object_get(object, "user-portal-url"));
    *ret = (struct captivity){
        .captive = json_is_true(captive),
        .portal =
            portal == NULL ? NULL : bytes_to_printable(t->arena, bytes_of_text(portal), PORTAL_MAX),
    };
    return true;
}
