#include "web/ctl/facts.h"

#include "core/base/clock.h"
#include "web/ctl/print.h"

static json_t *text_value(struct task *t, const char *text)
{
    return json_string(bytes_are_utf8(bytes_of_text(text)) ? text : print_safe(t->arena, text));
}

void fact_text(struct task *t, json_t *object, const char *name, const char *text)
{
    if (text != NULL)
        (void)json_object_set_new(object, name, text_value(t, text));
}

void fact_texts(struct task *t, json_t *object, const char *name, const struct text_list *texts)
{
    if (texts->count == 0)
        return;
    json_t *list = fact_array(object, name);
    for (size_t i = 0; i < texts->count; i++)
        (void)json_array_append_new(list, text_value(t, texts->items[i]));
}

void fact_bool(json_t *object, const char *name, bool value)
{
    (void)json_object_set_new(object, name, json_boolean(value));
}

void fact_time(struct task *t, json_t *object, const char *name, int64_t wall)
{
    if (wall != 0)
        fact_text(t, object, name, time_to_text(t->arena, wall));
}

void fact_base64(struct task *t, json_t *object, const char *name, struct bytes octets)
{
    if (bytes_present(octets))
        fact_text(t, object, name, bytes_to_base64(t->arena, octets));
}

void fact_hex(struct task *t, json_t *object, const char *name, struct bytes octets)
{
    if (bytes_present(octets))
        fact_text(t, object, name, bytes_to_hex(t->arena, octets));
}

void fact_problem(struct task *t, json_t *object, const char *name)
{
    fact_text(t, object, name, t->detail);
    task_forgive(t);
}

json_t *fact_object(json_t *object, const char *name)
{
    json_t *value = json_object();
    (void)json_object_set_new(object, name, value);
    return value;
}

json_t *fact_array(json_t *object, const char *name)
{
    json_t *value = json_array();
    (void)json_object_set_new(object, name, value);
    return value;
}

json_t *fact_element(json_t *array)
{
    json_t *value = json_object();
    (void)json_array_append_new(array, value);
    return value;
}
