/* gatehouse-masa: command line and routes. */
#include "core/base/clock.h"
#include "core/base/file.h"
#include "core/http/address.h"
#include "lab/factory.h"
#include "lab/masa.h"
#include "lab/masa_private.h"
#include "lab/options.h"
#include "lab/pledge_socket.h"
#include "lab/problems.h"

#include <string.h>

#define DEVICES_FILE_MAX ((size_t)16 * 1024 * 1024)

static const char *const json_types[] = {"application/json", NULL};
static const char *const pin_names[] = {"ca", "ee", "lowest-ca", "auto", NULL};
static const char *const revocation_names[] = {"require", "try", "ignore", NULL};
static const char *const fault_on_names[] = {"fitting", "requestvoucher", "requestauditlog", NULL};

static const struct lab_option options[] = {
    SERVICE_OPTIONS(struct masa_settings),
    LAB_OPTION("DIR", struct masa_settings, maker, "maker", FIELD_TEXT,
               .help = "A factory of gatehouse-maker: preset for --tls-cert, --tls-key, "
                       "--signer-cert, --signer-key and --idevid-anchor."),
    LAB_OPTION("FILE", struct masa_settings, signer_cert, "signer-cert", FIELD_TEXT,
               .help = "PEM: the certificate that vouchers are signed with, and its chain, which "
                       "goes into them."),
    LAB_OPTION("FILE", struct masa_settings, signer_key, "signer-key", FIELD_TEXT,
               .help = "PEM: its key."),
    LAB_OPTION("FILE", struct masa_settings, idevid_anchor, "idevid-anchor", FIELD_TEXT,
               .help = "PEM: what the IDevIDs of our devices lead to."),
    LAB_OPTION("FILE", struct masa_settings, registrars, "registrars", FIELD_TEXT,
               .help = "PEM: anchors of the TLS client certificates of known registrars, who may "
                       "ask without a nonce. Without it nobody may."),
    LAB_OPTION("FILE", struct masa_settings, clouds, "clouds", FIELD_TEXT,
               .help = "PEM: anchors of the TLS client certificates of cloud registrars, who may "
                       "order vouchers that name an EST server. Without it nobody may."),
    LAB_OPTION("FILE", struct masa_settings, devices, "devices", FIELD_TEXT,
               .help = "Serial numbers, one a line: no other devices are known. Without it, every "
                       "device with one of our IDevIDs is."),
    LAB_OPTION("DIR", struct masa_settings, state, "state", FIELD_TEXT, .flags = FIELD_REQUIRED,
               .help = "Folder for what was issued; made when it is not there."),
    LAB_OPTION("WHICH", struct masa_settings, pin, "pin", FIELD_ENUM, .preset = "ca",
               .names = pin_names,
               .help = "What vouchers pin: the farthest certificate of the registrar's chain, its "
                       "own, the CA that issued that; \"auto\": that CA for requests with a nonce, "
                       "the farthest for others."),
    LAB_OPTION("FILE", struct masa_settings, sales, "sales", FIELD_TEXT,
               .help = "Lines \"SERIAL DOMAINID\" (base64, RFC 8995 5.8.2): whom devices were sold "
                       "to. Vouchers for them say \"verified\"."),
    LAB_OPTION(NULL, struct masa_settings, exclusive, "exclusive", FIELD_BOOL,
               .help =
                   "A device that is on record as somebody's, or had a voucher for a domain, is "
                   "given to no other until it is transferred (gatehouse-masa transfer)."),
    LAB_OPTION(NULL, struct masa_settings, require_prior, "require-prior", FIELD_BOOL,
               .help = "Requests with a nonce must hold the pledge's own."),
    LAB_OPTION("TIME", struct masa_settings, stale_after, "stale-after", FIELD_DURATION,
               .preset = "0 s",
               .help = "Requests that were made longer ago are refused; 0: whenever."),
    LAB_OPTION("WHICH", struct masa_settings, revocation, "revocation", FIELD_ENUM,
               .preset = "require", .names = revocation_names,
               .help = "Revocation lists that the registrar's certificates name: they must be "
                       "there, are looked up when they are, or not at all."),
    LAB_OPTION("CIDR", struct masa_settings, networks, "network", FIELD_TEXTS, .max = 64,
               .help = "Private and loopback addresses where such a list may be."),
    LAB_OPTION("NAME:PORT:ADDRESS", struct masa_settings, resolve, "resolve", FIELD_TEXTS,
               .help = "The address of a name, instead of asking the resolver."),
    LAB_OPTION("N", struct masa_settings, log_most, "log-most", FIELD_UINT, .preset = "0",
               .max = 100000,
               .help = "Most events of an audit log; more are truncated as RFC 8995 5.8.1 says. 0: "
                       "all."),
    LAB_OPTION(NULL, struct masa_settings, log_location, "log-location", FIELD_BOOL,
               .help = "Answer requestauditlog with 201 and the Location of the log."),
    LAB_OPTION("TIME", struct masa_settings, renewable, "renewable", FIELD_DURATION,
               .preset = "0 s",
               .help = "Nonceless vouchers have a last-renewal-date so long after their making; 0: "
                       "none."),
    LAB_OPTION(NULL, struct masa_settings, name_issuer, "idevid-issuer", FIELD_BOOL,
               .help = "Put idevid-issuer into vouchers, as a manufacturer does whose serial "
                       "numbers are not unique (RFC 8366bis 6.2)."),
    LAB_OPTION("TIME", struct masa_settings, lifetime, "lifetime", FIELD_DURATION, .preset = "30 d",
               .min = SECOND_MS, .help = "How long a nonceless voucher lasts at most."),
    LAB_OPTION("WHAT", struct masa_settings, demand, "demand", FIELD_ENUM, .preset = "nothing",
               .names = masa_demand_names,
               .help = "What a registrar has to show: a TLS client certificate, or the user and "
                       "password below in HTTP Basic or Digest. Otherwise it gets 401."),
    LAB_OPTION("NAME", struct masa_settings, user, "user", FIELD_TEXT,
               .help = "The user whom Basic and Digest must name."),
    LAB_OPTION("FILE", struct masa_settings, password_file, "password-file", FIELD_TEXT,
               .help = "File with that user's password, for nobody else to read."),
    LAB_OPTION("NAME[:COUNT]", struct masa_settings, faults, "fault", FIELD_TEXTS,
               .help = "Go wrong in this way; with COUNT, only for the first COUNT requests."),
    LAB_OPTION("WHICH", struct masa_settings, fault_on, "fault-on", FIELD_ENUM, .preset = "fitting",
               .names = fault_on_names,
               .help = "Which requests the faults are for. \"fitting\": the log- ones for "
                       "requestauditlog, the others for requestvoucher."),
    LAB_OPTION("TIME", struct masa_settings, slow, "slow", FIELD_DURATION, .preset = "10 s",
               .help = "How long the fault \"slow\" takes."),
};

static const struct lab_command command = {
    .name = "gatehouse-masa",
    .operands = "[transfer]",
    .about =
        "A manufacturer's MASA (RFC 8995 5.5, 5.6, 5.8): requestvoucher and requestauditlog under\n"
        "https://HOST/.well-known/brski/, with the checks of RFC 8995 5.5, a durable record of\n"
        "what was issued, and faults on demand. The octets of a request that came before get the\n"
        "voucher that they got before. Bodies of refusals say what was wrong.\n\n"
        "`gatehouse-masa transfer --help` tells how a device changes hands.\n",
    .more = "Faults, instead of an answer (nothing is issued):\n"
            "  hang           no answer for an hour\n"
            "  5xx            500\n"
            "  202            202 with Retry-After: 1\n"
            "  401, 403, 404, 406  that status\n"
            "  redirect       307 to another host\n"
            "  huge           200 with 8 MiB\n"
            "  garbage        200 with random octets\n"
            "Faults of the answer (what is kept stays right, and later requests get it):\n"
            "  slow           the answer comes late\n"
            "  lost-reply     everything is done, then the connection is dropped\n"
            "  wrong-serial   another serial-number\n"
            "  wrong-nonce    another nonce\n"
            "  wrong-pin      pins the voucher signer's certificate\n"
            "  no-pin         pins nothing\n"
            "  wrong-issuer   another idevid-issuer\n"
            "  wrong-media-type  application/octet-stream\n"
            "  expired        expires-on has passed\n"
            "  unsigned       the signature is altered\n"
            "  foreign-signer signed with a key that is not the MASA's\n"
            "Faults of the audit log:\n"
            "  log-foreign    an older event of another domain\n"
            "  log-nonceless  an older event of another domain, without nonce\n"
            "  log-missing    the newest event is missing\n"
            "  log-truncated  the truncation counter \"arbitrary\" is not 0\n"
            "  log-strings    numbers are strings\n",
    .options = options,
    .count = ARRAY_SIZE(options),
};

void masa_finish(struct task *t, const struct masa *masa, enum masa_fault fault,
                 const struct http_request *rq, const struct http_reply *reply)
{
    bool lost = fault == FAULT_LOST_REPLY;
    const struct service_entry entry = {
        .status = lost                 ? 0
                  : reply->status == 0 ? 200
                                       : reply->status,
        .fault = masa_fault_name(fault),
    };
    service_log_request(t, masa->service, rq, &entry);
    if (lost)
        http_connection_drop(rq->connection);
}

static void explain(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    const struct masa *masa = rq->context;
    service_explain(t, masa->service, rq, reply);
}

static bool complete_settings(struct task *t, struct masa_settings *s)
{
    service_preset(t, s->maker, &s->service.tls_cert, FACTORY_MASA_TLS ".pem");
    service_preset(t, s->maker, &s->service.tls_key, FACTORY_MASA_TLS ".key");
    service_preset(t, s->maker, &s->signer_cert, FACTORY_MASA_SIGNER ".pem");
    service_preset(t, s->maker, &s->signer_key, FACTORY_MASA_SIGNER ".key");
    service_preset(t, s->maker, &s->idevid_anchor, FACTORY_CA ".pem");
    ENSURE(t,
           s->service.tls_cert != NULL && s->service.tls_key != NULL && s->signer_cert != NULL &&
               s->signer_key != NULL && s->idevid_anchor != NULL,
           E_USAGE,
           "--maker, or all of --tls-cert, --tls-key, --signer-cert, --signer-key and "
           "--idevid-anchor, are required");
    return true;
}

/* Serial numbers, one a line; blank lines and those that begin with "#" do not count. */
static bool read_devices(struct task *t, const char *path, struct text_list *ret)
{
    struct bytes octets;
    TRY(file_read(t, path, DEVICES_FILE_MAX, &octets));
    char *text = bytes_to_text(t->arena, octets);
    ENSURE(t, text != NULL, E_INVALID, "%s is no text", path);
    size_t lines = 1;
    for (const char *c = text; *c != '\0'; c++)
        lines += *c == '\n';
    const char **serials = arena_array(t->arena, lines, sizeof(*serials));
    size_t count = 0;
    char *rest = text;
    for (char *line = strtok_r(text, "\r\n", &rest); line != NULL;
         line = strtok_r(NULL, "\r\n", &rest)) {
        if (*line != '#')
            serials[count++] = line;
    }
    *ret = (struct text_list){.items = serials, .count = count};
    return true;
}

static bool prepare(struct task *t, struct masa *masa)
{
    struct masa_settings *s = &masa->settings;
    TRY(complete_settings(t, s));
    TRY(masa_demand_read(t, s->demand, s->user, s->password_file, &masa->demand));
    TRY(masa_faults_read(t, &s->faults, (enum masa_fault_on)s->fault_on, &masa->faults));
    TRY(credentials_read(t, s->signer_cert, s->signer_key, &masa->signer));
    TRY(trust_read(t, s->idevid_anchor, &masa->idevids));
    if (s->registrars != NULL)
        TRY(trust_read(t, s->registrars, &masa->registrars));
    if (s->clouds != NULL)
        TRY(trust_read(t, s->clouds, &masa->clouds));
    masa->any_device = s->devices == NULL;
    if (!masa->any_device)
        TRY(read_devices(t, s->devices, &masa->devices));
    for (size_t i = 0; i < s->networks.count; i++)
        TRY(network_check(t, s->networks.items[i]));
    for (size_t i = 0; i < s->resolve.count; i++)
        TRY(resolve_check(t, s->resolve.items[i]));
    masa->lists = masa_lists_make(t);
    masa->slips = masa_slips_make(t);
    TRY(service_make(t, command.name, &s->service, &masa->service));
    TRY(masa_state_open(t, s->state, &masa->state));
    return masa_owners_open(t, s->state, s->sales, &masa->owners);
}

static bool run(struct task *t, const char *const *argv)
{
    struct masa *masa = arena_alloc(t->arena, sizeof(*masa));
    struct lab_arguments arguments;
    TRY(lab_options_read(t, &command, argv, &masa->settings, sizeof(masa->settings), &arguments));
    if (arguments.shown)
        return true;
    TRY(prepare(t, masa));
    const struct http_route routes[] = {
        {.method = "POST",
         .path = "/.well-known/brski/requestvoucher",
         .media_types = service_voucher_types(t),
         .body_limit = SERVICE_BODY_MAX,
         .handler = masa_request_voucher,
         .failed = explain,
         .statuses = service_statuses,
         .context = masa},
        {.method = "POST",
         .path = "/.well-known/brski/requestauditlog",
         .media_types = service_voucher_types(t),
         .body_limit = SERVICE_BODY_MAX,
         .handler = masa_request_audit_log,
         .failed = explain,
         .statuses = service_statuses,
         .context = masa},
        {.method = "GET",
         .path = MASA_LOG_PATH "{}",
         .handler = masa_serve_log,
         .failed = explain,
         .statuses = service_statuses,
         .context = masa},
        {.method = "POST",
         .path = MASA_PRIVATE_PATH,
         .media_types = json_types,
         .body_limit = MASA_PRIVATE_BODY_MAX,
         .handler = masa_cloud_voucher,
         .failed = explain,
         .statuses = service_statuses,
         .context = masa},
        {.method = NULL},
    };
    const struct service_door door = {"listening", masa->settings.service.listen, routes, NULL,
                                      HTTP_STYLE_TEXT};
    return service_run(t, masa->service, &door, 1, NULL, NULL);
}

int main(int argc, char **argv)
{
    CLEANUP(arena_cleanup) struct arena *arena = arena_create();
    struct task t;
    task_init(&t, arena, NULL);
    if (argc > 1 && strcmp(argv[1], "transfer") == 0)
        return masa_transfer_main(&t, (const char *const *)argv + 1);
    return run(&t, (const char *const *)argv) ? LAB_EXIT_OK : lab_complain(&t, command.name);
}
