#include "registrar/voucher_accept.h"

#include "core/http/media.h"

#include <string.h>

bool voucher_taken(const char *accept, const struct voucher_form *asked, const char *media_type)
{
    return strcmp(asked->media_type, media_type) == 0 ? media_accepts(accept, media_type)
                                                      : media_names(accept, media_type);
}

/* A list that can go on as it stands: it names a type, and is nothing but visible ASCII. */
static bool is_plain_list(const char *accept)
{
    if (accept == NULL || strlen(accept) > ACCEPT_MAX || strchr(accept, '/') == NULL)
        return false;
    for (; *accept != '\0'; accept++) {
        if (*accept < ' ' || *accept > '~')
            return false;
    }
    return true;
}

const char *voucher_accept(struct task *t, const char *accept, const struct voucher_form *asked,
                           bool relays)
{
    const char *list = NULL;
    /* RFC 8995 5.5: what the pledge says it takes is what the MASA hears. */
    if (relays && is_plain_list(accept))
        return accept;
    if (voucher_taken(accept, asked, asked->media_type))
        list = asked->media_type;
    for (size_t i = 0; voucher_forms[i] != NULL; i++) {
        const char *type = voucher_forms[i]->media_type;
        if (voucher_forms[i] != asked && voucher_taken(accept, asked, type))
            list = list == NULL ? type : arena_printf(t->arena, "%s, %s", list, type);
    }
    return list;
}
