#include "tests/unit/ctl_fixture.h"

#include <string.h>
#include <unistd.h>

const char *gatehousectl(struct task *t)
{
    char *path = arena_alloc(t->arena, 4096);
    ssize_t len = readlink("/proc/self/exe", path, 4095);
    assert_true(len > 0);
    *(strrchr(path, '/') + 1) = '\0';
    return arena_printf(t->arena, "%sgatehousectl", path);
}

json_t *json_of(struct task *t, const char *output)
{
    json_t *json = NULL;
    assert_ok(t, json_parse(t, bytes_of_text(output), &json));
    return json;
}

void assert_says(const char *output, const char *part)
{
    if (strstr(output, part) == NULL)
        fail_msg("\"%s\" should be in:\n%s", part, output);
}
