/* gatehouse-cloud: command line and routes. */
#include "lab/cloud.h"
#include "lab/factory.h"
#include "lab/options.h"
#include "lab/problems.h"

static const struct lab_option options[] = {
    SERVICE_OPTIONS(struct cloud_settings),
    LAB_OPTION("DIR", struct cloud_settings, maker, "maker", FIELD_TEXT,
               .help = "A factory of gatehouse-maker: preset for --tls-cert, --tls-key and "
                       "--idevid-anchor."),
    LAB_OPTION("FILE", struct cloud_settings, idevid_anchor, "idevid-anchor", FIELD_TEXT,
               .help = "PEM: what the IDevIDs of the pledges lead to; others are refused."),
    LAB_OPTION("FILE", struct cloud_settings, devices, "devices", FIELD_TEXT,
               .flags = FIELD_REQUIRED,
               .help = "Lines \"SERIAL URL\": the device and its owner's registrar, or \"-\" while "
                       "nobody owns it. Read again on SIGHUP."),
    LAB_OPTION("SECONDS", struct cloud_settings, retry_after, "retry-after", FIELD_UINT,
               .preset = "3600", .max = 345600,
               .help = "Retry-After for a device that nobody owns yet; 0: none, which tells the "
                       "pledge to give up."),
};

static const struct lab_command command = {
    .name = "gatehouse-cloud",
    .about =
        "A cloud registrar (draft-ietf-anima-brski-cloud 3.2): pledges that show their IDevID and\n"
        "ask for a voucher under https://HOST/.well-known/brski/ are sent to their owner's\n"
        "registrar with 307. 400: a request that cannot be read. 401: no owner yet. 403: no\n"
        "IDevID of ours, or a request that is not the pledge's. 404: a device that is not in the\n"
        "file, and everything else that is asked for here, csrattrs too.\n",
    .more =
        "The devices file has one device a line. Empty lines and those that begin with \"#\" do\n"
        "not count. A URL without path means /.well-known/brski/requestvoucher there.\n",
    .options = options,
    .count = ARRAY_SIZE(options),
};

static void explain(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    const struct cloud *cloud = rq->context;
    if (task_failed_with(t, E_NO_OWNER))
        reply->retry_after = (int)cloud->settings.retry_after;
    /* A stranger; brski-cloud 3.2 would rather not have let it in at all. */
    if (task_failed_with(t, E_DENIED))
        reply->close = true;
    service_explain(t, cloud->service, rq, reply);
}

static bool prepare(struct task *t, struct cloud *cloud)
{
    struct cloud_settings *s = &cloud->settings;
    service_preset(t, s->maker, &s->service.tls_cert, FACTORY_CLOUD_TLS ".pem");
    service_preset(t, s->maker, &s->service.tls_key, FACTORY_CLOUD_TLS ".key");
    service_preset(t, s->maker, &s->idevid_anchor, FACTORY_CA ".pem");
    ENSURE(t, s->service.tls_cert != NULL && s->service.tls_key != NULL && s->idevid_anchor != NULL,
           E_USAGE, "--maker, or all of --tls-cert, --tls-key and --idevid-anchor, are required");
    TRY(trust_read(t, s->idevid_anchor, &cloud->idevids));
    TRY(cloud_load_devices(t, cloud));
    return service_make(t, command.name, &s->service, &cloud->service);
}

static bool reload(struct task *t, void *context)
{
    struct cloud *cloud = context;
    TRY(cloud_load_devices(t, cloud));
    log_info(t, "devices read again", LOG_NUMBER("devices", cloud->device_count));
    return true;
}

static bool serve(struct task *t, struct cloud *cloud)
{
    const struct http_route routes[] = {
        {.method = "POST",
         .path = "/.well-known/brski/requestvoucher",
         .media_types = service_voucher_types(t),
         .body_limit = SERVICE_BODY_MAX,
         .handler = cloud_request_voucher,
         .failed = explain,
         .statuses = service_statuses,
         .context = cloud},
        {.method = NULL},
    };
    TRY(prepare(t, cloud));
    return service_run(t, cloud->service, routes, reload, cloud);
}

static bool run(struct task *t, const char *const *argv)
{
    struct lab_arguments arguments;
    struct cloud cloud = {.lock = PTHREAD_RWLOCK_INITIALIZER};
    TRY(lab_options_read(t, &command, argv, &cloud.settings, sizeof(cloud.settings), &arguments));
    if (arguments.shown)
        return true;
    bool ok = serve(t, &cloud);
    arena_destroy(cloud.devices_arena);
    return ok;
}

int main(int argc, char **argv)
{
    (void)argc;
    CLEANUP(arena_cleanup) struct arena *arena = arena_create();
    struct task t;
    task_init(&t, arena, NULL);
    return run(&t, (const char *const *)argv) ? LAB_EXIT_OK : lab_complain(&t, command.name);
}
