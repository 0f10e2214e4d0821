/* Latencies of many, in a few numbers. */
#ifndef GATEHOUSE_LAB_FIGURES_H
#define GATEHOUSE_LAB_FIGURES_H

#include <stddef.h>

struct figures {
    size_t count;
    double p50; /* half of them took no longer; the nearest rank */
    double p90;
    double p99;
    double most;
};

/* Sorts the values.  All 0 without any. */
struct figures figures_of(double *values, size_t count);

#endif
