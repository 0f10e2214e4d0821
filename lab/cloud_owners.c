#include "lab/cloud_owners.h"

#include "core/base/clock.h"
#include "core/base/file.h"
#include "lab/cloud_proof.h"
#include "lab/problems.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TOKENS          "tokens"
#define OWNERS          "owners"
#define SUFFIX          ".json"
#define TOKEN_OCTETS    32
#define TOKEN_FILE_MAX  ((size_t)4 * 1024)
#define ACCOUNT_MAX     ((size_t)64 * 1024 * 1024)
#define ACCOUNTS_MAX    10000
#define NOT_ONE_OF_OURS "this TLS client does not speak for such an owner"

bool cloud_owners_open(struct task *t, const char *state)
{
    TRY(folder_make(t, path_in(t, state, TOKENS), 0700));
    return folder_make(t, path_in(t, state, OWNERS), 0700);
}

/* ---- Tokens ---- */

static const char *token_path(struct task *t, const char *state, const char *digest,
                              const char *suffix)
{
    return arena_printf(t->arena, "%s/" TOKENS "/%s%s", state, digest, suffix);
}

const char *cloud_token_digest(struct task *t, const char *token)
{
    return bytes_to_hex(t->arena, bytes_sha256(t->arena, bytes_of_text(token)));
}

bool cloud_token_make(struct task *t, const char *state, const char *owner, int64_t validity,
                      const char **ret)
{
    struct bytes octets;
    struct cloud_token record;
    const char *token = bytes_to_base64url(t->arena, bytes_random(t->arena, TOKEN_OCTETS));
    TRY(cloud_owner_check(t, owner));
    TRY(cloud_owners_open(t, state));
    record_init(t, &cloud_token_type, &record);
    record.owner = owner;
    record.created = clock_wall();
    record.expires = record.created + validity;
    TRY(cloud_form_write(t, &cloud_token_type, &record, &octets));
    TRY(file_write(t, token_path(t, state, cloud_token_digest(t, token), SUFFIX), octets, 0600));
    *ret = token;
    return true;
}

bool cloud_token_check(struct task *t, const char *state, const char *digest, const char *owner)
{
    struct bytes octets;
    struct cloud_token token;
    ENSURE(t, file_read(t, token_path(t, state, digest, SUFFIX), TOKEN_FILE_MAX, &octets), E_CLAIM,
           "there is no such token, or it was used");
    TRY(cloud_form_read(t, octets, &cloud_token_type, &token));
    ENSURE(t, strcmp(token.owner, owner) == 0, E_CLAIM, "the token is not for %s", owner);
    ENSURE(t, clock_wall() < token.expires, E_CLAIM, "the token has expired");
    return true;
}

bool cloud_token_use(struct task *t, const char *state, const char *digest)
{
    const char *from = token_path(t, state, digest, SUFFIX);
    if (rename(from, token_path(t, state, digest, ".used")) != 0)
        return fail_errno(t, E_IO, errno, "cannot rename %s", from);
    return true;
}

/* ---- Accounts ---- */

static const char *account_path(struct task *t, const char *state, const char *name)
{
    return arena_printf(t->arena, "%s/" OWNERS "/%s" SUFFIX, state, name);
}

bool cloud_account_read(struct task *t, const char *state, const char *name,
                        struct cloud_account *ret, bool *ret_found)
{
    struct bytes octets;
    const char *path = account_path(t, state, name);
    if (access(path, F_OK) != 0) {
        *ret_found = false;
        return true;
    }
    TRY(file_read(t, path, ACCOUNT_MAX, &octets));
    if (!cloud_form_read(t, octets, &cloud_account_type, ret))
        return fail_context(t, "%s", path);
    *ret_found = true;
    return true;
}

bool cloud_account_write(struct task *t, const char *state, const struct cloud_account *account)
{
    struct bytes octets;
    TRY(cloud_form_write(t, &cloud_account_type, account, &octets));
    return file_write(t, account_path(t, state, account->name), octets, 0600);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void close_folder(DIR **folder)
{
    if (*folder != NULL)
        (void)closedir(*folder);
}

bool cloud_accounts(struct task *t, const char *state, struct text_list *ret)
{
    const char *path = path_in(t, state, OWNERS);
    CLEANUP(close_folder) DIR *folder = opendir(path);
    const char **names = arena_array(t->arena, ACCOUNTS_MAX, sizeof(*names));
    size_t count = 0;
    if (folder == NULL)
        return fail_errno(t, E_IO, errno, "cannot read %s", path);
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): each thread has a folder of its own */
    for (struct dirent *entry = readdir(folder); entry != NULL && count < ACCOUNTS_MAX;
         entry = readdir(folder)) { /* NOLINT(concurrency-mt-unsafe) */
        size_t len = strlen(entry->d_name);
        size_t end = strlen(SUFFIX);
        if (len > end && strcmp(entry->d_name + len - end, SUFFIX) == 0)
            names[count++] = arena_strndup(t->arena, entry->d_name, len - end);
    }
    qsort(names, count, sizeof(*names), by_text);
    *ret = (struct text_list){names, count};
    return true;
}

/* ---- Who speaks for whom ---- */

static bool leads_to(struct task *t, struct bytes identity, const struct cert *cert,
                     const struct cert_list *chain)
{
    const struct chain_rules rules = {0};
    const struct cert *pinned;
    bool leads =
        cert_parse(t, identity, &pinned) && chain_verify_pinned(t, pinned, cert, chain, &rules);
    task_forgive(t);
    return leads;
}

bool cloud_is_one_of(struct task *t, const struct bytes_list *identities, const struct cert *cert,
                     const struct cert_list *chain)
{
    for (size_t i = 0; i < identities->count; i++) {
        if (leads_to(t, identities->items[i], cert, chain))
            return true;
    }
    return false;
}

bool cloud_meet_owner(struct task *t, const struct cloud *cloud, const struct http_request *rq,
                      struct cloud_account *ret)
{
    bool found = false;
    struct cert_list chain;
    const struct cert *client = service_client(t, rq, &chain);
    ENSURE(t, client != NULL, E_OWNER, "a TLS client certificate is needed");
    TRY(cloud_owner_check(t, rq->parameter));
    TRY(cloud_account_read(t, cloud->settings.state, rq->parameter, ret, &found));
    ENSURE(t, found && cloud_is_one_of(t, &ret->identities, client, &chain), E_OWNER,
           NOT_ONE_OF_OURS);
    return true;
}

bool cloud_check_proofs(struct task *t, const struct cloud *cloud, const char *owner,
                        const struct record_list *proofs, struct bytes_list *ret)
{
    const struct cloud_proof_rules rules = {
        .audience = cloud->settings.registration_url,
        .owner = owner,
        .now = clock_wall(),
    };
    const struct cloud_proof *items = proofs->items;
    struct bytes *identities = arena_array(t->arena, proofs->count, sizeof(*identities));
    for (size_t i = 0; i < proofs->count; i++) {
        const struct cert *cert;
        if (!cloud_proof_check(t, &items[i], &rules, &cert))
            return fail_context(t, "proofs[%zu]", i);
        identities[i] = cert->der;
    }
    *ret = (struct bytes_list){identities, proofs->count};
    return true;
}

const char *cloud_release_entry(struct task *t, const struct cloud_device *device)
{
    return arena_printf(t->arena, "%s %s", device->serial,
                        device->order == NULL ? "-" : device->order);
}

bool cloud_is_released(struct task *t, const struct cloud_account *account,
                       const struct cloud_device *device)
{
    const char *entry = cloud_release_entry(t, device);
    for (size_t i = 0; i < account->released.count; i++) {
        if (strcmp(account->released.items[i], entry) == 0)
            return true;
    }
    return false;
}

/* ---- What is registered for a device ---- */

static bool is_selected(const struct cloud_selection *devices, const struct cloud_device *device)
{
    bool selected = devices->all;
    for (size_t i = 0; !selected && device->order != NULL && i < devices->orders.count; i++)
        selected = strcmp(devices->orders.items[i], device->order) == 0;
    for (size_t i = 0; !selected && i < devices->serial_numbers.count; i++)
        selected = strcmp(devices->serial_numbers.items[i], device->serial) == 0;
    return selected;
}

static const char *configuration_of(const struct cloud_registration *r, const char *serial)
{
    const struct cloud_configuration *items = r->configurations.items;
    for (size_t i = 0; i < r->configurations.count; i++) {
        if (strcmp(items[i].serial_number, serial) == 0)
            return items[i].url;
    }
    return r->additional_configuration_url;
}

static bool answer_as(struct task *t, const struct cloud_registration *r, const char *serial,
                      struct cloud_answer *ret)
{
    struct place place;
    struct cloud_answer answer = {.word = CLOUD_REDIRECT};
    if (r->mode == CLOUD_MODE_REDIRECT) {
        TRY(place_from_url(t, r->registrar, &place));
        answer.location = place.url;
    } else {
        answer.word = CLOUD_VOUCHER;
        answer.est_domain = r->est_domain;
        TRY(cert_parse(t, r->pinned_domain_cert, &answer.pinned));
        answer.additional_configuration_url = cloud_fill_in(t, configuration_of(r, serial), serial);
    }
    *ret = answer;
    return true;
}

bool cloud_owners_answer(struct task *t, const struct cloud *cloud,
                         const struct cloud_device *device, struct cloud_answer *ret)
{
    struct cloud_account account;
    bool found = false;
    TRY(cloud_account_read(t, cloud->settings.state, device->owner, &account, &found));
    if (!found || account.registration.mode == CLOUD_MODE_NONE ||
        !is_selected(&account.registration.devices, device) ||
        cloud_is_released(t, &account, device)) {
        *ret = (struct cloud_answer){.word = CLOUD_NOBODY};
        return true;
    }
    return answer_as(t, &account.registration, device->serial, ret);
}

/* ---- Requests ---- */

bool cloud_serve_owner(struct task *t, const struct http_request *rq, struct http_reply *reply,
                       cloud_owner_serve serve)
{
    struct cloud *cloud = rq->context;
    enum cloud_fault fault = cloud_fault_take(&cloud->faults, CLOUD_OP_REGISTRATION);
    if (!cloud_fault_answers(t, cloud, fault, rq, reply))
        TRY(serve(t, cloud, fault, rq, reply));
    cloud_finish(t, cloud, fault, rq, reply);
    return true;
}
