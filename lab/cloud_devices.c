/* Which device is whose, as the file of devices says. */
#include "core/base/file.h"
#include "lab/cloud_owners.h"
#include "lab/problems.h"

#include <stdlib.h>
#include <string.h>

#define DEVICES_FILE_MAX ((size_t)64 * 1024 * 1024)
#define BLANKS           " \t\r"
#define SERIAL_PLACE     "{serial-number}"
#define OWNER_PREFIX     "owner:"

static int by_serial(const void *a, const void *b)
{
    return strcmp(((const struct cloud_device *)a)->serial,
                  ((const struct cloud_device *)b)->serial);
}

bool cloud_check_forward(struct task *t, const struct cloud *cloud, const struct place *place)
{
    for (size_t i = 0; i < cloud->settings.upstream.count; i++)
        ENSURE(t, !place_same_origin(place, &cloud->upstream[i]), E_INVALID,
               "%s is where pledges come from (--upstream): they would go in a circle", place->url);
    return true;
}

static bool check_terms(struct task *t, const struct cloud *cloud)
{
    ENSURE(t, cloud->settings.est_domain != NULL && cloud->pinned != NULL, E_INVALID,
           "\"voucher\" needs --est-domain and --pin");
    ENSURE(t, cloud_has_masa(cloud), E_INVALID, "\"voucher\" needs --masa-state or --masa");
    return true;
}

/* "NAME" or "NAME/ORDER" */
static bool read_owner(struct task *t, const struct cloud *cloud, const char *text,
                       struct cloud_device *ret)
{
    const char *slash = strchr(text, '/');
    ENSURE(t, cloud->settings.state != NULL, E_INVALID, "\"owner:\" needs --state");
    ret->word = CLOUD_OWNER;
    ret->owner = slash == NULL ? text : arena_strndup(t->arena, text, (size_t)(slash - text));
    ret->order = slash == NULL ? NULL : slash + 1;
    ENSURE(t, ret->order == NULL || *ret->order != '\0', E_INVALID, "the order's name is missing");
    return cloud_owner_check(t, ret->owner);
}

static bool read_destination(struct task *t, const struct cloud *cloud, const char *word,
                             struct cloud_device *ret)
{
    struct place place;
    if (strcmp(word, "-") == 0) {
        ret->word = CLOUD_NOBODY;
        return true;
    }
    if (strcmp(word, "voucher") == 0) {
        ret->word = CLOUD_VOUCHER;
        return check_terms(t, cloud);
    }
    if (strncmp(word, OWNER_PREFIX, strlen(OWNER_PREFIX)) == 0)
        return read_owner(t, cloud, word + strlen(OWNER_PREFIX), ret);
    TRY(place_from_url(t, word, &place));
    TRY(cloud_check_forward(t, cloud, &place));
    ret->word = CLOUD_REDIRECT;
    ret->location = place.url;
    return true;
}

/*
 * "SERIAL DESTINATION"; serial numbers may have blanks in them, destinations may not, so the last
 * blank parts the two.  A URL without path stands for requestvoucher there.
 */
static bool read_line(struct task *t, const struct cloud *cloud, char *line,
                      struct cloud_device *ret)
{
    size_t len = strlen(line);
    while (len > 0 && strchr(BLANKS, line[len - 1]) != NULL)
        line[--len] = '\0';
    char *word = line + len;
    while (word > line && strchr(BLANKS, word[-1]) == NULL)
        word--;
    ENSURE(t, word > line, E_INVALID,
           "SERIAL and a URL, \"owner:NAME\", \"voucher\" or \"-\" are expected");
    char *end = word;
    while (end > line && strchr(BLANKS, end[-1]) != NULL)
        *--end = '\0';
    ENSURE(t, *line != '\0', E_INVALID, "the serial number is missing");
    *ret = (struct cloud_device){.serial = line};
    return read_destination(t, cloud, word, ret);
}

static bool read_devices(struct task *t, const struct cloud *cloud, struct cloud_device **ret,
                         size_t *ret_count)
{
    const char *path = cloud->settings.devices;
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
        if (!read_line(t, cloud, line, &devices[count++]))
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
    if (!read_devices(&loading, cloud, &devices, &count))
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

static const char *copy(struct task *t, const char *text)
{
    return text == NULL ? NULL : arena_strdup(t->arena, text);
}

bool cloud_find_device(struct task *t, struct cloud *cloud, const char *serial,
                       struct cloud_device *ret)
{
    const struct cloud_device wanted = {.serial = serial};
    (void)pthread_rwlock_rdlock(&cloud->lock);
    const struct cloud_device *device = cloud->device_count == 0
                                            ? NULL
                                            : bsearch(&wanted, cloud->devices, cloud->device_count,
                                                      sizeof(*cloud->devices), by_serial);
    if (device != NULL)
        *ret = (struct cloud_device){
            .serial = serial,
            .word = device->word,
            .location = copy(t, device->location),
            .owner = copy(t, device->owner),
            .order = copy(t, device->order),
        };
    (void)pthread_rwlock_unlock(&cloud->lock);
    return device != NULL;
}

const char *cloud_fill_in(struct task *t, const char *url, const char *serial)
{
    const char *place = url == NULL ? NULL : strstr(url, SERIAL_PLACE);
    if (place == NULL)
        return url;
    return arena_printf(t->arena, "%.*s%s%s", (int)(place - url), url,
                        bytes_to_url(t->arena, bytes_of_text(serial)),
                        place + strlen(SERIAL_PLACE));
}

bool cloud_answer_for(struct task *t, struct cloud *cloud, const char *serial,
                      struct cloud_answer *ret)
{
    struct cloud_device device;
    bool found = cloud_find_device(t, cloud, serial, &device);
    /* brski-cloud 3.2, 7.2: 404, from a reseller that is not authoritative as well. */
    ENSURE(t, found, E_DEVICE_UNKNOWN, "%s is not in the devices file", serial);
    if (device.word == CLOUD_OWNER)
        return cloud_owners_answer(t, cloud, &device, ret);
    *ret = (struct cloud_answer){
        .word = device.word,
        .location = device.location,
        .est_domain = cloud->settings.est_domain,
        .pinned = cloud->pinned,
        .additional_configuration_url =
            cloud_fill_in(t, cloud->settings.additional_configuration_url, serial),
    };
    return true;
}
