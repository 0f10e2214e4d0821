#include "lab/factory_issue.h"

#include "core/base/file.h"
#include "lab/credentials.h"

#define EXTENSIONS_ROOM 1

static bool make_pledge(struct task *t, const struct factory *factory,
                        const struct pledge_plan *plan, const char *serial)
{
    struct extension extensions[EXTENSIONS_ROOM];
    const char *folder = arena_printf(t->arena, "%s/pledges/%s", factory->folder, serial);
    const struct cert *idevid;
    EVP_PKEY *key;
    /* RFC 8995 2.3: no key usage and no extended key usage, which would only be in the way. */
    struct factory_item item = {
        .common_name = serial,
        .serial = serial,
        .key = plan->key,
        .valid_from = plan->valid_from,
        .valid_to = plan->valid_to,
        .extensions = {.items = extensions},
        .path = path_in(t, folder, "idevid"),
    };
    if (!plan->no_masa_url)
        TRY(add_masa_url(t, &item.extensions, plan->masa != NULL ? plan->masa : factory->masa));
    TRY(folder_make(t, folder, 0755));
    return factory_issue(t, factory, &item, &idevid, &key);
}

bool factory_make_pledges(struct task *t, const struct factory *factory,
                          const struct pledge_plan *plan)
{
    TRY(serial_as_folder(t, plan->serial));
    ENSURE(t, plan->valid_from < plan->valid_to, E_INVALID,
           "the IDevID would end before it begins");
    if (plan->count == 1)
        return make_pledge(t, factory, plan, plan->serial);
    for (uint64_t i = 1; i <= plan->count; i++) {
        struct arena_mark mark = arena_mark(t->arena);
        const char *serial =
            arena_printf(t->arena, FACTORY_SERIAL_NO_FORM, plan->serial, (unsigned)i);
        TRY(make_pledge(t, factory, plan, serial));
        arena_rewind(t->arena, mark);
    }
    return true;
}
