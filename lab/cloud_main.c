/* gatehouse-cloud: command line and routes. */
#include "core/base/clock.h"
#include "core/base/file.h"
#include "lab/cloud_owners.h"
#include "lab/cloud_token.h"
#include "lab/factory.h"
#include "lab/options.h"
#include "lab/pledge_socket.h"
#include "lab/problems.h"

#include <string.h>

#define URL_MAX 2048

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
    LAB_OPTION(NULL, struct cloud_settings, name_authorities, "name-authorities", FIELD_BOOL,
               .help = "Tell pledges in TLS under which CAs their IDevIDs must be "
                       "(certificate_authorities), unless that is more than 8 KiB."),
    LAB_OPTION(NULL, struct cloud_settings, refuse_strangers, "refuse-strangers", FIELD_BOOL,
               .help = "Refuse clients without an IDevID under --idevid-anchor in TLS already."),
    LAB_OPTION("ADDRESS:PORT", struct cloud_settings, registration_listen, "registration-listen",
               FIELD_TEXT, .help = "Where owners register (docs/cloud-registration.yaml)."),
    LAB_OPTION("URL", struct cloud_settings, registration_url, "registration-url", FIELD_TEXT,
               .max = URL_MAX,
               .help = "What owners call that: https://HOST:PORT/registration/v1. Their proofs are "
                       "made for this address and no other."),
    LAB_OPTION("DIR", struct cloud_settings, state, "state", FIELD_TEXT,
               .help = "Folder for owners' accounts and tokens; made when it is not there."),
    LAB_OPTION("NAME[:COUNT]", struct cloud_settings, faults, "fault", FIELD_TEXTS,
               .help = "Go wrong in this way; with COUNT, only for the first COUNT requests."),
    LAB_OPTION("TIME", struct cloud_settings, slow, "slow", FIELD_DURATION, .preset = "10 s",
               .help = "How long the fault \"slow\" takes."),
};

static const struct lab_command command = {
    .name = "gatehouse-cloud",
    .operands = "[token new | owners list]",
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
        "  owner:NAME[/ORDER]\n"
        "               as the owner NAME has registered, to whom the device was sold\n"
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
        "  unsigned          the signature is altered\n"
        "Faults of the registration resource:\n"
        "  registration-hang, -5xx, -403, -garbage, -lost-reply   as above\n"
        "  registration-unreachable   the owner is said to be out of reach\n"
        "\n"
        "For the operator: `gatehouse-cloud token new --help`, `gatehouse-cloud owners list "
        "--help`.\n",
    .options = options,
    .count = ARRAY_SIZE(options),
};

static bool complete_settings(struct task *t, struct cloud_settings *s)
{
    service_preset(t, s->maker, &s->service.tls_cert, FACTORY_CLOUD_TLS ".pem");
    service_preset(t, s->maker, &s->service.tls_key, FACTORY_CLOUD_TLS ".key");
    service_preset(t, s->maker, &s->idevid_anchor, FACTORY_CA ".pem");
    service_preset(t, s->maker, &s->signer_cert, FACTORY_MASA_SIGNER ".pem");
    service_preset(t, s->maker, &s->signer_key, FACTORY_MASA_SIGNER ".key");
    service_preset(t, s->maker, &s->masa_anchor, FACTORY_CA ".pem");
    ENSURE(t, s->registration_listen == NULL || (s->registration_url != NULL && s->state != NULL),
           E_USAGE, "--registration-listen needs --registration-url and --state");
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
    if (s->state != NULL)
        TRY(cloud_owners_open(t, s->state));
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

static bool run(struct task *t, const char *const *argv)
{
    struct lab_arguments arguments;
    struct cloud *cloud = arena_alloc(t->arena, sizeof(*cloud));
    (void)pthread_rwlock_init(&cloud->lock, NULL);
    (void)pthread_mutex_init(&cloud->owners_lock, NULL);
    (void)pthread_mutex_init(&cloud->wait_lock, NULL);
    TRY(lab_options_read(t, &command, argv, &cloud->settings, sizeof(cloud->settings), &arguments));
    if (arguments.shown)
        return true;
    bool ok = prepare(t, cloud) && cloud_serve(t, cloud, reload);
    cloud_masa_close(cloud);
    arena_destroy(cloud->devices_arena);
    return ok;
}

static const struct subcommand {
    const char *words[2];
    const struct lab_command *command;
    bool (*run)(struct task *t, const char *const *argv);
} subcommands[] = {
    {{"token", "new"}, &cloud_token_command, cloud_token_run},
    {{"owners", "list"}, &cloud_owners_command, cloud_owners_run},
};

static bool is_named(const struct subcommand *subcommand, int argc, const char *const *argv)
{
    return argc > 2 && strcmp(argv[1], subcommand->words[0]) == 0 &&
           strcmp(argv[2], subcommand->words[1]) == 0;
}

int main(int argc, char **argv)
{
    CLEANUP(arena_cleanup) struct arena *arena = arena_create();
    const char *const *arguments = (const char *const *)argv;
    struct task t;
    task_init(&t, arena, NULL);
    for (size_t i = 0; i < ARRAY_SIZE(subcommands); i++) {
        if (is_named(&subcommands[i], argc, arguments))
            return subcommands[i].run(&t, arguments + 2)
                       ? LAB_EXIT_OK
                       : lab_complain(&t, subcommands[i].command->name);
    }
    return run(&t, arguments) ? LAB_EXIT_OK : lab_complain(&t, command.name);
}
