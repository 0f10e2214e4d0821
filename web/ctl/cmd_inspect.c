#include "core/base/clock.h"
#include "core/base/file.h"
#include "web/ctl/commands.h"
#include "web/ctl/inspect.h"
#include "web/ctl/print.h"

#include <string.h>

#define INSPECT_FILE_MAX (1024UL * 1024)

struct inspect_options {
    struct text_list anchors;
    const char *at;
    const char *serial_from;
    const char *serial_pattern;
};

static const struct option inspect_options[] = {
    OPTION(struct inspect_options, anchors, "anchor", OPTION_TEXTS, "FILE",
           "Certificates that the signer must chain to."),
    OPTION(struct inspect_options, at, "at", OPTION_TEXT, "TIME",
           "Judge validity at this time (RFC 3339), instead of a voucher's created-on or now."),
    OPTION(struct inspect_options, serial_from, "serial-from", OPTION_TEXT, "WHERE",
           "Where a device's certificate has the serial number: subject, common-name or "
           "hardware-module-name."),
    OPTION(struct inspect_options, serial_pattern, "serial-pattern", OPTION_TEXT, "REGEX",
           "Extended regular expression with one group, around the serial number."),
};

static bool read_anchors(struct task *t, const struct text_list *files, struct cert_list *ret)
{
    for (size_t i = 0; i < files->count; i++) {
        struct bytes octets;
        struct cert_list certs;
        TRY(file_read(t, files->items[i], INSPECT_FILE_MAX, &octets));
        if (!certs_from_file_octets(t, octets, &certs))
            return fail_context(t, "%s", files->items[i]);
        const struct cert **all =
            arena_array(t->arena, ret->count + certs.count, sizeof(struct cert *));
        for (size_t j = 0; j < ret->count; j++)
            all[j] = ret->items[j];
        for (size_t j = 0; j < certs.count; j++)
            all[ret->count + j] = certs.items[j];
        *ret = (struct cert_list){all, ret->count + certs.count};
    }
    return true;
}

static bool find_source(struct task *t, const char *name, unsigned *ret)
{
    unsigned source = 0;
    while (serial_source_names[source] != NULL && strcmp(serial_source_names[source], name) != 0)
        source++;
    ENSURE(t, serial_source_names[source] != NULL, E_CTL_USAGE,
           "--serial-from: must be subject, common-name or hardware-module-name");
    *ret = source;
    return true;
}

/* As a manufacturer's record would have it; then there must be a serial number. */
static bool read_serial_rule(struct task *t, const struct inspect_options *o,
                             struct inspect_rules *rules)
{
    struct serial_rule rule = {.pattern = o->serial_pattern};
    rules->serial_wanted = o->serial_from != NULL || o->serial_pattern != NULL;
    if (o->serial_from != NULL)
        TRY(find_source(t, o->serial_from, &rule.source));
    if (!serial_rule_check(t, &rule))
        return fail(t, E_CTL_USAGE, "--serial-pattern: %s", t->detail);
    rules->serial = rule;
    return true;
}

static bool run_inspect(struct task *t, struct ctl *ctl, const struct text_list *words,
                        const void *options)
{
    const struct inspect_options *o = options;
    const char *path = words->items[0];
    struct inspect_rules rules = {.at = 0};
    struct inspect_report report;
    struct bytes octets;
    ENSURE(t, o->at == NULL || time_from_text(o->at, &rules.at), E_CTL_USAGE,
           "--at: \"%s\" is no RFC 3339 time", o->at);
    TRY(read_serial_rule(t, o, &rules));
    TRY(read_anchors(t, &o->anchors, &rules.anchors));
    TRY(file_read(t, path, INSPECT_FILE_MAX, &octets));
    if (!inspect(t, octets, &rules, &report))
        return fail_context(t, "%s", path);
    if (ctl->json)
        print_json(ctl->out, report.json);
    else
        print_tree(ctl->out, t->arena, report.json, 0);
    ENSURE(t, report.failed == NULL, E_CTL_NOT_VERIFIED, "%s: %s", path, report.failed);
    return true;
}

const struct command inspect_commands[] = {
    {.name = "inspect",
     .words = "FILE",
     .words_min = 1,
     .words_max = 1,
     .summary = "Show what is in a voucher, voucher request, certificate, certification request, "
                "CSR attributes or PKCS#7 file, and verify it.",
     .text = "Vouchers and voucher requests may be signed with CMS, JWS or COSE, or be JSON or "
             "CBOR alone. The file may be as it is on the wire, or PEM, base64 or hexadecimal. "
             "Signatures are verified with the certificate that the file carries or an anchor; "
             "with --anchor, the signer must also chain to one of the "
             "anchors, at the voucher's created-on unless --at says otherwise. Nothing but the "
             "files is needed.",
     OPTIONS(struct inspect_options, inspect_options),
     .run = run_inspect},
    {.name = NULL},
};
