/* gatehouse-masa transfer: a device changes hands. */
#include "lab/masa.h"
#include "lab/options.h"
#include "lab/problems.h"

#include <stdio.h>

struct transfer {
    const char *state;
    const char *serial;
    const char *to;
    const char *to_domain;
    bool to_nobody;
};

static const struct lab_option options[] = {
    LAB_OPTION("DIR", struct transfer, state, "state", FIELD_TEXT, .flags = FIELD_REQUIRED,
               .help = "The MASA's folder; it may be running."),
    LAB_OPTION("TEXT", struct transfer, serial, "serial", FIELD_TEXT, .flags = FIELD_REQUIRED,
               .help = "Serial number of the device."),
    LAB_OPTION("FILE", struct transfer, to, "to", FIELD_TEXT,
               .help = "PEM: the new owner's certificate, as its registrar's chain has it; its "
                       "domainID is kept (RFC 8995 5.8.2)."),
    LAB_OPTION("BASE64", struct transfer, to_domain, "to-domain", FIELD_TEXT,
               .help = "The new owner's domainID itself."),
    LAB_OPTION(NULL, struct transfer, to_nobody, "to-nobody", FIELD_BOOL,
               .help = "Nobody owns it any more: it will be the next one's who asks."),
};

static const struct lab_command command = {
    .name = "gatehouse-masa transfer",
    .about = "Records that a device is another owner's from now on. One of --to, --to-domain and\n"
             "--to-nobody is required. Vouchers for the new owner say \"verified\"; a MASA with\n"
             "--exclusive gives the former owner none any more.\n",
    .options = options,
    .count = ARRAY_SIZE(options),
};

static bool new_owner(struct task *t, const struct transfer *transfer, struct bytes *ret)
{
    struct trust owner;
    unsigned named = (transfer->to != NULL) + (transfer->to_domain != NULL) + transfer->to_nobody;
    ENSURE(t, named == 1, E_USAGE, "one of --to, --to-domain and --to-nobody is required");
    *ret = BYTES_ABSENT;
    if (transfer->to != NULL) {
        TRY(trust_read(t, transfer->to, &owner));
        return cert_domain_id(t, owner.certs.items[0], ret);
    }
    if (transfer->to_domain != NULL)
        ENSURE(t,
               bytes_from_base64(t->arena, bytes_of_text(transfer->to_domain), ret) && ret->len > 0,
               E_USAGE, "--to-domain is no base64");
    return true;
}

static bool run(struct task *t, const char *const *argv)
{
    struct transfer transfer;
    struct lab_arguments arguments;
    struct bytes domain_id;
    TRY(lab_options_read(t, &command, argv, &transfer, sizeof(transfer), &arguments));
    if (arguments.shown)
        return true;
    TRY(new_owner(t, &transfer, &domain_id));
    TRY(masa_transfer(t, transfer.state, transfer.serial, domain_id));
    (void)printf("%s is %s%s\n", transfer.serial,
                 bytes_present(domain_id) ? "owned by domain " : "owned by nobody",
                 bytes_present(domain_id) ? bytes_to_base64(t->arena, domain_id) : "");
    return true;
}

int masa_transfer_main(struct task *t, const char *const *argv)
{
    return run(t, argv) ? LAB_EXIT_OK : lab_complain(t, command.name);
}
