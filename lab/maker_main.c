/* gatehouse-maker: command line. */
#include "core/base/clock.h"
#include "lab/factory.h"
#include "lab/factory_issue.h"
#include "lab/options.h"
#include "lab/problems.h"

#include <stdio.h>
#include <string.h>

#define ABOUT                                                                                      \
    "A device manufacturer's factory in a folder: the IDevID CA, the certificates of its MASA\n"   \
    "and cloud registrar, and pledges with IDevIDs (RFC 8995 2.3, IEEE 802.1AR). For tests and\n"  \
    "demonstrations: the CA's key lies in a file.\n"

static const struct lab_option init_options[] = {
    LAB_OPTION("NAME", struct factory_plan, name, "name", FIELD_TEXT, .flags = FIELD_REQUIRED,
               .max = 64, .help = "The manufacturer's name: O of every subject."),
    LAB_OPTION("HOST[:PORT]", struct factory_plan, masa, "masa", FIELD_TEXT,
               .flags = FIELD_REQUIRED, .max = 1024,
               .help = "Where the MASA answers, or its https URL: goes into every IDevID "
                       "(id-pe-masa-url), and the host into the MASA's TLS certificate."),
    LAB_OPTION("HOST[:PORT]", struct factory_plan, cloud, "cloud", FIELD_TEXT,
               .flags = FIELD_REQUIRED, .max = 1024,
               .help = "The cloud registrar's host name: goes into its TLS certificate."),
    LAB_OPTION("KIND", struct factory_plan, ca_key, "ca-key", FIELD_ENUM, .preset = "p256",
               .names = factory_key_names, .help = "Key of the IDevID CA."),
    LAB_OPTION("KIND", struct factory_plan, tls_key, "service-key", FIELD_ENUM, .preset = "p256",
               .names = factory_key_names,
               .help = "Keys of the MASA's and the cloud registrar's certificates."),
};

static const struct lab_command init_command = {
    .name = "gatehouse-maker init",
    .operands = "DIR",
    .operands_max = 1,
    .about = "Opens a factory in DIR, which must not have a CA yet.\n",
    .more =
        "Files in DIR:\n"
        "  ca.pem, ca.key                    IDevID CA; issued all the others\n"
        "  masa-tls.pem, masa-tls.key        TLS server certificate of the MASA\n"
        "  masa-signer.pem, masa-signer.key  signs vouchers\n"
        "  cloud-tls.pem, cloud-tls.key      TLS server certificate of the cloud registrar\n"
        "  implicit-anchors.pem              built into pledges, for the cloud registrar (the CA)\n"
        "  masa-anchors.pem                  built into pledges, for vouchers (the signer)\n"
        "  maker.json                        name and places\n",
    .options = init_options,
    .count = ARRAY_SIZE(init_options),
};

static const struct lab_option pledge_options[] = {
    LAB_OPTION("TEXT", struct pledge_plan, serial, "serial", FIELD_TEXT, .flags = FIELD_REQUIRED,
               .help = "Serial number: serialNumber and CN of the subject, and the folder's name."),
    LAB_OPTION("N", struct pledge_plan, count, "count", FIELD_UINT, .preset = "1", .min = 1,
               .max = FACTORY_PLEDGES_MAX,
               .help = "How many. More than one are called SERIAL-0001, SERIAL-0002 and so on."),
    LAB_OPTION("KIND", struct pledge_plan, key, "key", FIELD_ENUM, .preset = "p256",
               .names = factory_key_names, .help = "Key of the IDevID."),
    LAB_OPTION("URL", struct pledge_plan, masa, "masa", FIELD_TEXT, .max = 1024,
               .help = "Another MASA URL than the factory's, written as it is given."),
    LAB_OPTION(NULL, struct pledge_plan, no_masa_url, "no-masa-url", FIELD_BOOL,
               .help = "Leave id-pe-masa-url out."),
    LAB_OPTION("TIME", struct pledge_plan, valid_from, "valid-from", FIELD_TIME,
               .help = "Start of the IDevID's validity (RFC 3339); now unless given."),
    LAB_OPTION("TIME", struct pledge_plan, valid_to, "valid-to", FIELD_TIME,
               .preset = FACTORY_FOREVER, .help = "End of the IDevID's validity (RFC 3339)."),
};

static const struct lab_command pledge_command = {
    .name = "gatehouse-maker pledge",
    .operands = "DIR",
    .operands_max = 1,
    .about =
        "Makes pledges in the factory DIR: DIR/pledges/SERIAL/ with idevid.pem and idevid.key.\n",
    .options = pledge_options,
    .count = ARRAY_SIZE(pledge_options),
};

static const struct lab_command program = {
    .name = "gatehouse-maker",
    .operands = "init|pledge DIR",
    .operands_max = 2,
    .about = ABOUT "\n"
                   "  gatehouse-maker init DIR --name NAME --masa HOST[:PORT] --cloud HOST[:PORT]\n"
                   "  gatehouse-maker pledge DIR --serial TEXT\n\n"
                   "`gatehouse-maker init --help` and `gatehouse-maker pledge --help` tell more.\n",
};

static bool the_folder(struct task *t, const struct lab_arguments *arguments, const char **ret)
{
    ENSURE(t, arguments->operands.count == 1, E_USAGE, "the factory's folder (DIR) is missing");
    *ret = arguments->operands.items[0];
    return true;
}

static bool run_init(struct task *t, const char *const *argv)
{
    struct factory_plan plan;
    struct lab_arguments arguments;
    const char *folder;
    TRY(lab_options_read(t, &init_command, argv, &plan, sizeof(plan), &arguments));
    if (arguments.shown)
        return true;
    TRY(the_folder(t, &arguments, &folder));
    return factory_init(t, folder, &plan);
}

static bool run_pledge(struct task *t, const char *const *argv)
{
    struct pledge_plan plan;
    struct lab_arguments arguments;
    struct factory factory;
    const char *folder;
    TRY(lab_options_read(t, &pledge_command, argv, &plan, sizeof(plan), &arguments));
    if (arguments.shown)
        return true;
    TRY(the_folder(t, &arguments, &folder));
    ENSURE(t, plan.masa == NULL || !plan.no_masa_url, E_USAGE,
           "--masa and --no-masa-url contradict each other");
    if (plan.valid_from == 0)
        plan.valid_from = clock_wall();
    TRY(factory_open(t, folder, &factory));
    return factory_make_pledges(t, &factory, &plan);
}

static const struct subcommand {
    const struct lab_command *command;
    const char *name;
    bool (*run)(struct task *t, const char *const *argv);
} subcommands[] = {
    {&init_command, "init", run_init},
    {&pledge_command, "pledge", run_pledge},
};

static int run_program(struct task *t, const char *const *argv)
{
    char unused;
    struct lab_arguments arguments = {0};
    if (lab_options_read(t, &program, argv, &unused, sizeof(unused), &arguments) && arguments.shown)
        return LAB_EXIT_OK;
    if (t->problem == NULL)
        (void)fail(t, E_USAGE, "which? init or pledge");
    return lab_complain(t, program.name);
}

int main(int argc, char **argv)
{
    CLEANUP(arena_cleanup) struct arena *arena = arena_create();
    const char *const *arguments = (const char *const *)argv;
    struct task t;
    task_init(&t, arena, NULL);
    for (size_t i = 0; argc > 1 && i < ARRAY_SIZE(subcommands); i++) {
        if (strcmp(arguments[1], subcommands[i].name) != 0)
            continue;
        if (subcommands[i].run(&t, arguments + 1))
            return LAB_EXIT_OK;
        return lab_complain(&t, subcommands[i].command->name);
    }
    return run_program(&t, arguments);
}
