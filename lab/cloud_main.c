/* gatehouse-cloud: command line and routes. */
#include "core/base/clock.h"
#include "core/base/file.h"
#include "lab/cloud.h"
#include "lab/factory.h"
#include "lab/options.h"
#include "lab/pledge_socket.h"
#include "lab/problems.h"

#include <string.h>

#define REPORT_BODY_MAX ((size_t)16 * 1024)
#define URL_MAX         2048

static const char *const json_types[] = {"application/json", NULL};

static const struct lab_option options[] = {
    SERVICE_OPTIONS(struct cloud_settings),
    LAB_OPTION("N", struct cloud_settings, service.requests, "max-requests", FIELD_UINT,
               .preset = "1024", .min = 1, .max = 65536,
               .help = "Requests in work at once; others get 503."),
    LAB_OPTION("DIR", struct cloud_settings, maker, "maker", FIELD_TEXT,
               .help = "A factory of gatehouse-maker: preset for --tls-cert, --tls-key, "
                       "--idevid-anchor, --signer-cert, --signer-key and --masa-anchor."),
    LAB_OPTION("FILE", struct cloud_settings, idevid_anchor, "idevid-anchor", FIELD_TEXT,
               .help = "PEM: what the IDevIDs of the pledges lead to; others are refused."),
    LAB_OPTION("FILE", struct cloud_settings, devices, "devices", FIELD_TEXT,
               .flags = FIELD_REQUIRED,
               .help = "Lines \"SERIAL DESTINATION\", see below. Read again on SIGHUP."),
    LAB_OPTION("URL", struct cloud_settings, upstream, "upstream", FIELD_TEXTS, .max = 64,
               .help = "A cloud registrar that sends pledges here: no device is sent back there."),
    LAB_OPTION("SECONDS", struct cloud_settings, retry_after, "retry-after", FIELD_UINT,
               .preset = "3600", .max = 345600,
               .help = "Retry-After for a device that nobody owns yet; 0: none, which tells the "
                       "pledge to give up."),
    LAB_OPTION("URL", struct cloud_settings, est_domain, "est-domain", FIELD_TEXT, .max = URL_MAX,
               .help = "For the devices file's \"voucher\": the owner's EST server."),
    LAB_OPTION("FILE", struct cloud_settings, pin, "pin", FIELD_TEXT,
               .help = "PEM: what those vouchers pin; the file's first certificate."),
    LAB_OPTION("URL", struct cloud_settings, additional_configuration_url,
               "additional-configuration-url", FIELD_TEXT, .max = URL_MAX,
               .help = "Goes into those vouchers; \"{serial-number}\" in it is the device's."),
    LAB_OPTION("DIR", struct cloud_settings, masa_state, "masa-state", FIELD_TEXT,
               .help = "The MASA is integrated, and keeps here what it has issued."),
    LAB_OPTION("FILE", struct cloud_settings, signer_cert, "signer-cert", FIELD_TEXT,
               .help = "PEM: the integrated MASA's certificate for vouchers, and its chain."),
    LAB_OPTION("FILE", struct cloud_settings, signer_key, "signer-key", FIELD_TEXT,
               .help = "PEM: its key."),
    LAB_OPTION(NULL, struct cloud_settings, name_issuer, "idevid-issuer", FIELD_BOOL,
               .help = "Put idevid-issuer into the integrated MASA's vouchers."),
    LAB_OPTION("TIME", struct cloud_settings, lifetime, "lifetime", FIELD_DURATION,
               .preset = "30 d", .min = SECOND_MS,
               .help = "How long one of its vouchers without nonce lasts at most."),
    LAB_OPTION("URL", struct cloud_settings, masa, "masa", FIELD_TEXT, .max = URL_MAX,
               .help = "The MASA is elsewhere: https://HOST[:PORT] of a gatehouse-masa with "
                       "--clouds, which is shown our TLS certificate."),
    LAB_OPTION("FILE", struct cloud_settings, masa_anchor, "masa-anchor", FIELD_TEXT,
               .help = "PEM: what that MASA's TLS certificate leads to."),
    LAB_OPTION("CIDR", struct cloud_settings, networks, "network", FIELD_TEXTS, .max = 64,
               .help = "Private or loopback addresses that may be called, such as 127.0.0.0/8."),
    LAB_OPTION("NAME:PORT:ADDRESS", struct cloud_settings, resolve, "resolve", FIELD_TEXTS,
               .help = "The address of a name, instead of asking the resolver."),
    LAB_OPTION("TIME", struct cloud_settings, prepare, "prepare", FIELD_DURATION,
               .help = "How long a voucher takes: until then the pledge is answered 202."),
    LAB_OPTION("NAME[:COUNT]", struct cloud_settings, faults, "fault", FIELD_TEXTS,
               .help = "Go wrong in this way; with COUNT, only for the first COUNT requests."),
    LAB_OPTION("TIME", struct cloud_settings, slow, "slow", FIELD_DURATION, .preset = "10 s",
               .help = "How long the fault \"slow\" takes."),
};

static const struct lab_command command = {
    .name = "gatehouse-cloud",
    .about =
        "A cloud registrar (draft-ietf-anima-brski-cloud 3.2), of a manufacturer or a reseller:\n"
        "pledges that show their IDevID and ask for a voucher under\n"
        "https://HOST/.well-known/brski/ are sent to their owner's registrar with 307, or given a\n"
        "voucher for their owner's EST server with 200. 202: it is being prepared. 400: a request\n"
        "that cannot be read. 401: no owner yet. 403: no IDevID of ours, or a request that is not\n"
        "the pledge's. 404: a device that is not in the file, and everything else that is asked\n"
        "for here, csrattrs too. 503: too much to do.\n",
    .more =
        "The devices file has one device a line: its serial number and a destination. Empty lines\n"
        "and those that begin with \"#\" do not count. Destinations:\n"
        "  https://...  307 to this registrar, or to the next cloud registrar of a chain; a URL\n"
        "               without path means /.well-known/brski/requestvoucher there\n"
        "  voucher      200 with a voucher of --est-domain and --pin\n"
        "  -            401: nobody owns it yet\n"
        "\n"
        "Faults, instead of an answer:\n"
        "  hang              no answer for an hour\n"
        "  5xx, 503, 202     this status; 503 and 202 with Retry-After: 1\n"
        "  garbage           200 with a web page\n"
        "  huge              200 with 8 MiB\n"
        "  redirect-loop     307 to this very resource\n"
        "Faults of the answer:\n"
        "  slow              it comes late\n"
        "  lost-reply        everything is done, then the connection is dropped\n"
        "  redirect-http     Location is an http URL\n"
        "  redirect-nowhere  no Location\n"
        "  redirect-302      302 instead of 307\n"
        "  wrong-serial      another serial-number\n"
        "  wrong-nonce       another nonce\n"
        "  wrong-pin         pins the voucher signer's certificate\n"
        "  no-pin            pins nothing\n"
        "  expired           expires-on has passed\n"
        "  no-est-domain     without est-domain\n"
        "  unsigned          the signature is altered\n",
    .options = options,
    .count = ARRAY_SIZE(options),
};

static void explain(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    const struct cloud *cloud = rq->context;
    if (task_failed_with(t, E_NO_OWNER))
        reply->retry_after = (int)cloud->settings.retry_after;
    /* A stranger; brski-cloud 3.1 would rather not have let it in at all. */
    if (task_failed_with(t, E_DENIED))
        reply->close = true;
    service_explain(t, cloud->service, rq, reply);
}

static bool complete_settings(struct task *t, struct cloud_settings *s)
{
    service_preset(t, s->maker, &s->service.tls_cert, FACTORY_CLOUD_TLS ".pem");
    service_preset(t, s->maker, &s->service.tls_key, FACTORY_CLOUD_TLS ".key");
    service_preset(t, s->maker, &s->idevid_anchor, FACTORY_CA ".pem");
    service_preset(t, s->maker, &s->signer_cert, FACTORY_MASA_SIGNER ".pem");
    service_preset(t, s->maker, &s->signer_key, FACTORY_MASA_SIGNER ".key");
    service_preset(t, s->maker, &s->masa_anchor, FACTORY_CA ".pem");
    ENSURE(t, s->service.tls_cert != NULL && s->service.tls_key != NULL && s->idevid_anchor != NULL,
           E_USAGE, "--maker, or all of --tls-cert, --tls-key and --idevid-anchor, are required");
    for (size_t i = 0; i < s->resolve.count; i++)
        TRY(resolve_check(t, s->resolve.items[i]));
    return true;
}

/* A wrong voucher must be signed by somebody: not by a MASA elsewhere, which has faults of its own.
 */
static bool check_faults(struct task *t, const struct cloud *cloud)
{
    for (size_t i = 0; i < cloud->faults.count; i++) {
        enum cloud_fault fault = (enum cloud_fault)cloud->faults.items[i].kind;
        enum spoil spoil = cloud_fault_spoil(fault);
        ENSURE(t, spoil == SPOIL_NOTHING || cloud->settings.masa_state != NULL, E_USAGE,
               "--fault %s needs --masa-state", cloud_fault_name(fault));
    }
    return true;
}

static bool read_upstream(struct task *t, struct cloud *cloud)
{
    const struct text_list *urls = &cloud->settings.upstream;
    cloud->upstream = arena_array(t->arena, urls->count, sizeof(*cloud->upstream));
    for (size_t i = 0; i < urls->count; i++) {
        if (!place_from_url(t, urls->items[i], &cloud->upstream[i]))
            return fail(t, E_USAGE, "--upstream: %s", t->detail);
    }
    return true;
}

static bool read_pin(struct task *t, struct cloud *cloud)
{
    struct trust pin;
    if (cloud->settings.pin == NULL)
        return true;
    TRY(trust_read(t, cloud->settings.pin, &pin));
    cloud->pinned = pin.certs.items[0];
    return true;
}

static bool prepare(struct task *t, struct cloud *cloud)
{
    struct cloud_settings *s = &cloud->settings;
    TRY(complete_settings(t, s));
    TRY(cloud_faults_read(t, &s->faults, &cloud->faults));
    TRY(check_faults(t, cloud));
    TRY(read_upstream(t, cloud));
    TRY(read_pin(t, cloud));
    TRY(trust_read(t, s->idevid_anchor, &cloud->idevids));
    TRY(credentials_read(t, s->service.tls_cert, s->service.tls_key, &cloud->tls));
    TRY(cloud_masa_open(t, cloud));
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
    TRY(prepare(t, cloud));
    const struct http_route routes[] = {
        {.method = "POST",
         .path = "/.well-known/brski/requestvoucher",
         .media_types = service_voucher_types(t),
         .body_limit = SERVICE_BODY_MAX,
         .handler = cloud_request_voucher,
         .failed = explain,
         .statuses = service_statuses,
         .context = cloud},
        {.method = "POST",
         .path = "/.well-known/brski/voucher_status",
         .media_types = json_types,
         .body_limit = REPORT_BODY_MAX,
         .handler = cloud_voucher_status,
         .failed = explain,
         .statuses = service_statuses,
         .context = cloud},
        {.method = "POST",
         .path = "/.well-known/brski/enrollstatus",
         .media_types = json_types,
         .body_limit = REPORT_BODY_MAX,
         .handler = cloud_enrollstatus,
         .failed = explain,
         .statuses = service_statuses,
         .context = cloud},
        {.method = NULL},
    };
    return service_run(t, cloud->service, routes, reload, cloud);
}

static bool run(struct task *t, const char *const *argv)
{
    struct lab_arguments arguments;
    struct cloud *cloud = arena_alloc(t->arena, sizeof(*cloud));
    (void)pthread_rwlock_init(&cloud->lock, NULL);
    (void)pthread_mutex_init(&cloud->wait_lock, NULL);
    TRY(lab_options_read(t, &command, argv, &cloud->settings, sizeof(cloud->settings), &arguments));
    if (arguments.shown)
        return true;
    bool ok = serve(t, cloud);
    cloud_masa_close(cloud);
    arena_destroy(cloud->devices_arena);
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
