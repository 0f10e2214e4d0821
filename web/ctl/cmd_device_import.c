/* devices import: a table from a spreadsheet becomes places on the list of expected devices. */
#include "core/base/file.h"
#include "web/ctl/call.h"
#include "web/ctl/commands.h"
#include "web/ctl/print.h"

#include <string.h>

#define PATH     "/v1/device-imports"
#define FILE_MAX (32UL * 1024 * 1024) /* as much as the daemon takes */

struct import_options {
    const char *manufacturer;
    bool dry_run;
    bool skip_bad;
};

static const struct option import_options[] = {
    OPTION(
        struct import_options, manufacturer, "manufacturer", OPTION_TEXT, "NAME",
        "Whose devices they are, when there is no such column; rows that say otherwise are bad."),
    OPTION(struct import_options, dry_run, "dry-run", OPTION_FLAG, NULL,
           "Only say what would be done, and which rows are bad."),
    OPTION(struct import_options, skip_bad, "skip-bad", OPTION_FLAG, NULL,
           "Import the good rows although some are bad; otherwise it is all or nothing."),
};

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

static json_int_t number(const json_t *report, const char *name)
{
    return json_integer_value(json_object_get(report, name));
}

static void print_report(FILE *out, struct arena *arena, const json_t *report, bool dry_run)
{
    const json_t *errors = json_object_get(report, "errors");
    bool applied = json_is_true(json_object_get(report, "applied"));
    for (size_t i = 0; i < json_array_size(errors); i++) {
        const json_t *error = json_array_get(errors, i);
        const char *what = print_member(arena, error, "what");
        (void)fprintf(out, "line %lld: %s\n", (long long)number(error, "line"),
                      what == NULL ? "?" : print_safe(arena, what));
    }
    if (number(report, "bad") > (json_int_t)json_array_size(errors))
        (void)fputs("(and more)\n", out);
    (void)fprintf(out, "%lld rows: %lld %s, %lld on the list already, %lld bad\n",
                  (long long)number(report, "rows"), (long long)number(report, "added"),
                  applied ? "added" : "to be added", (long long)number(report, "unchanged"),
                  (long long)number(report, "bad"));
    if (!applied)
        (void)fputs(dry_run ? "nothing was imported: it was a dry run\n"
                            : "nothing was imported, for some rows are bad (--skip-bad imports the "
                              "others)\n",
                    out);
}

static bool devices_import(struct task *t, struct ctl *ctl, const struct text_list *words,
                           const void *options)
{
    const struct import_options *o = options;
    const char *file = words->items[0];
    struct bytes csv;
    json_t *report;
    TRY(file_read(t, file, FILE_MAX, &csv));
    const char *query = ctl_query(t->arena, PATH, "file", base_name(file));
    query = ctl_query(t->arena, query, "manufacturer", o->manufacturer);
    query = ctl_query(t->arena, query, "dry-run", o->dry_run ? "1" : NULL);
    query = ctl_query(t->arena, query, "skip-bad", o->skip_bad ? "1" : NULL);
    TRY(ctl_send(t, ctl, "POST", query, "text/csv", csv, &report));
    if (ctl->json)
        print_json(ctl->out, report);
    else
        print_report(ctl->out, t->arena, report, o->dry_run);
    ENSURE(t, number(report, "bad") == 0 || json_is_true(json_object_get(report, "applied")),
           E_CTL_ROWS, "%lld of %lld rows are bad", (long long)number(report, "bad"),
           (long long)number(report, "rows"));
    return true;
}

const struct command device_import_commands[] = {
    {.name = "devices import",
     .words = "FILE",
     .words_min = 1,
     .words_max = 1,
     .summary = "Expect the devices that a table (CSV) names, many at once.",
     .text = "The first line names the columns: serial, and perhaps manufacturer and note; every "
             "other named column is kept with the device, for enrolment profiles to use. Rows that "
             "are on the list already, just so, are passed over.",
     OPTIONS(struct import_options, import_options),
     .run = devices_import},
    {.name = NULL},
};
