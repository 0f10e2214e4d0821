#include "core/pledge/strangers.h"

#include "core/base/clock.h"
#include "core/base/record.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define STRANGER_TEXT_MAX 256 /* octets kept of each text */

static const struct field stranger_fields[] = {
    FIELD(1, struct stranger, first_seen, "first-seen", FIELD_TIME, .help = "First knock."),
    FIELD(2, struct stranger, last_seen, "last-seen", FIELD_TIME, .help = "Latest knock."),
    FIELD(3, struct stranger, times, "times", FIELD_UINT,
          .help = "Knocks with the same certificate from the same address."),
    FIELD(4, struct stranger, address, "address", FIELD_TEXT, .help = "Where it called from."),
    FIELD(5, struct stranger, subject, "subject", FIELD_TEXT,
          .help = "Subject of the certificate it showed."),
    FIELD(6, struct stranger, issuer, "issuer", FIELD_TEXT,
          .help = "Issuer of the certificate it showed."),
    FIELD(7, struct stranger, serial, "serial-number", FIELD_TEXT,
          .help = "serialNumber attribute of the subject; nobody vouches for it."),
    FIELD(8, struct stranger, certificate_sha256, "certificate-sha256", FIELD_HEX,
          .help = "SHA-256 of the certificate."),
    FIELD(9, struct stranger, problem, "problem", FIELD_TEXT, .help = "Why it is a stranger."),
    FIELD(10, struct stranger, detail, "detail", FIELD_TEXT, .help = "The same in detail."),
    FIELD(11, struct stranger, trace, "trace", FIELD_TEXT, .help = "Trace id of the latest knock."),
};
const struct record_type stranger_type =
    RECORD_TYPE("stranger", 1, struct stranger, stranger_fields);

/* One place of the ring; the arena holds the stranger's texts. */
struct place {
    struct arena *arena; /* NULL: free */
    struct stranger stranger;
};

struct strangers {
    pthread_mutex_t lock;
    size_t size;
    struct place places[];
};

struct strangers *strangers_make(size_t size)
{
    struct strangers *strangers = calloc(1, sizeof(*strangers) + size * sizeof(struct place));
    if (strangers == NULL || pthread_mutex_init(&strangers->lock, NULL) != 0)
        abort();
    strangers->size = size;
    return strangers;
}

void strangers_free(struct strangers *strangers)
{
    if (strangers == NULL)
        return;
    for (size_t i = 0; i < strangers->size; i++)
        arena_destroy(strangers->places[i].arena);
    (void)pthread_mutex_destroy(&strangers->lock);
    free(strangers);
}

/* A copy of at most STRANGER_TEXT_MAX octets, cut at a character's boundary: texts are UTF-8. */
static const char *cut_text(struct arena *arena, const char *text)
{
    if (text == NULL)
        return NULL;
    size_t len = strnlen(text, STRANGER_TEXT_MAX);
    if (text[len] != '\0') {
        while (len > 0 && ((unsigned char)text[len] & 0xC0) == 0x80)
            len--;
    }
    return arena_strndup(arena, text, len);
}

static struct stranger copy_stranger(struct arena *arena, const struct stranger *from)
{
    struct stranger copy = *from;
    copy.address = cut_text(arena, from->address);
    copy.subject = cut_text(arena, from->subject);
    copy.issuer = cut_text(arena, from->issuer);
    copy.serial = cut_text(arena, from->serial);
    copy.certificate_sha256 = bytes_copy(arena, from->certificate_sha256);
    copy.detail = cut_text(arena, from->detail);
    copy.trace = cut_text(arena, from->trace);
    return copy;
}

static bool same_stranger(const struct place *place, const struct stranger *stranger)
{
    return place->arena != NULL &&
           bytes_equal(place->stranger.certificate_sha256, stranger->certificate_sha256) &&
           strcmp(place->stranger.address, stranger->address) == 0;
}

/* Where this stranger stands already, or the place that is free or was used longest ago. */
static struct place *find_place(struct strangers *strangers, const struct stranger *stranger)
{
    struct place *oldest = &strangers->places[0];
    for (size_t i = 0; i < strangers->size; i++) {
        struct place *place = &strangers->places[i];
        if (same_stranger(place, stranger))
            return place;
        if (oldest->arena != NULL &&
            (place->arena == NULL || place->stranger.last_seen < oldest->stranger.last_seen))
            oldest = place;
    }
    return oldest;
}

void strangers_note(struct strangers *strangers, const struct task *t,
                    const struct stranger *stranger)
{
    if (strangers->size == 0)
        return;
    struct arena *arena = arena_create();
    struct stranger noted = copy_stranger(arena, stranger);
    noted.problem = t->problem == NULL ? NULL : t->problem->name;
    noted.detail = cut_text(arena, t->detail);
    noted.trace = cut_text(arena, t->trace);
    noted.last_seen = clock_wall();

    (void)pthread_mutex_lock(&strangers->lock);
    struct place *place = find_place(strangers, &noted);
    bool known = same_stranger(place, &noted);
    noted.first_seen = known ? place->stranger.first_seen : noted.last_seen;
    noted.times = known ? place->stranger.times + 1 : 1;
    struct arena *before = place->arena;
    *place = (struct place){arena, noted};
    (void)pthread_mutex_unlock(&strangers->lock);
    arena_destroy(before);
}

static int latest_first(const void *a, const void *b)
{
    const struct stranger *left = a;
    const struct stranger *right = b;
    return left->last_seen > right->last_seen ? -1 : left->last_seen < right->last_seen;
}

void strangers_list(struct task *t, struct strangers *strangers, struct stranger **ret,
                    size_t *ret_count)
{
    struct stranger *list = arena_array(t->arena, strangers->size, sizeof(*list));
    size_t count = 0;
    (void)pthread_mutex_lock(&strangers->lock);
    for (size_t i = 0; i < strangers->size; i++) {
        if (strangers->places[i].arena != NULL)
            list[count++] = copy_stranger(t->arena, &strangers->places[i].stranger);
    }
    (void)pthread_mutex_unlock(&strangers->lock);
    qsort(list, count, sizeof(*list), latest_first);
    *ret = list;
    *ret_count = count;
}
