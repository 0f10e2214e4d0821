#include "core/base/log.h"

#include "core/base/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

static const char *const level_names[] = {"debug", "info", "warning", "error"};
static const char *const level_priorities[] = {"PRIORITY=7", "PRIORITY=6", "PRIORITY=4",
                                               "PRIORITY=3"};

#define LOG_FIELDS_MAX 32

/* systemd names the device and inode of the journal's socket: "8:12345". */
static bool stderr_is_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM"); /* NOLINT(concurrency-mt-unsafe) */
    struct stat facts;
    char *end;
    if (stream == NULL || fstat(STDERR_FILENO, &facts) != 0)
        return false;
    uintmax_t device = strtoumax(stream, &end, 10);
    return *end == ':' && device == facts.st_dev && strtoumax(end + 1, NULL, 10) == facts.st_ino;
}

struct log log_make(const char *program, enum log_level level)
{
    return (struct log){program, level, stderr_is_journal()};
}

bool log_level_from_text(const char *text, enum log_level *ret)
{
    for (size_t i = 0; i < ARRAY_SIZE(level_names); i++) {
        if (strcmp(text, level_names[i]) == 0) {
            *ret = (enum log_level)i;
            return true;
        }
    }
    return false;
}

/* A field's text, or its number written out; NULL when it is to be left out. */
static const char *field_text(struct arena *arena, const struct log_field *field)
{
    if (field->is_number)
        return arena_printf(arena, "%" PRId64, field->number);
    return field->text;
}

/* Controls of ASCII, and those of Latin-1 (U+0080 to U+009F), which UTF-8 writes C2 80 to C2 9F. */
static bool is_control(const unsigned char *c)
{
    return *c < ' ' || *c == 0x7F || (c[0] == 0xC2 && c[1] >= 0x80 && c[1] <= 0x9F);
}

static bool needs_quotes(const char *text)
{
    if (*text == '\0' || !bytes_are_utf8(bytes_of_text(text)))
        return true;
    for (const unsigned char *c = (const unsigned char *)text; *c != '\0'; c++) {
        if (is_control(c) || strchr(" \"=\\", *c) != NULL)
            return true;
    }
    return false;
}

/*
 * Control characters, and every octet beyond ASCII of what is no UTF-8, are written \xNN, so that
 * foreign text cannot start a line or move a cursor.
 */
static void write_quoted(FILE *out, const char *text)
{
    bool is_utf8 = bytes_are_utf8(bytes_of_text(text));
    (void)fputc('"', out);
    for (const unsigned char *c = (const unsigned char *)text; *c != '\0'; c++) {
        if (*c == '"' || *c == '\\')
            (void)fprintf(out, "\\%c", *c);
        else if (is_control(c) && *c == 0xC2)
            (void)fprintf(out, "\\x%02x", *++c);
        else if (is_control(c) || (*c >= 0x80 && !is_utf8))
            (void)fprintf(out, "\\x%02x", *c);
        else
            (void)fputc(*c, out);
    }
    (void)fputc('"', out);
}

static void write_pair(FILE *out, const char *name, const char *text)
{
    (void)fprintf(out, " %s=", name);
    if (needs_quotes(text))
        write_quoted(out, text);
    else
        (void)fputs(text, out);
}

static void write_logfmt(const struct task *t, struct arena *arena, enum log_level level,
                         const char *message, const struct log_field *fields, size_t count)
{
    char *line = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&line, &len);
    if (out == NULL)
        return;
    (void)fprintf(out, "time=%s level=%s program=%s", time_to_text(arena, clock_wall()),
                  level_names[level], t->log->program);
    write_pair(out, "message", message);
    write_pair(out, "trace", t->trace);
    for (size_t i = 0; i < count; i++) {
        const char *text = field_text(arena, &fields[i]);
        if (text != NULL)
            write_pair(out, fields[i].name, text);
    }
    (void)fputc('\n', out);
    (void)fclose(out);
    /* One write a line, so that threads do not mix; a full disk or closed pipe loses the line. */
    ssize_t ignored = write(STDERR_FILENO, line, len);
    (void)ignored;
    free(line);
}

static struct iovec journal_entry(const char *text)
{
    return (struct iovec){(void *)text, strlen(text)};
}

static const char *journal_name(struct arena *arena, const char *name)
{
    char *upper = arena_printf(arena, "GATEHOUSE_%s", name);
    for (char *c = upper; *c != '\0'; c++) {
        if (*c >= 'a' && *c <= 'z')
            *c = (char)(*c - 'a' + 'A');
    }
    return upper;
}

static void write_journal(const struct task *t, struct arena *arena, enum log_level level,
                          const char *message, const struct log_field *fields, size_t count)
{
    struct iovec entries[LOG_FIELDS_MAX + 4];
    int used = 0;
    entries[used++] = journal_entry(arena_printf(arena, "MESSAGE=%s", message));
    entries[used++] = journal_entry(level_priorities[level]);
    entries[used++] = journal_entry(arena_printf(arena, "SYSLOG_IDENTIFIER=%s", t->log->program));
    entries[used++] = journal_entry(arena_printf(arena, "GATEHOUSE_TRACE=%s", t->trace));
    for (size_t i = 0; i < count && i < LOG_FIELDS_MAX; i++) {
        const char *text = field_text(arena, &fields[i]);
        if (text != NULL)
            entries[used++] = journal_entry(
                arena_printf(arena, "%s=%s", journal_name(arena, fields[i].name), text));
    }
    (void)sd_journal_sendv(entries, used);
}

void log_write(const struct task *t, enum log_level level, const char *message,
               const struct log_field *fields, size_t count)
{
    if (t->log == NULL || level < t->log->level)
        return;
    CLEANUP(arena_cleanup) struct arena *arena = arena_create();
    if (t->log->journal)
        write_journal(t, arena, level, message, fields, count);
    else
        write_logfmt(t, arena, level, message, fields, count);
}

void log_problem(const struct task *t, const char *message)
{
    log_error(t, message, LOG_TEXT("problem", t->problem == NULL ? NULL : t->problem->name),
              LOG_TEXT("detail", t->detail),
              LOG_TEXT("hint", t->problem == NULL ? NULL : t->problem->hint));
}
