/*
 * A pledge's status report: what is kept of its words is short and fit for a terminal.
 *
 * Covers: registrar/status_report.c
 */
#include "tests/fuzz/support.h"

#include "registrar/status_report.h"

#include <string.h>

static void check_text(const char *text)
{
    if (text == NULL)
        return;
    MUST(strlen(text) <= STATUS_TEXT_MAX);
    MUST(bytes_are_utf8(bytes_of_text(text)));
    for (const char *c = text; *c != '\0'; c++)
        MUST((unsigned char)*c >= ' ' && *c != 0x7F);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct task t;
    struct status_report report;
    CLEANUP(arena_cleanup) struct arena *arena = arena_create();
    task_init(&t, arena, NULL);
    if (!status_report_read(&t, bytes_make(data, size), &report))
        return 0;
    MUST(report.version >= 1);
    check_text(report.reason);
    check_text(report.context);
    return 0;
}
