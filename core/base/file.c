#include "core/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void close_fd(const int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
}

/* Reads up to `max` octets and one more, to see whether there is more. */
static bool read_all(struct task *t, int fd, const char *path, uint8_t *data, size_t max,
                     size_t *ret_len)
{
    size_t len = 0;
    while (len <= max) {
        ssize_t got = read(fd, data + len, max + 1 - len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return fail_errno(t, E_IO, errno, "cannot read %s", path);
        if (got == 0) {
            *ret_len = len;
            return true;
        }
        len += (size_t)got;
    }
    return fail(t, E_TOO_LARGE, "%s is larger than %zu octets", path, max);
}

static bool open_file(struct task *t, const char *path, int *ret_fd)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return fail_errno(t, E_IO, errno, "cannot open %s", path);
    *ret_fd = fd;
    return true;
}

static bool examine(struct task *t, int fd, const char *path, struct stat *ret)
{
    if (fstat(fd, ret) != 0)
        return fail_errno(t, E_IO, errno, "cannot examine %s", path);
    return true;
}

/* Room for what fstat says, or for all that is allowed when it cannot tell (pipes). */
static size_t expected_size(const struct stat *facts, size_t max)
{
    if (S_ISREG(facts->st_mode) && (uint64_t)facts->st_size < max)
        return (size_t)facts->st_size;
    return max;
}

bool file_read(struct task *t, const char *path, size_t max, struct bytes *ret)
{
    CLEANUP(close_fd) int fd = -1;
    struct stat facts;
    TRY(open_file(t, path, &fd));
    TRY(examine(t, fd, path, &facts));
    size_t room = expected_size(&facts, max);
    ENSURE(t, !S_ISREG(facts.st_mode) || (uint64_t)facts.st_size <= max, E_TOO_LARGE,
           "%s is larger than %zu octets", path, max);
    uint8_t *data = arena_alloc(t->arena, room + 1);
    size_t len;
    TRY(read_all(t, fd, path, data, room, &len));
    *ret = bytes_make(data, len);
    return true;
}

bool file_read_secret(struct task *t, const char *path, size_t max, struct bytes *ret)
{
    CLEANUP(close_fd) int fd = -1;
    struct stat facts;
    TRY(open_file(t, path, &fd));
    TRY(examine(t, fd, path, &facts));
    ENSURE(t, (facts.st_mode & S_IRWXO) == 0, E_DENIED,
           "%s holds a secret and may be used by everybody (mode %04o): chmod o= it", path,
           (unsigned)facts.st_mode & 07777U);
    uint8_t *data = arena_secret(t->arena, max + 1);
    size_t len;
    TRY(read_all(t, fd, path, data, max, &len));
    if (len > 0 && data[len - 1] == '\n')
        len--;
    *ret = bytes_make(data, len);
    return true;
}

static bool write_all(struct task *t, int fd, const char *path, struct bytes content)
{
    size_t done = 0;
    while (done < content.len) {
        ssize_t wrote = write(fd, content.data + done, content.len - done);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote < 0)
            return fail_errno(t, E_IO, errno, "cannot write %s", path);
        done += (size_t)wrote;
    }
    if (fsync(fd) != 0)
        return fail_errno(t, E_IO, errno, "cannot sync %s", path);
    return true;
}

static bool sync_folder_of(struct task *t, const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *folder = slash == NULL   ? "."
                         : slash == path ? "/"
                                         : arena_strndup(t->arena, path, (size_t)(slash - path));
    CLEANUP(close_fd) int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0)
        return fail_errno(t, E_IO, errno, "cannot sync folder %s", folder);
    return true;
}

/* Named after the task, so that two writers of one file do not write into each other's. */
static char *name_beside(struct task *t, const char *path)
{
    return arena_printf(t->arena, "%s.new-%s", path, t->trace);
}

static bool write_beside(struct task *t, const char *beside, struct bytes content, unsigned mode)
{
    CLEANUP(close_fd)
    int fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
    if (fd < 0)
        return fail_errno(t, E_IO, errno, "cannot make %s", beside);
    return write_all(t, fd, beside, content);
}

static bool rename_over(struct task *t, const char *beside, const char *path)
{
    if (rename(beside, path) != 0)
        return fail_errno(t, E_IO, errno, "cannot rename onto %s", path);
    return true;
}

bool file_write(struct task *t, const char *path, struct bytes content, unsigned mode)
{
    char *beside = name_beside(t, path);
    if (!write_beside(t, beside, content, mode) || !rename_over(t, beside, path)) {
        (void)unlink(beside);
        return false;
    }
    return sync_folder_of(t, path);
}

static bool make_one(struct task *t, const char *path, unsigned mode)
{
    struct stat facts;
    if (mkdir(path, mode) == 0)
        return true;
    int error = errno;
    if (error == EEXIST && stat(path, &facts) == 0 && S_ISDIR(facts.st_mode))
        return true;
    return fail_errno(t, E_IO, error, "cannot make folder %s", path);
}

bool folder_make(struct task *t, const char *path, unsigned mode)
{
    ENSURE(t, *path != '\0', E_IO, "cannot make a folder without a name");
    char *part = arena_strdup(t->arena, path);
    for (char *slash = strchr(part + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        TRY(make_one(t, part, mode));
        *slash = '/';
    }
    return make_one(t, path, mode);
}
