/*
 * Revocation lists as they are served: one copy in memory for all who fetch one at the same time,
 * however long it is and however slowly they read.
 */
#include "ca-connectors/status/status_private.h"

#include "core/store/records/crl.h"

struct served_list {
    struct served_list *next; /* of another CA */
    struct arena *arena;
    struct bytes ca; /* SHA-256 of its SPKI */
    uint64_t number; /* cRLNumber */
    struct bytes der;
    unsigned references; /* the service's is one */
};

/* A reference that an arena gives back. */
struct held {
    struct status_service *service;
    struct served_list *list;
};

/* Under the lock. */
static void give_back(struct served_list *list)
{
    if (list != NULL && --list->references == 0)
        arena_destroy(list->arena);
}

static void give_back_held(void *object)
{
    struct held *held = object;
    (void)pthread_mutex_lock(&held->service->lists_lock);
    give_back(held->list);
    (void)pthread_mutex_unlock(&held->service->lists_lock);
}

static bool read_list(struct task *t, struct view *view, const struct crl *crl,
                      struct served_list **ret)
{
    struct arena *arena = arena_create();
    struct served_list *list = arena_alloc(arena, sizeof(*list));
    struct task own = *t;
    own.arena = arena;
    *list = (struct served_list){.arena = arena, .number = crl->number, .references = 1};
    list->ca = bytes_copy(arena, crl->issuer_key);
    if (!blob_get(&own, view_reader(view), &crls, crl->issuer_key, CRL_BLOB_DER, &list->der)) {
        (void)fail(t, own.problem, "%s", own.detail);
        arena_destroy(arena);
        return false;
    }
    *ret = list;
    return true;
}

/* Under the lock: the list that this record is of, read from the store when there is another. */
static bool find_list(struct task *t, struct status_service *service, struct view *view,
                      const struct crl *crl, struct served_list **ret)
{
    struct served_list **place = &service->lists;
    struct served_list *fresh;
    while (*place != NULL && !bytes_equal((*place)->ca, crl->issuer_key))
        place = &(*place)->next;
    struct served_list *before = *place;
    if (before == NULL || before->number != crl->number) {
        TRY(read_list(t, view, crl, &fresh));
        fresh->next = before == NULL ? NULL : before->next;
        *place = fresh;
        give_back(before);
    }
    *ret = *place;
    return true;
}

bool list_get(struct task *t, struct status_service *service, const struct status_ca *ca,
              struct bytes *ret_der, int64_t *ret_next_update)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    struct held *held = arena_alloc(t->arena, sizeof(*held));
    struct crl crl;
    bool found;
    TRY(view_open(t, service->options.store, &view));
    TRY(table_find(t, view_reader(view), &crls, ca->key_sha256, &crl, &found));
    ENSURE(t, found, E_NOT_FOUND, "there is no list yet");
    held->service = service;
    (void)pthread_mutex_lock(&service->lists_lock);
    found = find_list(t, service, view, &crl, &held->list);
    if (found)
        held->list->references++;
    (void)pthread_mutex_unlock(&service->lists_lock);
    if (!found)
        return false;
    arena_defer(t->arena, give_back_held, held);
    *ret_der = held->list->der;
    *ret_next_update = crl.next_update;
    return true;
}

void lists_release(struct status_service *service)
{
    while (service->lists != NULL) {
        struct served_list *list = service->lists;
        service->lists = list->next;
        give_back(list);
    }
}
