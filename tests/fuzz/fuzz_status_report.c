/*
 * A pledge's status report, in JSON, CBOR and JWS: what is kept of its words is short and fit for a
 * terminal.
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

static void check_report(struct task *t, const char *media_type, struct bytes octets)
{
    struct status_report report;
    task_forgive(t);
    if (!status_report_read(t, media_type, octets, &report)) {
        MUST((t->problem == E_TELEMETRY || t->problem == E_REPORT_SIGNATURE) && t->detail != NULL);
        return;
    }
    MUST(report.version >= 1);
    check_text(report.reason);
    check_text(report.context);
    MUST(report.unknown.count <= STATUS_UNKNOWN_MAX);
    for (size_t i = 0; i < report.unknown.count; i++)
        check_text(report.unknown.items[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct task t;
    CLEANUP(arena_cleanup) struct arena *arena = arena_create();
    task_init(&t, arena, NULL);
    check_report(&t, STATUS_JSON, bytes_make(data, size));
    check_report(&t, STATUS_CBOR, bytes_make(data, size));
    check_report(&t, STATUS_JOSE, bytes_make(data, size));
    return 0;
}
