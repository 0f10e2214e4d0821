/*
 * Text with places to be filled: "{serial}".  A place is a word of small letters and "-" in braces;
 * other braces are what they are, so that JSON and the like need no quoting.
 */
#ifndef GATEHOUSE_CORE_BASE_PLACEHOLDERS_H
#define GATEHOUSE_CORE_BASE_PLACEHOLDERS_H

#include "core/base/task.h"

struct placeholder {
    const char *name;
    const char *value; /* NULL: there is none for this one */
};

/*
 * Every place in the text is one of `known` (ends with NULL).  Fails with E_INVALID naming the
 * first that is not, and those that are.
 */
MUST_USE bool placeholders_check(struct task *t, struct bytes text, const char *const *known);
/*
 * The text with the values in their places, at most `most` octets.  Fails with E_INVALID when a
 * value that is needed is not there, or has characters that could end a line, a string or an
 * element in the text around it: letters, digits, space and . - _ : / + @ = , are taken.
 */
MUST_USE bool placeholders_fill(struct task *t, struct bytes text, const struct placeholder *values,
                                size_t count, size_t most, struct bytes *ret);

#endif
