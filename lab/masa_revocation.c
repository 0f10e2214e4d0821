/* Whether the registrar's certificates are revoked, where they say how to know (RFC 8995 5.5.2). */
#include "lab/fetch.h"
#include "lab/masa.h"
#include "lab/problems.h"

#include "core/base/clock.h"
#include "core/pki/revocations.h"
#include "core/pki/status_urls.h"

#include <string.h>

#define FETCH_TIMEOUT (3 * SECOND_MS)
#define LISTS_KEPT    16
#define KEEP          MINUTE_MS

/* Lists that were fetched lately. */
struct masa_lists {
    pthread_mutex_t lock;
    struct kept_list {
        struct arena *arena; /* NULL: free */
        const char *url;
        struct bytes der;
        int64_t fetched; /* clock_monotonic() ms */
    } items[LISTS_KEPT];
};

static void release(void *object)
{
    struct masa_lists *lists = object;
    for (size_t i = 0; i < LISTS_KEPT; i++)
        arena_destroy(lists->items[i].arena);
}

struct masa_lists *masa_lists_make(struct task *t)
{
    struct masa_lists *lists = arena_alloc(t->arena, sizeof(*lists));
    (void)pthread_mutex_init(&lists->lock, NULL);
    arena_defer(t->arena, release, lists);
    return lists;
}

static bool find_kept(struct task *t, struct masa_lists *lists, const char *url, struct bytes *ret)
{
    bool found = false;
    (void)pthread_mutex_lock(&lists->lock);
    for (size_t i = 0; i < LISTS_KEPT && !found; i++) {
        const struct kept_list *list = &lists->items[i];
        found = list->arena != NULL && strcmp(list->url, url) == 0 &&
                clock_monotonic() - list->fetched < KEEP;
        if (found)
            *ret = bytes_copy(t->arena, list->der);
    }
    (void)pthread_mutex_unlock(&lists->lock);
    return found;
}

/* In the place of the oldest. */
static void keep(struct masa_lists *lists, const char *url, struct bytes der)
{
    (void)pthread_mutex_lock(&lists->lock);
    struct kept_list *oldest = &lists->items[0];
    for (size_t i = 1; i < LISTS_KEPT && oldest->arena != NULL; i++) {
        if (lists->items[i].arena == NULL || lists->items[i].fetched < oldest->fetched)
            oldest = &lists->items[i];
    }
    arena_destroy(oldest->arena);
    oldest->arena = arena_create();
    oldest->url = arena_strdup(oldest->arena, url);
    oldest->der = bytes_copy(oldest->arena, der);
    oldest->fetched = clock_monotonic();
    (void)pthread_mutex_unlock(&lists->lock);
}

/* The URL is a stranger's word: public addresses only, unless the command line allows more. */
static bool get_list(struct task *t, const struct masa *masa, const char *url, struct bytes *ret)
{
    const struct socket_rules rules = {
        .resolve = &masa->settings.resolve,
        .public_only = true,
        .networks = &masa->settings.networks,
        .deadline = clock_monotonic() + FETCH_TIMEOUT,
    };
    struct response answer;
    if (find_kept(t, masa->lists, url, ret))
        return true;
    TRY(fetch(t, url, &rules, &answer));
    ENSURE(t, answer.status == 200, E_STATUS, "%s: %d", url, answer.status);
    keep(masa->lists, url, answer.body);
    *ret = answer.body;
    return true;
}

/* The first of its lists that can be had. */
static bool find_list(struct task *t, const struct masa *masa, const struct text_list *urls,
                      const struct crl **ret)
{
    for (size_t i = 0; i < urls->count; i++) {
        struct bytes der;
        task_forgive(t);
        if (get_list(t, masa, urls->items[i], &der) && crl_parse(t, der, ret))
            return true;
    }
    return false;
}

static bool judge(struct task *t, const struct cert *cert, const struct cert *issuer,
                  const struct crl *crl, struct masa_request *request)
{
    const struct cert *signer;
    /* The issuer did not come along: all that can be seen is that the list is there. */
    if (issuer == NULL)
        return true;
    if (!crl_verify(t, crl, &(struct cert_list){.items = &issuer, .count = 1}, &signer))
        return fail(t, E_REQUEST_REFUSED, "%s", t->detail);
    ENSURE(t, crl->next_update == 0 || clock_wall() < crl->next_update, E_REQUEST_REFUSED,
           "the revocation list of %s has ended", crl_issuer(t, crl));
    ENSURE(t, !crl_lists(crl, cert), E_REQUEST_REFUSED, "the certificate of %s is revoked",
           cert_subject(t, cert));
    if (crl->next_update != 0 &&
        (request->lists_until == 0 || crl->next_update < request->lists_until))
        request->lists_until = crl->next_update;
    return true;
}

static bool check_one(struct task *t, const struct masa *masa, struct masa_request *request,
                      size_t at)
{
    const struct cert *cert = request->path.items[at];
    const struct cert *issuer = at + 1 < request->path.count ? request->path.items[at + 1]
                                : cert_is_self_signed(cert)  ? cert
                                                             : NULL;
    struct text_list urls;
    const struct crl *crl;
    TRY(cert_crl_urls(t, cert, &urls));
    if (urls.count == 0)
        return true;
    if (find_list(t, masa, &urls, &crl))
        return judge(t, cert, issuer, crl, request);
    /* RFC 8995 5.5.2: what it names must be there. */
    if (masa->settings.revocation == MASA_REVOCATION_REQUIRE)
        return fail(t, E_REQUEST_REFUSED, "the revocation list that %s names cannot be had: %s",
                    cert_subject(t, cert), t->detail);
    task_forgive(t);
    return true;
}

bool masa_check_revocation(struct task *t, const struct masa *masa, struct masa_request *request)
{
    if (masa->settings.revocation == MASA_REVOCATION_IGNORE)
        return true;
    for (size_t i = 0; i < request->path.count; i++)
        TRY(check_one(t, masa, request, i));
    return true;
}
