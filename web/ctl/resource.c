#include "web/ctl/resource.h"

#include "web/ctl/members.h"

void resource_say(struct task *t, struct ctl *ctl, const struct resource *resource,
                  const char *what, const char *name, const json_t *answer)
{
    if (ctl->json)
        print_json(ctl->out, answer);
    else
        (void)fprintf(ctl->out, "%s %s %s\n", what, resource->noun, print_safe(t->arena, name));
}

bool resource_list(struct task *t, struct ctl *ctl, const struct resource *resource)
{
    json_t *list;
    TRY(ctl_list(t, ctl, resource->path, "", &list));
    if (ctl->json)
        print_json(ctl->out, list);
    else
        print_objects(ctl->out, t->arena, list, resource->columns, resource->column_count,
                      resource->empty);
    return true;
}

bool resource_show(struct task *t, struct ctl *ctl, const struct resource *resource,
                   const char *name)
{
    json_t *record;
    TRY(ctl_call(t, ctl, "GET", ctl_path(t->arena, resource->path, name), NULL, &record));
    if (ctl->json)
        print_json(ctl->out, record);
    else
        print_tree(ctl->out, t->arena, record, 0);
    return true;
}

bool resource_add(struct task *t, struct ctl *ctl, const struct resource *resource,
                  const char *member, const char *id, const void *options, json_t **ret_made)
{
    json_t *body = json_in_arena(t, json_object());
    json_t *made;
    TRY(member_set_text(t, body, member, id));
    TRY(resource->set(t, body, options));
    TRY(ctl_call(t, ctl, "POST", resource->path, body, &made));
    resource_say(t, ctl, resource, "added", id, made);
    *ret_made = made;
    return true;
}

bool resource_change(struct task *t, struct ctl *ctl, const struct resource *resource,
                     const char *name, const void *options)
{
    const char *path = ctl_path(t->arena, resource->path, name);
    json_t *record;
    json_t *made;
    TRY(ctl_call(t, ctl, "GET", path, NULL, &record));
    members_keep_writable(record, resource->type);
    TRY(resource->set(t, record, options));
    TRY(ctl_call(t, ctl, "PUT", path, record, &made));
    resource_say(t, ctl, resource, "changed", name, made);
    return true;
}

bool resource_remove(struct task *t, struct ctl *ctl, const struct resource *resource,
                     const char *name)
{
    json_t *removed;
    TRY(ctl_call(t, ctl, "DELETE", ctl_path(t->arena, resource->path, name), NULL, &removed));
    resource_say(t, ctl, resource, "removed", name, removed);
    return true;
}
