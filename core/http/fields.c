#include "core/http/fields.h"

#include <string.h>

#define DEL 0x7F

bool field_name_is_valid(const char *name)
{
    static const char allowed[] = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    return *name != '\0' && name[strspn(name, allowed)] == '\0';
}

bool field_value_is_valid(const char *value)
{
    if (*value == '\0')
        return false;
    for (; *value != '\0'; value++) {
        unsigned char c = (unsigned char)*value;
        if ((c < ' ' && c != '\t') || c == DEL)
            return false;
    }
    return true;
}
