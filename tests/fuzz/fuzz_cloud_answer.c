/*
 * What a cloud answers is read or refused; what was read keeps its promises.
 *
 * Covers: registrar/cloud/answer.c
 */
#include "tests/fuzz/support.h"

#include "registrar/cloud/answer.h"

#include <string.h>

static void try_registered(struct task *t, struct bytes json)
{
    struct cloud_registered answer;
    if (!cloud_registered_read(t, json, &answer)) {
        MUST(t->problem == E_CLOUD_ANSWER);
        return;
    }
    MUST(answer.looked || (!answer.reachable && answer.reach_detail == NULL));
}

static void try_listed(struct task *t, struct bytes json, const char *after)
{
    struct cloud_listed page;
    if (!cloud_listed_read(t, json, after, &page)) {
        MUST(t->problem == E_CLOUD_ANSWER);
        return;
    }
    MUST(page.serials.count <= CLOUD_PAGE_MAX);
    const char *before = after;
    for (size_t i = 0; i < page.serials.count; i++) {
        MUST(page.serials.items[i][0] != '\0');
        MUST(before == NULL || strcmp(page.serials.items[i], before) > 0);
        before = page.serials.items[i];
    }
    MUST(page.next == NULL || after == NULL || strcmp(page.next, after) > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_cleanup) struct arena *arena = arena_create();
    struct task t;
    task_init(&t, arena, NULL);
    struct bytes json = bytes_make(data, size);
    try_registered(&t, json);
    task_init(&t, arena, NULL);
    try_listed(&t, json, NULL);
    task_init(&t, arena, NULL);
    try_listed(&t, json, "A-5");
    MUST(bytes_are_utf8(bytes_of_text(cloud_problem_words(&t, json))));
    return 0;
}
