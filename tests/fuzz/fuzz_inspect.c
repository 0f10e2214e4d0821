/*
 * `gatehousectl inspect`: whatever the file is, it is told or refused, and the terminal is safe.
 *
 * Covers: web/ctl/inspect.c web/ctl/inspect_certificate.c web/ctl/inspect_request.c
 * web/ctl/inspect_cmc.c web/ctl/inspect_members.c web/ctl/inspect_voucher.c
 */
#include "tests/fuzz/support.h"

#include "web/ctl/inspect.h"
#include "web/ctl/print.h"

#include <string.h>

static void must_be_harmless(struct arena *arena, const json_t *report)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    MUST(out != NULL);
    print_tree(out, arena, report, 0);
    (void)fclose(out);
    for (size_t i = 0; i < len; i++)
        MUST(text[i] == '\n' || ((unsigned char)text[i] >= 0x20 && text[i] != 0x7f));
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_cleanup) struct arena *arena = arena_create();
    const struct inspect_rules rules = {.at = 0};
    struct inspect_report report;
    struct task t;
    task_init(&t, arena, NULL);
    if (inspect(&t, (struct bytes){data, size}, &rules, &report)) {
        MUST(json_is_string(json_object_get(report.json, "kind")));
        must_be_harmless(arena, report.json);
    } else {
        MUST(t.problem != NULL && t.problem != E_INTERNAL && t.detail != NULL);
    }
    return 0;
}
