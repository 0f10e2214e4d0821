#include "lab/figures.h"

#include <stdlib.h>

static int by_size(const void *a, const void *b)
{
    double one = *(const double *)a;
    double other = *(const double *)b;
    return (one > other) - (one < other);
}

/* The smallest value that is not exceeded by `percent` of them. */
static double percentile(const double *sorted, size_t count, size_t percent)
{
    size_t rank = (count * percent + 99) / 100;
    return sorted[rank == 0 ? 0 : rank - 1];
}

struct figures figures_of(double *values, size_t count)
{
    struct figures figures = {.count = count};
    if (count == 0)
        return figures;
    qsort(values, count, sizeof(*values), by_size);
    figures.p50 = percentile(values, count, 50);
    figures.p90 = percentile(values, count, 90);
    figures.p99 = percentile(values, count, 99);
    figures.most = values[count - 1];
    return figures;
}
