/*
 * The log: journal fields under systemd (GATEHOUSE_TRACE=, GATEHOUSE_SERIAL=...), logfmt on
 * standard error otherwise.  Values are escaped: foreign text cannot forge a line.
 */
#ifndef GATEHOUSE_CORE_BASE_LOG_H
#define GATEHOUSE_CORE_BASE_LOG_H

#include "core/base/task.h"

enum log_level {
    LOG_LEVEL_DEBUG,
    LOG_LEVEL_INFO,
    LOG_LEVEL_WARNING,
    LOG_LEVEL_ERROR,
};

struct log {
    const char *program;
    enum log_level level; /* nothing below it is written */
    bool journal;         /* standard error is connected to the journal */
};

/* A field whose value is NULL is left out. */
struct log_field {
    const char *name; /* lower-case letters, digits and "_" */
    const char *text;
    int64_t number; /* used when `text` is NULL and `is_number` */
    bool is_number;
};
#define LOG_TEXT(name, value)   ((struct log_field){(name), (value), 0, false})
#define LOG_NUMBER(name, value) ((struct log_field){(name), NULL, (int64_t)(value), true})

/* Finds out where standard error goes (sd_journal: JOURNAL_STREAM). */
struct log log_make(const char *program, enum log_level level);
/* False when the text is none of debug, info, warning, error. */
MUST_USE bool log_level_from_text(const char *text, enum log_level *ret);

void log_write(const struct task *t, enum log_level level, const char *message,
               const struct log_field *fields, size_t count);

#define LOG_FIELDS_(...)                                                                           \
    (const struct log_field[]){__VA_ARGS__},                                                       \
        sizeof((const struct log_field[]){__VA_ARGS__}) / sizeof(struct log_field)
/* log_info(t, "voucher relayed", LOG_TEXT("serial", serial)); at least one field. */
#define log_debug(t, message, ...)                                                                 \
    log_write((t), LOG_LEVEL_DEBUG, (message), LOG_FIELDS_(__VA_ARGS__))
#define log_info(t, message, ...)                                                                  \
    log_write((t), LOG_LEVEL_INFO, (message), LOG_FIELDS_(__VA_ARGS__))
#define log_warning(t, message, ...)                                                               \
    log_write((t), LOG_LEVEL_WARNING, (message), LOG_FIELDS_(__VA_ARGS__))
#define log_error(t, message, ...)                                                                 \
    log_write((t), LOG_LEVEL_ERROR, (message), LOG_FIELDS_(__VA_ARGS__))
/* The problem of the task, as an error with its kind, detail and hint. */
void log_problem(const struct task *t, const char *message);

#endif
