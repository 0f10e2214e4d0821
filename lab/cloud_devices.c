#include "lab/cloud.h"

#include "core/base/file.h"
#include "lab/place.h"
#include "lab/problems.h"

#include <stdlib.h>
#include <string.h>

#define DEVICES_FILE_MAX ((size_t)64 * 1024 * 1024)
#define BLANKS           " \t\r"

static int by_serial(const void *a, const void *b)
{
    return strcmp(((const struct cloud_device *)a)->serial,
                  ((const struct cloud_device *)b)->serial);
}

/*
 * "SERIAL URL"; serial numbers may have blanks in them, URLs may not, so the last blank parts the
 * two.  A URL without path stands for requestvoucher there.
 */
static bool read_line(struct task *t, char *line, struct cloud_device *ret)
{
    struct place place;
    size_t len = strlen(line);
    while (len > 0 && strchr(BLANKS, line[len - 1]) != NULL)
        line[--len] = '\0';
    char *owner = line + len;
    while (owner > line && strchr(BLANKS, owner[-1]) == NULL)
        owner--;
    ENSURE(t, owner > line, E_INVALID, "SERIAL and URL (or \"-\") are expected");
    char *end = owner;
    while (end > line && strchr(BLANKS, end[-1]) != NULL)
        *--end = '\0';
    ENSURE(t, *line != '\0', E_INVALID, "the serial number is missing");
    ret->serial = line;
    ret->owner = NULL;
    if (strcmp(owner, "-") == 0)
        return true;
    TRY(place_from_url(t, owner, &place));
    ret->owner = place.url;
    return true;
}

static bool read_devices(struct task *t, const char *path, struct cloud_device **ret,
                         size_t *ret_count)
{
    struct bytes octets;
    size_t lines = 1;
    size_t count = 0;
    TRY(file_read(t, path, DEVICES_FILE_MAX, &octets));
    char *text = bytes_to_text(t->arena, octets);
    ENSURE(t, text != NULL, E_INVALID, "%s is no text", path);
    for (const char *c = text; *c != '\0'; c++)
        lines += *c == '\n';
    struct cloud_device *devices = arena_array(t->arena, lines, sizeof(*devices));
    char *next = text;
    for (unsigned number = 1; next != NULL; number++) {
        char *line = strsep(&next, "\n");
        line += strspn(line, BLANKS);
        if (*line == '\0' || *line == '#')
            continue;
        if (!read_line(t, line, &devices[count++]))
            return fail_context(t, "%s:%u", path, number);
    }
    qsort(devices, count, sizeof(*devices), by_serial);
    for (size_t i = 1; i < count; i++)
        ENSURE(t, by_serial(&devices[i - 1], &devices[i]) != 0, E_INVALID, "%s: %s is there twice",
               path, devices[i].serial);
    *ret = devices;
    *ret_count = count;
    return true;
}

static bool load(struct task *t, struct cloud *cloud, struct arena *arena)
{
    struct task loading;
    struct cloud_device *devices;
    size_t count;
    task_init(&loading, arena, NULL);
    if (!read_devices(&loading, cloud->settings.devices, &devices, &count))
        return fail(t, loading.problem, "%s", loading.detail);
    (void)pthread_rwlock_wrlock(&cloud->lock);
    struct arena *before = cloud->devices_arena;
    cloud->devices_arena = arena;
    cloud->devices = devices;
    cloud->device_count = count;
    (void)pthread_rwlock_unlock(&cloud->lock);
    arena_destroy(before);
    return true;
}

bool cloud_load_devices(struct task *t, struct cloud *cloud)
{
    struct arena *arena = arena_create();
    if (load(t, cloud, arena))
        return true;
    arena_destroy(arena);
    return false;
}

bool cloud_owner(struct task *t, struct cloud *cloud, const char *serial, const char **ret)
{
    const struct cloud_device wanted = {.serial = serial};
    (void)pthread_rwlock_rdlock(&cloud->lock);
    const struct cloud_device *device = cloud->device_count == 0
                                            ? NULL
                                            : bsearch(&wanted, cloud->devices, cloud->device_count,
                                                      sizeof(*cloud->devices), by_serial);
    const char *owner =
        device == NULL || device->owner == NULL ? NULL : arena_strdup(t->arena, device->owner);
    (void)pthread_rwlock_unlock(&cloud->lock);
    ENSURE(t, device != NULL, E_DEVICE_UNKNOWN, "%s is not in the devices file", serial);
    *ret = owner;
    return true;
}
