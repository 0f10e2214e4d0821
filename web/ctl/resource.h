/*
 * What commands do alike with a collection of the API: profiles, labels, secrets, rules.  Each asks
 * the daemon and prints what came, as JSON when that was asked for.
 */
#ifndef GATEHOUSE_WEB_CTL_RESOURCE_H
#define GATEHOUSE_WEB_CTL_RESOURCE_H

#include "core/base/field.h"
#include "web/ctl/call.h"
#include "web/ctl/print.h"

struct resource {
    const char *path;                   /* "/v1/labels" */
    const char *noun;                   /* "label": for what is said */
    const char *empty;                  /* what is said when there are none */
    const struct print_column *columns; /* of the list */
    size_t column_count;
    const struct record_type *type;
    /* What the command line says, into a request; `options` are the command's. */
    bool (*set)(struct task *t, json_t *body, const void *options);
};

MUST_USE bool resource_list(struct task *t, struct ctl *ctl, const struct resource *resource);
MUST_USE bool resource_show(struct task *t, struct ctl *ctl, const struct resource *resource,
                            const char *name);
/* POST: `id` under `member`, and what set() adds. */
MUST_USE bool resource_add(struct task *t, struct ctl *ctl, const struct resource *resource,
                           const char *member, const char *id, const void *options,
                           json_t **ret_made);
/* GET, changed by set(), PUT: what no option names stays as it is. */
MUST_USE bool resource_change(struct task *t, struct ctl *ctl, const struct resource *resource,
                              const char *name, const void *options);
MUST_USE bool resource_remove(struct task *t, struct ctl *ctl, const struct resource *resource,
                              const char *name);
/* "added label lab", unless JSON was printed. */
void resource_say(struct task *t, struct ctl *ctl, const struct resource *resource,
                  const char *what, const char *name, const json_t *answer);

#endif
