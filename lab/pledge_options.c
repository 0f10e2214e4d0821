/* gatehouse-pledge: the command line. */
#include "lab/pledge_options.h"

#include "core/base/clock.h"
#include "lab/problems.h"

#define FAULT_HELP(id, name, fits, help) "  " name "\n        " help "\n"

static const char *const tls_names[] = {"any", "1.2", "1.3", NULL};
static const char *const form_names[] = {"cms", "jws", "cose", NULL}; /* as voucher_forms */

static const struct lab_option options[] = {
    LAB_OPTION("DIR", struct pledge_settings, identity, "identity", FIELD_TEXT,
               .help =
                   "One pledge: the folder with its idevid.pem (the IDevID and what chain it is "
                   "to send) and idevid.key."),
    LAB_OPTION("DIR", struct pledge_settings, identities, "identities", FIELD_TEXT,
               .help = "Many pledges: every folder in DIR that has an idevid.pem, in the order of "
                       "their names."),
    LAB_OPTION("N", struct pledge_settings, parallel, "parallel", FIELD_UINT, .preset = "1",
               .min = 1, .max = PARALLEL_MAX,
               .help = "With --identities: how many are onboarded at the same time."),
    LAB_OPTION("N", struct pledge_settings, load, "load", FIELD_UINT, .preset = "0", .max = 1000000,
               .help = "With --identities: the first N pledges come one after the other at --rate, "
                       "whether they are served or not, and counts and latencies are printed at "
                       "the end; --parallel (512 unless given) is the most at the same time. 0: "
                       "no such thing."),
    LAB_OPTION("R", struct pledge_settings, rate, "rate", FIELD_UINT, .preset = "10", .min = 1,
               .max = 10000, .help = "With --load: pledges per second."),
    LAB_OPTION("URL", struct pledge_settings, cloud, "cloud", FIELD_TEXT,
               .help =
                   "The cloud registrar that is built in: an https URL; without a path, or with "
                   "/.well-known/brski, requestvoucher there is meant."),
    LAB_OPTION("URL", struct pledge_settings, registrars, "registrar", FIELD_TEXTS,
               .help = "A registrar that was discovered: begin there, over provisional TLS. "
                       "Several are tried side by side; with --cloud as well, that comes last."),
    LAB_OPTION("N", struct pledge_settings, at_once, "at-once", FIELD_UINT, .preset = "4", .min = 1,
               .max = 64, .help = "How many registrars at the same time."),
    LAB_OPTION("TIME", struct pledge_settings, start_interval, "start-interval", FIELD_DURATION,
               .preset = "4 s",
               .help = "How long after one of several attempts the next begins (RFC 8995 4.1: 3 "
                       "to 5 s)."),
    LAB_OPTION("TIME", struct pledge_settings, stale_after, "stale-after", FIELD_DURATION,
               .preset = "5 s", .min = 1,
               .help = "When --at-once are under way and others wait: the one that has stood "
                       "still longest, and so long, is dropped (RFC 8995 5.1)."),
    LAB_OPTION("FILE", struct pledge_settings, anchors, "anchors", FIELD_TEXT,
               .help = "PEM: the implicit trust anchors that validate the cloud registrar, and the "
                       "targets of redirects. Required with --cloud."),
    LAB_OPTION("FILE", struct pledge_settings, masa_anchors, "masa-anchors", FIELD_TEXT,
               .flags = FIELD_REQUIRED,
               .help = "PEM: the manufacturer's anchors that voucher signatures lead to."),
    LAB_OPTION("URL", struct pledge_settings, proxy, "proxy", FIELD_TEXT,
               .help = "The way out of this network: http://HOST:PORT (CONNECT) or "
                       "socks5://HOST:PORT. The proxy resolves names."),
    LAB_OPTION("FILE", struct pledge_settings, proxy_credentials, "proxy-credentials", FIELD_TEXT,
               .help = "\"user:password\" for the proxy; not readable by everybody."),
    LAB_OPTION("URL", struct pledge_settings, captive_api, "captive-api", FIELD_TEXT,
               .help = "The network's captive portal API (RFC 8908), as DHCP names it (RFC 8910): "
                       "asked before each attempt."),
    LAB_OPTION("FILE", struct pledge_settings, captive_anchors, "captive-anchors", FIELD_TEXT,
               .help = "PEM: what that API's certificate leads to. Required with --captive-api."),
    LAB_OPTION("NAME", struct pledge_settings, assertions, "accept-assertion", FIELD_TEXTS,
               .help = "Accept only vouchers with this assertion (verified, logged, proximity, "
                       "agent-proximity). Without it, all are accepted."),
    LAB_OPTION("NAME:PORT:ADDRESS", struct pledge_settings, resolve, "resolve", FIELD_TEXTS,
               .help = "Connect to ADDRESS for this host and port instead of asking the resolver."),
    LAB_OPTION("DIR", struct pledge_settings, out, "out", FIELD_TEXT,
               .help = "Save to DIR/SERIAL/: ldevid.pem, ldevid.key, voucher.FORM, "
                       "voucher-request.FORM, cacerts.pem, csrattrs.der and configuration, as far "
                       "as it came."),
    LAB_OPTION("FORM", struct pledge_settings, form, "format", FIELD_ENUM, .preset = "cms",
               .names = form_names,
               .help = "Form of voucher requests and vouchers: CMS-signed JSON, JWS or COSE."),
    LAB_OPTION("VERSION", struct pledge_settings, tls, "tls", FIELD_ENUM, .preset = "any",
               .names = tls_names, .help = "The one TLS version to speak."),
    LAB_OPTION("NAME[:COUNT]", struct pledge_settings, faults, "fault", FIELD_TEXTS,
               .help = "Misbehave in this way; with COUNT, only so many times in all."),
    LAB_OPTION(NULL, struct pledge_settings, no_clock, "no-clock", FIELD_BOOL,
               .help =
                   "A pledge that does not know the time: no dates of certificates and vouchers "
                   "are judged (RFC 8995 2.6.1)."),
    LAB_OPTION(NULL, struct pledge_settings, json, "json", FIELD_BOOL,
               .help = "One JSON object per line instead of text."),
    LAB_OPTION(NULL, struct pledge_settings, quiet, "quiet", FIELD_BOOL,
               .help = "Only the last line of each pledge."),
    LAB_OPTION("TIME", struct pledge_settings, timeout, "timeout", FIELD_DURATION, .preset = "4 d",
               .min = 1, .help = "Give a pledge up after this long, whatever it is doing."),
    LAB_OPTION("TIME", struct pledge_settings, patience, "patience", FIELD_DURATION,
               .preset = "30 s", .min = 1,
               .help = "Longest wait for a TLS connection, and for each answer."),
    LAB_OPTION("N", struct pledge_settings, attempts, "attempts", FIELD_UINT, .preset = "1",
               .min = 1,
               .help = "Attempts in all; each begins at the beginning. With 1, nothing is asked "
                       "again but what was answered with 202."),
    LAB_OPTION("TIME", struct pledge_settings, retry_wait, "retry-wait", FIELD_DURATION,
               .preset = "60 s",
               .help = "Wait before the next attempt; twice as long each time, at most 1 h."),
    LAB_OPTION("N", struct pledge_settings, repeats, "repeats", FIELD_UINT, .preset = "6", .min = 1,
               .max = 1000,
               .help = "With more than one attempt: how often in each of them a place is asked "
                       "again after a 401, or a 503 with Retry-After. A cloud registrar's 401 "
                       "without Retry-After ends the attempt."),
    LAB_OPTION("TIME", struct pledge_settings, repeat_time, "repeat-time", FIELD_DURATION,
               .preset = "3 h", .min = 1,
               .help = "How long that goes on. Without Retry-After, the repetitions are spread "
                       "over it."),
    LAB_OPTION("TIME", struct pledge_settings, max_wait, "max-wait", FIELD_DURATION,
               .preset = "60 s", .max = 60 * SECOND_MS,
               .help = "Longest wait after a 202, whatever its Retry-After says (RFC 8995 5.6: at "
                       "most 60 s)."),
    LAB_OPTION("N", struct pledge_settings, retry_limit, "retry-limit", FIELD_UINT, .preset = "0",
               .help = "Give up when a request was answered with 202 more often than this; 0: only "
                       "the time limit ends the waiting."),
    LAB_OPTION("N", struct pledge_settings, max_redirects, "max-redirects", FIELD_UINT,
               .preset = "24", .max = 1000, .help = "Redirects in one attempt."),
};

const struct lab_command pledge_command = {
    .name = "gatehouse-pledge",
    .about =
        "Onboards devices as the reference pledge: voucher request to the cloud registrar, its\n"
        "redirect to the owner's registrar or its voucher for an EST server, EST enrolment, and "
        "the\n"
        "first use of the LDevID (RFC 8995, draft-ietf-anima-brski-cloud). One line per step, then "
        "a line that\n"
        "begins with \"onboarded\" or \"failed\". One of --identity and --identities, and --cloud\n"
        "or --registrar, are required.\n",
    .more =
        "With --json, each line is an object with \"serial\", \"step\" and \"ms\" (since the\n"
        "pledge's start), and where they apply \"action\", \"status\" (of HTTP) and \"note\".\n"
        "The last one of each pledge has the step \"onboarded\" (with \"subject\" and \"issuer\")\n"
        "or \"failed\" (with \"failed-step\", \"problem\", \"reason\", \"code\" and "
        "\"indicator\").\n"
        "Each attempt that fails has a line \"indicator\": what a person at the device would see,\n"
        "with a code that stays the same.\n\n"
        "Faults, which a registrar must survive:\n" PLEDGE_FAULTS(FAULT_HELP),
    .exits = "  3  no way to a server\n"
             "  4  a server is not who it should be\n"
             "  5  the cloud registrar or the registrar refused\n"
             "  6  a redirect that may not be followed\n"
             "  7  the voucher is not accepted\n"
             "  8  enrolment failed\n"
             "  9  it took too long\n"
             "Of several pledges that failed in different ways: 1.\n",
    .options = options,
    .count = ARRAY_SIZE(options),
};

bool pledge_check_usage(struct task *t, const struct pledge_settings *s)
{
    ENSURE(t, (s->identity == NULL) != (s->identities == NULL), E_USAGE,
           "one of --identity and --identities is required");
    ENSURE(t, s->cloud != NULL || s->registrars.count > 0, E_USAGE,
           "--cloud or --registrar is required");
    ENSURE(t, s->proxy_credentials == NULL || s->proxy != NULL, E_USAGE,
           "--proxy-credentials needs --proxy");
    ENSURE(t, (s->captive_api == NULL) == (s->captive_anchors == NULL), E_USAGE,
           "--captive-api and --captive-anchors go together");
    ENSURE(t, s->cloud == NULL || s->anchors != NULL, E_USAGE, "--cloud needs --anchors");
    ENSURE(t, s->load == 0 || s->identities != NULL, E_USAGE, "--load needs --identities");
    ENSURE(t, s->parallel == 1 || s->identities != NULL, E_USAGE, "--parallel needs --identities");
    return true;
}
