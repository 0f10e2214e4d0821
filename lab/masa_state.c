#include "lab/masa_state.h"

#include "core/base/clock.h"
#include "core/base/file.h"
#include "lab/credentials.h"
#include "lab/problems.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define EVENT_FORMAT "{s:s, s:s, s:O, s:s, s:i}"

struct masa_state {
    const char *path;
    int fd;
    off_t end; /* of the whole lines */
    pthread_mutex_t lock;
    json_t *requests; /* SHA-256 in hexadecimal: entry */
    json_t *devices;  /* serial number: array of entries, oldest first */
};

static void state_close(void *object)
{
    struct masa_state *state = object;
    (void)close(state->fd);
    json_decref(state->requests);
    json_decref(state->devices);
}

static const char *text_of(const json_t *entry, const char *name)
{
    const char *text = json_string_value(json_object_get(entry, name));
    return text == NULL ? "" : text;
}

/* Into memory, but for the request's octets: they are for people who read the journal. */
static void remember(struct masa_state *state, json_t *entry)
{
    const char *serial = text_of(entry, "serial");
    json_t *entries = json_object_get(state->devices, serial);
    if (entries == NULL) {
        entries = json_array();
        (void)json_object_set_new(state->devices, serial, entries);
    }
    (void)json_object_del(entry, "request");
    (void)json_array_append(entries, entry);
    (void)json_object_set(state->requests, text_of(entry, "sha256"), entry);
}

static bool is_entry(const json_t *entry)
{
    static const char *const members[] = {"date",   "sha256",        "voucher",  "request",
                                          "serial", "idevid-issuer", "domainID", "assertion"};
    for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
        if (!json_is_string(json_object_get(entry, members[i])))
            return false;
    }
    return json_object_get(entry, "nonce") != NULL;
}

/* One line.  What a crash left of the last one, without its end, is cut off later. */
static bool load_line(struct task *t, struct masa_state *state, const char *line, size_t len,
                      unsigned number)
{
    json_error_t error;
    json_t *entry = json_loadb(line, len, JSON_REJECT_DUPLICATES, &error);
    bool good = entry != NULL && is_entry(entry);
    if (good)
        remember(state, entry);
    json_decref(entry);
    ENSURE(t, good, E_INVALID, "%s:%u: no entry of an issued voucher", state->path, number);
    return true;
}

static bool load_lines(struct task *t, struct masa_state *state, FILE *file)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t len;
    bool ok = true;
    for (unsigned number = 1; ok && (len = getline(&line, &room, file)) > 0; number++) {
        if (line[len - 1] != '\n')
            break;
        ok = load_line(t, state, line, (size_t)len, number);
        state->end += len;
    }
    free(line);
    return ok;
}

static bool load(struct task *t, struct masa_state *state)
{
    int copy = dup(state->fd);
    FILE *file = copy < 0 ? NULL : fdopen(copy, "r");
    if (file == NULL)
        return fail_errno(t, E_IO, errno, "cannot read %s", state->path);
    bool ok = load_lines(t, state, file);
    (void)fclose(file);
    TRY(ok);
    if (ftruncate(state->fd, state->end) != 0 || fsync(state->fd) != 0)
        return fail_errno(t, E_IO, errno, "cannot write %s", state->path);
    return true;
}

bool masa_state_open(struct task *t, const char *folder, struct masa_state **ret)
{
    struct masa_state *state = arena_alloc(t->arena, sizeof(*state));
    TRY(folder_make(t, folder, 0755));
    *state = (struct masa_state){
        .path = path_in(t, folder, MASA_JOURNAL),
        .lock = PTHREAD_MUTEX_INITIALIZER,
        .requests = json_object(),
        .devices = json_object(),
    };
    state->fd = open(state->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    arena_defer(t->arena, state_close, state);
    if (state->fd < 0)
        return fail_errno(t, E_IO, errno, "cannot open %s", state->path);
    ENSURE(t, flock(state->fd, LOCK_EX | LOCK_NB) == 0, E_BUSY, "%s: another MASA uses it",
           state->path);
    TRY(load(t, state));
    *ret = state;
    return true;
}

static bool write_whole(int fd, const char *data, size_t len, off_t at)
{
    while (len > 0) {
        ssize_t wrote = pwrite(fd, data, len, at);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            return false;
        data += wrote;
        len -= (size_t)wrote;
        at += wrote;
    }
    return fdatasync(fd) == 0;
}

/* On the disk when it returns. */
static bool append(struct task *t, struct masa_state *state, json_t *entry)
{
    struct bytes text;
    TRY(json_write(t, entry, &text));
    const struct bytes parts[] = {text, BYTES_LITERAL("\n")};
    struct bytes line = bytes_concat(t->arena, parts, ARRAY_SIZE(parts));
    if (!write_whole(state->fd, (const char *)line.data, line.len, state->end)) {
        (void)fail_errno(t, E_IO, errno, "cannot write %s", state->path);
        if (ftruncate(state->fd, state->end) != 0)
            return fail_context(t, "and it may now end with half a line");
        return false;
    }
    state->end += (off_t)line.len;
    return true;
}

static bool same_device(struct task *t, const json_t *entry, struct bytes idevid_issuer)
{
    return strcmp(text_of(entry, "idevid-issuer"), bytes_to_hex(t->arena, idevid_issuer)) == 0;
}

/* RFC 8995 5.6: a nonce is for one request. */
static bool check_nonce(struct task *t, const struct masa_state *state,
                        const struct masa_issue *issue)
{
    size_t i;
    json_t *entry;
    if (issue->nonce == NULL)
        return true;
    json_array_foreach(json_object_get(state->devices, issue->serial), i, entry)
    {
        ENSURE(t,
               !same_device(t, entry, issue->idevid_issuer) ||
                   strcmp(text_of(entry, "nonce"), issue->nonce) != 0,
               E_REQUEST_REFUSED,
               "another voucher request with this nonce was answered for %s on %s", issue->serial,
               text_of(entry, "date"));
    }
    return true;
}

static json_t *entry_of(struct task *t, const struct masa_issue *issue, const char *sha256,
                        struct bytes voucher)
{
    return json_in_arena(t, json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s?, s:s, s:s}", "date",
                                      time_to_text(t->arena, clock_wall()), "serial", issue->serial,
                                      "idevid-issuer", bytes_to_hex(t->arena, issue->idevid_issuer),
                                      "domainID", bytes_to_base64(t->arena, issue->domain_id),
                                      "assertion", issue->assertion, "sha256", sha256, "nonce",
                                      issue->nonce, "request",
                                      bytes_to_base64(t->arena, issue->request), "voucher",
                                      bytes_to_base64(t->arena, voucher)));
}

static bool issue_locked(struct task *t, struct masa_state *state, const struct masa_issue *issue,
                         bool (*make)(struct task *t, void *context, struct bytes *ret),
                         void *context, struct bytes *ret)
{
    struct bytes voucher;
    const char *sha256 = bytes_to_hex(t->arena, bytes_sha256(t->arena, issue->request));
    const json_t *before = json_object_get(state->requests, sha256);
    if (before != NULL) {
        ENSURE(t, bytes_from_base64(t->arena, bytes_of_text(text_of(before, "voucher")), ret),
               E_INTERNAL, "%s: a voucher that is no base64", state->path);
        return true;
    }
    TRY(check_nonce(t, state, issue));
    TRY(make(t, context, &voucher));
    json_t *entry = entry_of(t, issue, sha256, voucher);
    TRY(append(t, state, entry));
    remember(state, entry);
    *ret = voucher;
    return true;
}

bool masa_state_issue(struct task *t, struct masa_state *state, const struct masa_issue *issue,
                      bool (*make)(struct task *t, void *context, struct bytes *ret), void *context,
                      struct bytes *ret)
{
    (void)pthread_mutex_lock(&state->lock);
    bool ok = issue_locked(t, state, issue, make, context, ret);
    (void)pthread_mutex_unlock(&state->lock);
    return ok;
}

static bool is_domain(struct task *t, const json_t *entry, const struct bytes_list *domain_ids)
{
    for (size_t i = 0; i < domain_ids->count; i++) {
        if (strcmp(text_of(entry, "domainID"), bytes_to_base64(t->arena, domain_ids->items[i])) ==
            0)
            return true;
    }
    return false;
}

static json_t *event_of(json_t *entry)
{
    return json_pack(EVENT_FORMAT, "date", text_of(entry, "date"), "domainID",
                     text_of(entry, "domainID"), "nonce", json_object_get(entry, "nonce"),
                     "assertion", text_of(entry, "assertion"), "truncated", 0);
}

bool masa_state_events(struct task *t, struct masa_state *state, const char *serial,
                       struct bytes idevid_issuer, const struct bytes_list *domain_ids,
                       json_t **ret)
{
    size_t i;
    json_t *entry;
    bool given = false;
    json_t *events = json_in_arena(t, json_array());
    (void)pthread_mutex_lock(&state->lock);
    json_array_foreach(json_object_get(state->devices, serial), i, entry)
    {
        if (!same_device(t, entry, idevid_issuer))
            continue;
        given = given || is_domain(t, entry, domain_ids);
        (void)json_array_insert_new(events, 0, event_of(entry));
    }
    (void)pthread_mutex_unlock(&state->lock);
    /* RFC 8995 5.8: only those who were given the device may know its past. */
    ENSURE(t, given, E_DEVICE_UNKNOWN, "no voucher for %s was ever issued to this domain", serial);
    *ret = events;
    return true;
}

bool masa_state_last_domain(struct task *t, struct masa_state *state, const char *serial,
                            struct bytes idevid_issuer, int64_t since, struct bytes *ret)
{
    size_t i;
    json_t *entry;
    const char *domain_id = NULL;
    *ret = BYTES_ABSENT;
    (void)pthread_mutex_lock(&state->lock);
    json_array_foreach(json_object_get(state->devices, serial), i, entry)
    {
        int64_t date;
        if (same_device(t, entry, idevid_issuer) && time_from_text(text_of(entry, "date"), &date) &&
            date >= since)
            domain_id = arena_strdup(t->arena, text_of(entry, "domainID"));
    }
    (void)pthread_mutex_unlock(&state->lock);
    ENSURE(t, domain_id == NULL || bytes_from_base64(t->arena, bytes_of_text(domain_id), ret),
           E_INTERNAL, "%s: a domainID that is no base64", state->path);
    return true;
}
