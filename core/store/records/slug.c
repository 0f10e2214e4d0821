#include "core/store/records/slug.h"

#include <string.h>

static bool is_letter_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool slug_check(struct task *t, const char *member, const char *slug)
{
    size_t len = slug == NULL ? 0 : strlen(slug);
    ENSURE(t, len >= 1 && len <= SLUG_MAX, E_INVALID, "%s: must have 1 to %d characters, has %zu",
           member, SLUG_MAX, len);
    for (size_t i = 0; i < len; i++)
        ENSURE(t, is_letter_or_digit(slug[i]) || slug[i] == '-', E_INVALID,
               "%s: may consist of lower-case letters, digits and \"-\"", member);
    ENSURE(t, is_letter_or_digit(slug[0]) && is_letter_or_digit(slug[len - 1]), E_INVALID,
           "%s: must begin and end with a letter or digit", member);
    return true;
}
