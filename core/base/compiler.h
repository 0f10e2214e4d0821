/* Attributes used throughout. */
#ifndef GATEHOUSE_CORE_BASE_COMPILER_H
#define GATEHOUSE_CORE_BASE_COMPILER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The result says whether the call failed: ignoring it is a defect. */
#define MUST_USE __attribute__((warn_unused_result))

#define PRINTF_LIKE(text, first) __attribute__((format(printf, text, first)))

/* Runs `destructor(&variable)` when the variable goes out of scope; destructors accept NULL. */
#define CLEANUP(destructor) __attribute__((cleanup(destructor)))

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

#endif
