/* Strangers: what is in memory only. */
#include "web/api_internal.h"

static bool add_stranger(struct task *t, const struct api *api, struct page *page,
                         const struct stranger *stranger)
{
    json_t *json;
    TRY(record_to_json(t, &stranger_type, stranger, &json));
    api_set_hint(api, json, stranger->problem);
    (void)json_array_append(page->items, json);
    return true;
}

/* All of them: they are as many as the ring has places. */
bool api_strangers(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    struct stranger *list;
    size_t count;
    struct page page = {.items = json_in_arena(t, json_array())};
    strangers_list(t, api_of(rq)->strangers, &list, &count);
    for (size_t i = 0; i < count; i++)
        TRY(add_stranger(t, api_of(rq), &page, &list[i]));
    return page_reply(t, reply, &page);
}
