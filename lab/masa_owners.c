#include "lab/masa_owners.h"

#include "core/base/clock.h"
#include "core/base/file.h"
#include "lab/credentials.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define SALES_MAX     ((size_t)64 * 1024 * 1024)
#define TRANSFERS_MAX ((size_t)64 * 1024 * 1024)
#define BLANKS        " \t\r"

struct masa_owners {
    const char *path; /* of the transfers */
    pthread_mutex_t lock;
    off_t read;      /* octets of them that are in `records` */
    json_t *records; /* serial number: {"domainID": text or null, "since": number} */
};

/* NOLINTNEXTLINE(readability-non-const-parameter): for CLEANUP() */
static void close_file(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
}

static void release(void *object)
{
    struct masa_owners *owners = object;
    json_decref(owners->records);
}

static void record(struct masa_owners *owners, const char *serial, const char *domain_id,
                   int64_t since)
{
    (void)json_object_set_new(
        owners->records, serial,
        json_pack("{s:s?, s:I}", "domainID", domain_id, "since", (json_int_t)since));
}

/* Serial numbers may have blanks in them, domainIDs have none. */
static bool read_sale(struct task *t, struct masa_owners *owners, char *line)
{
    struct bytes domain_id;
    size_t len = strlen(line);
    while (len > 0 && strchr(BLANKS, line[len - 1]) != NULL)
        line[--len] = '\0';
    char *owner = line + len;
    while (owner > line && strchr(BLANKS, owner[-1]) == NULL)
        owner--;
    ENSURE(t, owner > line && bytes_from_base64(t->arena, bytes_of_text(owner), &domain_id),
           E_INVALID, "SERIAL and DOMAINID (base64) are expected");
    char *end = owner;
    while (end > line && strchr(BLANKS, end[-1]) != NULL)
        *--end = '\0';
    ENSURE(t, *line != '\0', E_INVALID, "the serial number is missing");
    record(owners, line, bytes_to_base64(t->arena, domain_id), 0);
    return true;
}

static bool read_sales(struct task *t, struct masa_owners *owners, const char *path)
{
    struct bytes octets;
    TRY(file_read(t, path, SALES_MAX, &octets));
    char *next = bytes_to_text(t->arena, octets);
    ENSURE(t, next != NULL, E_INVALID, "%s is no text", path);
    for (unsigned number = 1; next != NULL; number++) {
        char *line = strsep(&next, "\n");
        line += strspn(line, BLANKS);
        if (*line != '\0' && *line != '#' && !read_sale(t, owners, line))
            return fail_context(t, "%s:%u", path, number);
    }
    return true;
}

static bool read_transfer(struct task *t, struct masa_owners *owners, struct bytes line)
{
    json_t *entry;
    const char *date;
    const char *serial;
    const json_t *domain_id;
    int64_t since;
    TRY(json_parse(t, line, &entry));
    ENSURE(t,
           json_unpack(entry, "{s:s, s:s, s:o}", "date", &date, "serial", &serial, "domainID",
                       &domain_id) == 0 &&
               (json_is_string(domain_id) || json_is_null(domain_id)) &&
               time_from_text(date, &since),
           E_INVALID, "no entry of a transfer");
    record(owners, serial, json_string_value(domain_id), since);
    return true;
}

/* Whole lines that were appended since; half a line is still being written. */
static bool read_new_lines(struct task *t, struct masa_owners *owners, int fd, off_t size)
{
    size_t len = (size_t)(size - owners->read);
    char *octets = arena_alloc(t->arena, len);
    ssize_t got = pread(fd, octets, len, owners->read);
    if (got < 0)
        return fail_errno(t, E_IO, errno, "cannot read %s", owners->path);
    const char *at = octets;
    const char *end = octets + got;
    const char *newline;
    while (at < end && (newline = memchr(at, '\n', (size_t)(end - at))) != NULL) {
        if (!read_transfer(t, owners, bytes_make(at, (size_t)(newline - at))))
            return fail_context(t, "%s", owners->path);
        owners->read += newline + 1 - at;
        at = newline + 1;
    }
    return true;
}

static bool refresh(struct task *t, struct masa_owners *owners)
{
    struct stat now;
    CLEANUP(close_file) int fd = open(owners->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 && errno == ENOENT)
        return true;
    if (fd < 0 || fstat(fd, &now) != 0)
        return fail_errno(t, E_IO, errno, "cannot read %s", owners->path);
    ENSURE(t, now.st_size >= owners->read && (size_t)now.st_size <= TRANSFERS_MAX, E_INVALID,
           "%s has been cut, or is too large", owners->path);
    return now.st_size == owners->read || read_new_lines(t, owners, fd, now.st_size);
}

bool masa_owners_open(struct task *t, const char *folder, const char *sales,
                      struct masa_owners **ret)
{
    struct masa_owners *owners = arena_alloc(t->arena, sizeof(*owners));
    *owners = (struct masa_owners){
        .path = path_in(t, folder, MASA_TRANSFERS),
        .lock = PTHREAD_MUTEX_INITIALIZER,
        .records = json_object(),
    };
    arena_defer(t->arena, release, owners);
    if (sales != NULL)
        TRY(read_sales(t, owners, sales));
    TRY(refresh(t, owners));
    *ret = owners;
    return true;
}

static bool look_up(struct task *t, struct masa_owners *owners, const char *serial,
                    struct masa_owner *ret)
{
    struct masa_owner owner = {.recorded = false};
    TRY(refresh(t, owners));
    const json_t *entry = json_object_get(owners->records, serial);
    const char *domain_id = json_string_value(json_object_get(entry, "domainID"));
    owner.recorded = entry != NULL;
    owner.since = json_integer_value(json_object_get(entry, "since"));
    if (domain_id != NULL)
        ENSURE(t, bytes_from_base64(t->arena, bytes_of_text(domain_id), &owner.domain_id),
               E_INVALID, "%s: a domainID that is no base64", owners->path);
    *ret = owner;
    return true;
}

bool masa_owner_of(struct task *t, struct masa_owners *owners, const char *serial,
                   struct masa_owner *ret)
{
    (void)pthread_mutex_lock(&owners->lock);
    bool ok = look_up(t, owners, serial, ret);
    (void)pthread_mutex_unlock(&owners->lock);
    return ok;
}

/* Under a lock of the file: two transfers at once are two lines. */
static bool append(struct task *t, int fd, const char *path, struct bytes line)
{
    if (flock(fd, LOCK_EX) != 0)
        return fail_errno(t, E_IO, errno, "cannot lock %s", path);
    ssize_t wrote = write(fd, line.data, line.len);
    if (wrote != (ssize_t)line.len || fdatasync(fd) != 0)
        return fail_errno(t, E_IO, errno, "cannot write %s", path);
    return true;
}

bool masa_transfer(struct task *t, const char *folder, const char *serial, struct bytes domain_id)
{
    struct bytes text;
    const char *path = path_in(t, folder, MASA_TRANSFERS);
    const char *to = bytes_present(domain_id) ? bytes_to_base64(t->arena, domain_id) : NULL;
    TRY(json_write(
        t,
        json_in_arena(t, json_pack("{s:s, s:s, s:s?}", "date", time_to_text(t->arena, clock_wall()),
                                   "serial", serial, "domainID", to)),
        &text));
    const struct bytes parts[] = {text, BYTES_LITERAL("\n")};
    CLEANUP(close_file)
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0)
        return fail_errno(t, E_IO, errno, "cannot open %s", path);
    return append(t, fd, path, bytes_concat(t->arena, parts, ARRAY_SIZE(parts)));
}
