/*
 * What is sent to a cloud registrar is read or refused; what was read can be written, and reads the
 * same again.  The first octet says as what the rest is read.
 *
 * Covers: lab/cloud_forms.c lab/cloud_proof.c lab/masa_private.c
 */
#include "tests/fuzz/support.h"

#include "lab/cloud_proof.h"
#include "lab/masa_private.h"

static const struct record_type *const types[] = {
    &cloud_claim_type,   &cloud_registration_type, &cloud_releases_type,
    &cloud_account_type, &cloud_token_type,        &masa_commission_type,
};

/* Room for any of them. */
union form {
    struct cloud_claim claim;
    struct cloud_registration registration;
    struct cloud_releases releases;
    struct cloud_account account;
    struct cloud_token token;
    struct masa_commission commission;
};

static void try_form(struct task *t, const struct record_type *type, struct bytes json)
{
    union form form;
    union form again;
    struct bytes written;
    struct bytes rewritten;
    if (!cloud_form_read(t, json, type, &form)) {
        MUST(t->problem == E_MALFORMED || t->problem == E_INVALID);
        return;
    }
    MUST(cloud_form_write(t, type, &form, &written));
    MUST(cloud_form_read(t, written, type, &again));
    MUST(cloud_form_write(t, type, &again, &rewritten));
    MUST(bytes_equal(written, rewritten));
    if (type == &cloud_registration_type && !cloud_registration_check(t, &form.registration))
        MUST(t->problem == E_INVALID);
}

static void try_statement(struct task *t, struct bytes json)
{
    const struct cert cert = {.der = BYTES_LITERAL("any octets")};
    const struct cloud_proof_rules rules = {"https://cloud.example/registration/v1", "acme",
                                            1700000000000};
    if (!cloud_statement_check(t, json, &cert, &rules))
        MUST(t->problem != NULL && t->detail != NULL);
}

static void try_report(struct task *t, struct bytes json)
{
    const char *report;
    if (cloud_report_read(t, json, &report))
        MUST(bytes_are_utf8(bytes_of_text(report)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_cleanup) struct arena *arena = arena_create();
    struct task t;
    task_init(&t, arena, NULL);
    if (size == 0)
        return 0;
    struct bytes json = bytes_make(data + 1, size - 1);
    unsigned which = (unsigned)(data[0] - '0') % (ARRAY_SIZE(types) + 2);
    if (which < ARRAY_SIZE(types))
        try_form(&t, types[which], json);
    else if (which == ARRAY_SIZE(types))
        try_statement(&t, json);
    else
        try_report(&t, json);
    return 0;
}
