#include "lab/pledge_report.h"

#include "core/base/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define TEXT_MAX       4096 /* octets of what peers say */
#define MILLISECOND_NS 1000000LL
#define SECOND_NS      (1000 * MILLISECOND_NS)

/* core/base/clock.h counts milliseconds; steps here often take less than one. */
static int64_t nanoseconds(void)
{
    struct timespec now;
    if (clock_gettime(CLOCK_MONOTONIC, &now) != 0)
        abort();
    return now.tv_sec * SECOND_NS + now.tv_nsec;
}

double report_elapsed(const struct report_line *line)
{
    return (double)(nanoseconds() - line->started) / (double)MILLISECOND_NS;
}

void report_begin(struct report_line *line, struct report *report, const char *serial)
{
    *line = (struct report_line){.report = report, .serial = serial, .started = nanoseconds()};
}

static void put_line(struct report *report, const char *text)
{
    (void)pthread_mutex_lock(&report->lock);
    (void)puts(text);
    (void)fflush(stdout);
    (void)pthread_mutex_unlock(&report->lock);
}

/* What peers and certificates say, without what a terminal would obey. */
static const char *printable(struct task *t, const char *text)
{
    char *copy = bytes_to_printable(t->arena, bytes_of_text(text), TEXT_MAX);
    for (char *c = copy; *c != '\0'; c++) {
        if (*c == '"')
            *c = '\'';
    }
    return copy;
}

static json_t *json_line(struct task *t, const struct report_line *line, const char *step)
{
    json_t *object = json_in_arena(t, json_object());
    (void)json_object_set_new(object, "serial", json_string(line->serial));
    (void)json_object_set_new(object, "step", json_string(step));
    (void)json_object_set_new(object, "ms", json_real(report_elapsed(line)));
    if (line->via != NULL)
        (void)json_object_set_new(object, "registrar", json_string(line->via));
    return object;
}

static void put_json(const struct report_line *line, json_t *object)
{
    char *text = json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(9));
    if (text == NULL)
        abort(); /* jansson: no memory */
    put_line(line->report, text);
    free(text);
}

/* Foreign text that is no UTF-8 is left out: JSON cannot hold it. */
static void set_text(json_t *object, const char *name, const char *text)
{
    if (text != NULL)
        (void)json_object_set_new(object, name, json_string(text));
}

static const char *prefix(struct task *t, const struct report_line *line)
{
    return line->report->several ? arena_printf(t->arena, "%-16s ", line->serial) : "";
}

static void put_step(struct task *t, const struct report_line *line, const char *step,
                     const char *text)
{
    put_line(line->report, arena_printf(t->arena, "%s%8.1f ms  %-14s %s%s%s%s", prefix(t, line),
                                        report_elapsed(line), step, line->via == NULL ? "" : "[",
                                        line->via == NULL ? "" : line->via,
                                        line->via == NULL ? "" : "] ", printable(t, text)));
}

void report_step(struct task *t, const struct report_line *line, const char *step,
                 const char *action, int status, const char *note)
{
    if (line->report->quiet)
        return;
    if (!line->report->json) {
        put_step(t, line, step,
                 arena_printf(t->arena, "%s \u2192 %d%s%s", action, status, note == NULL ? "" : " ",
                              note == NULL ? "" : note));
        return;
    }
    json_t *object = json_line(t, line, step);
    set_text(object, "action", action);
    (void)json_object_set_new(object, "status", json_integer(status));
    set_text(object, "note", note);
    put_json(line, object);
}

void report_note(struct task *t, const struct report_line *line, const char *step, const char *note)
{
    if (line->report->quiet)
        return;
    if (!line->report->json) {
        put_step(t, line, step, note);
        return;
    }
    json_t *object = json_line(t, line, step);
    set_text(object, "note", note);
    put_json(line, object);
}

void report_onboarded(struct task *t, const struct report_line *line, const char *subject,
                      const char *issuer)
{
    if (line->report->load)
        return;
    if (!line->report->json) {
        put_line(line->report,
                 arena_printf(t->arena, "onboarded serial=%s subject=\"%s\" issuer=\"%s\"",
                              line->serial, printable(t, subject), printable(t, issuer)));
        return;
    }
    json_t *object = json_line(t, line, "onboarded");
    set_text(object, "subject", subject);
    set_text(object, "issuer", issuer);
    put_json(line, object);
}

void report_indicator(struct task *t, const struct report_line *line,
                      const struct indicator *indicator)
{
    if (line->report->quiet)
        return;
    if (!line->report->json) {
        put_step(
            t, line, "indicator",
            arena_printf(t->arena, "%u %s: %s", indicator->code, indicator->name, indicator->text));
        return;
    }
    json_t *object = json_line(t, line, "indicator");
    (void)json_object_set_new(object, "code", json_integer(indicator->code));
    set_text(object, "indicator", indicator->name);
    set_text(object, "note", indicator->text);
    put_json(line, object);
}

void report_failed(struct task *t, const struct report_line *line, const char *step,
                   const struct indicator *indicator)
{
    if (!line->report->json) {
        put_line(line->report,
                 arena_printf(t->arena, "failed serial=%s step=%s code=%u reason=\"%s\"",
                              line->serial, step, indicator->code, printable(t, t->detail)));
        return;
    }
    json_t *object = json_line(t, line, "failed");
    set_text(object, "failed-step", step);
    (void)json_object_set_new(object, "code", json_integer(indicator->code));
    set_text(object, "indicator", indicator->name);
    set_text(object, "problem", t->problem->name);
    set_text(object, "reason", t->detail);
    put_json(line, object);
}
