/*
 * Places on the list of expected devices, many at once, from a table as spreadsheets write it.
 *
 * The first line names the columns: serial (or serial-number) must be among them, manufacturer and
 * note may be; every other named column is kept with the place, for profiles to use.
 */
#ifndef GATEHOUSE_WEB_IMPORT_H
#define GATEHOUSE_WEB_IMPORT_H

#include "core/base/csv.h"
#include "core/store/records/device.h"

#define IMPORT_SIZE_MAX   (32UL * 1024 * 1024) /* octets of a file */
#define IMPORT_ROWS_MAX   250000
#define IMPORT_ERRORS_MAX 1000 /* that are told one by one */
#define IMPORT_BATCH      1000 /* places written in one update of the store */

struct import_options {
    const char *manufacturer; /* the list is this one's and has no other's devices; NULL: any */
    const char *file;         /* its name, for people; NULL: not known */
    const char *actor;
    bool dry_run;
    bool skip_bad; /* otherwise nothing is written when one row is bad */
};

struct import_error {
    uint64_t line;
    const char *what;
    struct record_rest rest;
};

struct import_report {
    uint64_t rows;      /* but for the first line */
    uint64_t added;     /* or, in a dry run, what would be */
    uint64_t unchanged; /* on the list already, with the same note and columns */
    uint64_t bad;
    bool applied;
    struct record_list errors; /* struct import_error; the first IMPORT_ERRORS_MAX of them */
    struct record_rest rest;
};
extern const struct record_type import_report_type;

/*
 * Bad rows are in the report; fails when the file as a whole cannot be read (E_INVALID,
 * E_TOO_LARGE), and when the store fails on the way: what had been written is taken back then.
 */
MUST_USE bool import_devices(struct task *t, struct store *store, struct bytes csv,
                             const struct import_options *options, struct import_report *ret);

/* ---- Rows as places; see import_row.c ---- */

/* What the first line says of each column. */
enum import_column {
    IMPORT_SERIAL,
    IMPORT_MANUFACTURER,
    IMPORT_NOTE,
    IMPORT_OTHER,
    IMPORT_NAMELESS
};
struct import_header {
    enum import_column columns[CSV_FIELDS_MAX];
    const char *names[CSV_FIELDS_MAX];
    size_t count;
};
MUST_USE bool import_header_read(struct task *t, const struct csv_row *row,
                                 struct import_header *ret);
/* The place that a row speaks of, checked by itself; E_INVALID says what is wrong with it. */
MUST_USE bool import_row_read(struct task *t, const struct import_header *header,
                              const struct import_options *options, const struct csv_row *row,
                              struct expected *ret);

#endif
