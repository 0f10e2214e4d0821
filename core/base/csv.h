/*
 * Tables as text: RFC 4180, as spreadsheets write it.  A byte order mark is passed over, lines may
 * end with CR LF, LF or CR, and where the first line has semicolons or tabs and no commas, those
 * are what stands between fields.
 */
#ifndef GATEHOUSE_CORE_BASE_CSV_H
#define GATEHOUSE_CORE_BASE_CSV_H

#include "core/base/task.h"

#define CSV_FIELDS_MAX 64
#define CSV_FIELD_MAX  4096 /* octets */

struct csv {
    struct bytes octets; /* borrowed */
    size_t at;           /* of the next row */
    unsigned line;       /* that it begins in, from 1 */
    char delimiter;
};

struct csv_row {
    size_t at;     /* where it begins: a reader can be put back there */
    unsigned line; /* likewise */
    const char *fields[CSV_FIELDS_MAX];
    size_t count;
};

struct csv csv_open(struct bytes octets);
/*
 * The next row that is not empty; *ret_found is false at the end.  Fails with E_MALFORMED or
 * E_TOO_LARGE when a row cannot be read; `ret` then says only where it is, and reading can go on
 * with the line behind that.
 */
MUST_USE bool csv_next(struct task *t, struct csv *csv, struct csv_row *ret, bool *ret_found);

#endif
