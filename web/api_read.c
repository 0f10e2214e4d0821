/* Strangers: what is in memory only. */
#include "web/api_internal.h"

/* All of them: they are as many as the ring has places. */
bool api_strangers(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    struct stranger *list;
    size_t count;
    struct page page = {.items = json_in_arena(t, json_array())};
    strangers_list(t, api_of(rq)->strangers, &list, &count);
    for (size_t i = 0; i < count; i++)
        TRY(page_add(t, &page, &stranger_type, &list[i]));
    return page_reply(t, reply, &page);
}
