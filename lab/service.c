#include "lab/service.h"

#include "core/base/clock.h"
#include "core/base/file.h"
#include "core/http/address.h"
#include "lab/credentials.h"
#include "lab/service_private.h"

#include <gnutls/x509.h>

#include <errno.h>
#include <signal.h>
#include <string.h>

#define FAREWELL (2 * SECOND_MS) /* for requests under way when it stops */

static const struct http_limits limits = {
    .connections = 1024,
    .connections_per_address = 1024,
    .requests = 1024,
    .handshake = 20 * SECOND_MS,
    .header = 20 * SECOND_MS,
    .body = 20 * SECOND_MS,
    .idle = 90 * SECOND_MS,
    .header_size = (size_t)16 * 1024,
    .retry_after = 5,
};

void service_preset(struct task *t, const char *maker, const char **setting, const char *file)
{
    if (*setting == NULL && maker != NULL)
        *setting = path_in(t, maker, file);
}

static void release_file(void *file)
{
    (void)fclose(file);
}

static bool read_tls_key(struct task *t, const char *path, gnutls_privkey_t *ret)
{
    struct bytes octets;
    gnutls_privkey_t key;
    TRY(file_read_secret(t, path, CREDENTIAL_FILE_MAX, &octets));
    const gnutls_datum_t pem = {.data = (unsigned char *)octets.data, .size = (unsigned)octets.len};
    int error = gnutls_privkey_init(&key);
    ENSURE(t, error == GNUTLS_E_SUCCESS, E_IO, "%s: %s", path, gnutls_strerror(error));
    ARENA_DEFER(t->arena, gnutls_privkey_deinit, key);
    error = gnutls_privkey_import_x509_raw(key, &pem, GNUTLS_X509_FMT_PEM, NULL, 0);
    ENSURE(t, error == GNUTLS_E_SUCCESS, E_INVALID, "%s: %s", path, gnutls_strerror(error));
    *ret = key;
    return true;
}

static bool read_identity(struct task *t, struct service *service)
{
    struct credentials tls;
    TRY(credentials_read(t, service->settings->tls_cert, service->settings->tls_key, &tls));
    TRY(read_tls_key(t, service->settings->tls_key, &service->key));
    service->identity = (struct http_identity){
        .chain = certs_der(t, &tls.chain),
        .key = service->key,
    };
    return true;
}

static bool open_requests_log(struct task *t, struct service *service)
{
    const char *path = service->settings->requests_log;
    if (path == NULL)
        return true;
    service->requests = fopen(path, "ae");
    if (service->requests == NULL)
        return fail_errno(t, E_IO, errno, "cannot open %s", path);
    arena_defer(t->arena, release_file, service->requests);
    return true;
}

bool service_make(struct task *t, const char *name, const struct service_settings *settings,
                  struct service **ret)
{
    struct service *service = arena_alloc(t->arena, sizeof(*service));
    *service = (struct service){
        .name = name,
        .settings = settings,
        .log = log_make(name, LOG_LEVEL_INFO),
        .lock = PTHREAD_MUTEX_INITIALIZER,
        .stop = PTHREAD_COND_INITIALIZER,
    };
    TRY(read_identity(t, service));
    TRY(open_requests_log(t, service));
    *ret = service;
    return true;
}

/* "127.0.0.1:0" with the port that it became. */
static void announce(const struct service_door *door, unsigned port)
{
    const char *colon = strrchr(door->listen, ':');
    (void)printf("%s %.*s:%u\n", door->name, (int)(colon - door->listen), door->listen, port);
    (void)fflush(stdout);
}

static bool write_port(struct task *t, const struct service *service, unsigned port)
{
    if (service->settings->port_file == NULL)
        return true;
    const char *text = arena_printf(t->arena, "%u\n", port);
    return file_write(t, service->settings->port_file, bytes_of_text(text), 0644);
}

static void watched_signals(sigset_t *ret)
{
    (void)sigemptyset(ret);
    (void)sigaddset(ret, SIGTERM);
    (void)sigaddset(ret, SIGINT);
    (void)sigaddset(ret, SIGHUP);
}

static void wait_for_end(struct task *t, bool (*reload)(struct task *t, void *context),
                         void *context)
{
    sigset_t watched;
    int number = 0;
    watched_signals(&watched);
    while (sigwait(&watched, &number) == 0 && number == SIGHUP) {
        if (reload != NULL && !reload(t, context)) {
            log_problem(t, "not reloaded");
            task_forgive(t);
        }
    }
}

static void stop_pauses(struct service *service)
{
    (void)pthread_mutex_lock(&service->lock);
    service->stopping = true;
    (void)pthread_cond_broadcast(&service->stop);
    (void)pthread_mutex_unlock(&service->lock);
}

static struct http_limits limits_of(const struct service_settings *settings)
{
    struct http_limits own = limits;
    if (settings->requests != 0)
        own.requests = (unsigned)settings->requests;
    return own;
}

static bool open_door(struct task *t, struct service *service, const struct service_door *door,
                      struct http_server **ret)
{
    const struct http_server_options options = {
        .name = service->name,
        .identity = &service->identity,
        .clients = door->clients,
        .listen = {.items = &(const char *){door->listen}, .count = 1},
        .routes = door->routes,
        .limits = limits_of(service->settings),
        .style = door->style,
        .log = &service->log,
    };
    TRY(http_server_start(t, &options, ret));
    announce(door, http_server_port(*ret));
    return true;
}

/* The first door last: who waits for its line finds the others open. */
static bool open_doors(struct task *t, struct service *service, const struct service_door *doors,
                       size_t count, struct http_server **servers)
{
    for (size_t i = count; i-- > 0;)
        TRY(open_door(t, service, &doors[i], &servers[i]));
    return write_port(t, service, http_server_port(servers[0]));
}

bool service_run(struct task *t, struct service *service, const struct service_door *doors,
                 size_t count, bool (*reload)(struct task *t, void *context), void *context)
{
    struct http_server *servers[SERVICE_DOORS_MAX] = {NULL};
    sigset_t watched;
    t->log = &service->log;
    /* Before there are other threads, which take the mask over. */
    watched_signals(&watched);
    (void)pthread_sigmask(SIG_BLOCK, &watched, NULL);
    bool opened = open_doors(t, service, doors, count, servers);
    if (opened)
        wait_for_end(t, reload, context);
    stop_pauses(service);
    for (size_t i = 0; i < count; i++) {
        if (servers[i] != NULL)
            (void)http_server_stop(servers[i], clock_monotonic() + FAREWELL);
    }
    return opened;
}

bool service_pause(struct service *service, int64_t duration)
{
    int64_t until = clock_wall() + duration;
    const struct timespec end = {.tv_sec = until / SECOND_MS,
                                 .tv_nsec = until % SECOND_MS * (SECOND_MS * SECOND_MS)};
    (void)pthread_mutex_lock(&service->lock);
    while (!service->stopping &&
           pthread_cond_timedwait(&service->stop, &service->lock, &end) != ETIMEDOUT)
        continue;
    bool go_on = !service->stopping;
    (void)pthread_mutex_unlock(&service->lock);
    return go_on;
}
