#include "core/base/clock.h"
#include "core/base/file.h"
#include "web/ctl/commands.h"
#include "web/ctl/inspect.h"
#include "web/ctl/print.h"

#define INSPECT_FILE_MAX (1024UL * 1024)

struct inspect_options {
    struct text_list anchors;
    const char *at;
};

static const struct option inspect_options[] = {
    OPTION(struct inspect_options, anchors, "anchor", OPTION_TEXTS, "FILE",
           "Certificates that the signer must chain to."),
    OPTION(struct inspect_options, at, "at", OPTION_TEXT, "TIME",
           "Judge validity at this time (RFC 3339), instead of a voucher's created-on or now."),
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
