/* Names that administrators give: they stand in URLs, file names and on command lines. */
#ifndef GATEHOUSE_CORE_STORE_RECORDS_SLUG_H
#define GATEHOUSE_CORE_STORE_RECORDS_SLUG_H

#include "core/base/task.h"

#define SLUG_MAX 64 /* characters */

/*
 * 1 to SLUG_MAX lower-case letters, digits and "-", beginning and ending with a letter or digit.
 * Fails with E_INVALID naming the member.
 */
MUST_USE bool slug_check(struct task *t, const char *member, const char *slug);

#endif
