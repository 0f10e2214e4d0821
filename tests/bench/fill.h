/* Stores with much in them, for the bench: filled while gatehoused is away. */
#ifndef GATEHOUSE_TESTS_BENCH_FILL_H
#define GATEHOUSE_TESTS_BENCH_FILL_H

#include "core/store/store.h"

/* Puts what has this number into the store; `whose` is the program's third argument. */
typedef bool (*fill_one)(struct task *t, struct tx *tx, const char *whose, unsigned long number);

/*
 * PROGRAM STORE-FOLDER MAP-GIB WHOSE COUNT: calls `one` for each number below COUNT, many in one
 * update.  `what` is what the third argument is called.  The exit status.
 */
int fill_main(int argc, char **argv, const char *what, fill_one one);

#endif
