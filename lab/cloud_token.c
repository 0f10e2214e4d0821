/* For the cloud's operator: gatehouse-cloud token new, gatehouse-cloud owners list. */
#include "lab/cloud_token.h"

#include "core/base/clock.h"
#include "lab/cloud_owners.h"
#include "lab/problems.h"

#include <stdio.h>
#include <string.h>

struct token_settings {
    const char *state;
    const char *owner;
    int64_t valid;
};

static const struct lab_option token_options[] = {
    LAB_OPTION("DIR", struct token_settings, state, "state", FIELD_TEXT, .flags = FIELD_REQUIRED,
               .help = "The state folder of gatehouse-cloud; made when it is not there."),
    LAB_OPTION("NAME", struct token_settings, owner, "owner", FIELD_TEXT, .flags = FIELD_REQUIRED,
               .max = 64, .help = "Whose account the token claims: letters, digits and \"-\"."),
    LAB_OPTION("TIME", struct token_settings, valid, "valid", FIELD_DURATION, .preset = "7 d",
               .min = SECOND_MS, .max = 366 * DAY_MS, .help = "How long it can be used."),
};

const struct lab_command cloud_token_command = {
    .name = "gatehouse-cloud token new",
    .about =
        "Makes a token with which an owner claims its account at this cloud registrar, once,\n"
        "and prints it. Only its digest is kept. The service may be running. An account that\n"
        "was claimed before is claimed anew: that is the way out for an owner who has lost its\n"
        "keys.\n",
    .options = token_options,
    .count = ARRAY_SIZE(token_options),
};

bool cloud_token_run(struct task *t, const char *const *argv)
{
    struct token_settings settings;
    struct lab_arguments arguments;
    const char *token;
    TRY(lab_options_read(t, &cloud_token_command, argv, &settings, sizeof(settings), &arguments));
    if (arguments.shown)
        return true;
    TRY(cloud_token_make(t, settings.state, settings.owner, settings.valid, &token));
    (void)puts(token);
    return true;
}

struct owners_settings {
    const char *state;
};

static const struct lab_option owners_options[] = {
    LAB_OPTION("DIR", struct owners_settings, state, "state", FIELD_TEXT, .flags = FIELD_REQUIRED,
               .help = "The state folder of gatehouse-cloud."),
};

const struct lab_command cloud_owners_command = {
    .name = "gatehouse-cloud owners list",
    .about = "Lists who has an account at this cloud registrar, one line each: name, what is\n"
             "registered, where its devices go, when it registered last.\n",
    .options = owners_options,
    .count = ARRAY_SIZE(owners_options),
};

static bool print_account(struct task *t, const char *state, const char *name)
{
    struct cloud_account account;
    bool found = false;
    TRY(cloud_account_read(t, state, name, &account, &found));
    if (!found)
        return true;
    const struct cloud_registration *r = &account.registration;
    const char *where = r->mode == CLOUD_MODE_REDIRECT ? r->registrar : r->est_domain;
    (void)printf("%s %s %s %s\n", name,
                 r->mode == CLOUD_MODE_NONE       ? "nothing"
                 : r->mode == CLOUD_MODE_REDIRECT ? "redirect"
                                                  : "voucher",
                 where == NULL ? "-" : where,
                 account.registered == 0 ? "-" : time_to_text(t->arena, account.registered));
    return true;
}

bool cloud_owners_run(struct task *t, const char *const *argv)
{
    struct owners_settings settings;
    struct lab_arguments arguments;
    struct text_list names;
    TRY(lab_options_read(t, &cloud_owners_command, argv, &settings, sizeof(settings), &arguments));
    if (arguments.shown)
        return true;
    TRY(cloud_accounts(t, settings.state, &names));
    for (size_t i = 0; i < names.count; i++)
        TRY(print_account(t, settings.state, names.items[i]));
    return true;
}
