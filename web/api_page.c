#include "web/api_internal.h"

#include <string.h>

/* A cursor is the letter of a source and the hexadecimal key of its last record. */
static bool read_cursor(struct task *t, const char *text, struct page *page)
{
    ENSURE(t, *text != '\0' && bytes_from_hex(t->arena, text + 1, &page->after), E_INVALID,
           "after: no cursor that a listing gave");
    page->source = *text;
    return true;
}

bool page_read(struct task *t, const struct http_request *rq, struct page *ret)
{
    struct page page = {.items = json_in_arena(t, json_array())};
    const char *after = http_query(t, rq, "after");
    TRY(api_number(t, rq, "limit", 1, PAGE_LIMIT_MAX, PAGE_LIMIT, &page.limit));
    if (after != NULL)
        TRY(read_cursor(t, after, &page));
    *ret = page;
    return true;
}

bool page_full(const struct page *page)
{
    return json_array_size(page->items) >= page->limit || page->looked >= PAGE_LOOK_MAX;
}

bool page_add(struct task *t, struct page *page, const struct record_type *type, const void *record)
{
    return api_append_record(t, page->items, type, record);
}

/* The least key that is greater. */
static struct bytes key_after(struct arena *arena, struct bytes key)
{
    const struct bytes parts[] = {key, BYTES_LITERAL("\0")};
    return bytes_concat(arena, parts, ARRAY_SIZE(parts));
}

static struct table_scan scan_of(struct task *t, struct view *view,
                                 const struct page_source *source, struct bytes after)
{
    struct table_scan scan =
        source->index == NULL
            ? table_scan_prefix(t, view, source->table, source->prefix)
            : table_scan_index(t, view, source->table, source->index, source->prefix, false);
    if (bytes_present(after))
        table_scan_start(t, &scan, key_after(t->arena, after));
    return scan;
}

/* Where the record stands in its source; what was looked at otherwise is given back. */
static struct bytes keep_place(struct arena *arena, const struct page_source *source,
                               const void *record, uint8_t *room)
{
    struct bytes place = source->index == NULL
                             ? source->table->key_of(arena, record)
                             : table_index_place(arena, source->table, source->index, record);
    if (place.len > 0)
        memcpy(room, place.data, place.len);
    return bytes_make(room, place.len);
}

/* Until the page is full, or the source at its end: *ret_end. */
static bool fill_from(struct task *t, struct view *view, struct page *page,
                      const struct page_source *source, struct bytes after, bool *ret_end)
{
    uint8_t room[STORE_KEY_MAX];
    bool found = true;
    struct table_scan scan = scan_of(t, view, source, after);
    struct arena_mark mark = arena_mark(t->arena);
    while (!page_full(page)) {
        arena_rewind(t->arena, mark);
        void *record = arena_alloc(t->arena, source->table->type->size);
        TRY(table_scan_next(t, &scan, record, &found));
        if (!found)
            break;
        page->looked++;
        after = keep_place(t->arena, source, record, room);
        TRY(source->each(t, page, record, source->arg));
    }
    if (found)
        page->next = arena_printf(t->arena, "%c%s", source->letter, bytes_to_hex(t->arena, after));
    *ret_end = !found;
    return true;
}

bool page_fill(struct task *t, struct view *view, struct page *page,
               const struct page_source *sources, size_t count)
{
    size_t i = 0;
    while (i < count && page->source != '\0' && sources[i].letter != page->source)
        i++;
    ENSURE(t, i < count, E_INVALID, "after: no cursor of this listing");
    bool end = true;
    for (struct bytes after = page->after; end && i < count; i++, after = BYTES_ABSENT)
        TRY(fill_from(t, view, page, &sources[i], after, &end));
    return true;
}

bool page_reply(struct task *t, struct http_reply *reply, const struct page *page)
{
    json_t *answer = json_in_arena(t, json_object());
    (void)json_object_set(answer, "items", page->items);
    if (page->next != NULL)
        (void)json_object_set_new(answer, "next", json_string(page->next));
    return api_reply(t, reply, 200, answer);
}

static bool add_as_it_is(struct task *t, struct page *page, const void *record, void *arg)
{
    const struct table *table = arg;
    return page_add(t, page, table->type, record);
}

bool page_of_table(struct task *t, struct http_request *rq, struct http_reply *reply,
                   const struct table *table)
{
    struct view *view CLEANUP(view_cleanup) = NULL;
    const struct page_source source = {
        .letter = 'k', .table = table, .each = add_as_it_is, .arg = (void *)table};
    struct page page;
    TRY(page_read(t, rq, &page));
    TRY(view_open(t, api_of(rq)->store, &view));
    TRY(page_fill(t, view, &page, &source, 1));
    return page_reply(t, reply, &page);
}
