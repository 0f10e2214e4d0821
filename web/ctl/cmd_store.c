#include "core/node/node.h"
#include "core/order/order.h"
#include "core/store/check.h"
#include "core/store/records/all.h"
#include "web/ctl/commands.h"
#include "web/ctl/print.h"

struct check_options {
    const char *store;
};

static const struct option check_options[] = {
    OPTION(struct check_options, store, "store", OPTION_TEXT, "FOLDER",
           "The store, instead of the one in the node file: a restored copy, for instance."),
};

/* The records room's tables and the orders. */
static const struct table *const *tables_of_all_rooms(struct arena *arena)
{
    size_t count = 0;
    while (record_tables[count] != NULL)
        count++;
    const struct table **tables = arena_array(arena, count + 2, sizeof(struct table *));
    for (size_t i = 0; i < count; i++)
        tables[i] = record_tables[i];
    tables[count] = &order_table;
    return tables;
}

static json_t *findings_json(struct task *t, const struct check_report *report)
{
    size_t shown =
        report->finding_count < CHECK_FINDINGS_MAX ? report->finding_count : CHECK_FINDINGS_MAX;
    json_t *findings = json_in_arena(t, json_array());
    for (size_t i = 0; i < shown; i++)
        (void)json_array_append_new(findings,
                                    json_pack("{s:s*, s:s*}", "key", report->findings[i].key,
                                              "what", report->findings[i].what));
    return findings;
}

static json_t *report_json(struct task *t, const char *path, const struct check_report *report)
{
    return json_in_arena(
        t, json_pack("{s:s*, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:O}", "store", path, "keys",
                     (json_int_t)report->keys, "records", (json_int_t)report->records,
                     "index-entries", (json_int_t)report->index_entries, "blobs",
                     (json_int_t)report->blobs, "audit-entries", (json_int_t)report->audit.entries,
                     "audit-chains", (json_int_t)report->audit.chains, "audit-forgotten",
                     (json_int_t)report->audit.forgotten, "finding-count",
                     (json_int_t)report->finding_count, "findings", findings_json(t, report)));
}

static bool open_store(struct task *t, const struct ctl *ctl, const char *path,
                       const char **ret_path, struct store **ret)
{
    struct node node;
    record_init(t, &node_type, &node);
    if (path == NULL) {
        TRY(node_read(t, ctl->config == NULL ? NODE_FILE_DEFAULT : ctl->config, &node));
        path = node.store.path;
    }
    const struct store_options options = {
        .path = path,
        .size = node.store.size,
        .readers = (unsigned)node.store.readers,
        .batch = (unsigned)node.store.batch,
        .alarm_percent = (unsigned)node.store.alarm_percent,
        .read_only = true,
    };
    TRY(store_open(t, &options, ret));
    *ret_path = path;
    return true;
}

/* Reads the store itself, so that it works with the daemon up or down. */
static bool check(struct task *t, struct ctl *ctl, const struct text_list *words,
                  const void *options)
{
    const struct check_options *o = options;
    const char *path;
    struct store *store;
    struct check_report report;
    (void)words;
    TRY(open_store(t, ctl, o->store, &path, &store));
    ARENA_DEFER(t->arena, store_close, store);
    TRY(store_check(t, store, tables_of_all_rooms(t->arena), &report));
    json_t *json = report_json(t, path, &report);
    if (ctl->json)
        print_json(ctl->out, json);
    else
        print_tree(ctl->out, t->arena, json, 0);
    ENSURE(t, report.finding_count == 0, E_CTL_FINDINGS, "%zu findings in %s", report.finding_count,
           path);
    return true;
}

const struct command store_commands[] = {
    {.name = "store check",
     .summary = "Walk through the whole store and verify it; nothing is changed.",
     .text = "Every record, index entry and link of the audit chain is read. The daemon may be "
             "running or not.",
     OPTIONS(struct check_options, check_options),
     .run = check},
    {.name = NULL},
};
