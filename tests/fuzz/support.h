/* What the fuzz targets share. */
#ifndef GATEHOUSE_TESTS_FUZZ_SUPPORT_H
#define GATEHOUSE_TESTS_FUZZ_SUPPORT_H

#include "core/base/task.h"

#include <stdlib.h>

/* libFuzzer's entry. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Ends the program, so that libFuzzer keeps the input: what must hold did not. */
#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

#endif
