#include "core/base/file.h"
#include "core/node/node.h"
#include "core/store/records/authority.h"
#include "web/ctl/commands.h"
#include "web/ctl/facts.h"
#include "web/ctl/inspect_internal.h"
#include "web/ctl/offline.h"
#include "web/ctl/owner.h"
#include "web/ctl/print.h"

#include <arpa/inet.h>
#include <string.h>
#include <unistd.h>

#define FOLDER_MODE 0700
#define SO_PIN_NAME "so-pin"

struct init_options {
    const char *owner;
    struct text_list names;
    const char *device_names;
    const char *key;
    const char *so_pin_file;
};

static const struct option init_options[] = {
    OPTION(struct init_options, owner, "owner", OPTION_TEXT, "NAME",
           "The owner, as it is to stand in the certificates."),
    OPTION(struct init_options, names, "name", OPTION_TEXTS, "NAME",
           "A DNS name or IP address under which pledges reach this registrar."),
    OPTION(struct init_options, device_names, "device-names", OPTION_TEXT, "PATTERN",
           "The DNS name that devices are told to ask for; by default {serial}.devices. and the "
           "domain of the first name."),
    OPTION(struct init_options, key, "key", OPTION_TEXT, "p256|p384",
           "The kind of the owner's keys (p256)."),
    OPTION(struct init_options, so_pin_file, "so-pin-file", OPTION_TEXT, "FILE",
           "Where to write the token's SO PIN; by default " SO_PIN_NAME " beside the PIN file."),
};

/* What is made, and with what. */
struct init {
    struct node node;
    struct keystore_options keys;
    const char *so_pin_file;
    struct owner_options owner;
    bool token_made;
    struct owner made;
};

/* ---- What was asked for ---- */

static bool is_address(const char *name)
{
    struct in6_addr address;
    return inet_pton(AF_INET, name, &address) == 1 || inet_pton(AF_INET6, name, &address) == 1;
}

/* registrar.example.com -> {serial}.devices.example.com */
static bool pattern_of(struct task *t, const struct init_options *o, const char **ret)
{
    const char *name = o->names.items[0];
    const char *dot = is_address(name) ? NULL : strchr(name, '.');
    if (o->device_names != NULL) {
        *ret = o->device_names;
        return true;
    }
    ENSURE(t, dot != NULL && dot[1] != '\0', E_CTL_USAGE,
           "%s has no domain to name devices in: say --device-names", name);
    *ret = arena_printf(t->arena, "{serial}.devices%s", dot);
    return true;
}

static bool kind_of(struct task *t, const char *key, enum keystore_kind *ret)
{
    bool p384 = key != NULL && strcmp(key, "p384") == 0;
    ENSURE(t, key == NULL || p384 || strcmp(key, "p256") == 0, E_CTL_USAGE,
           "--key: \"%s\" is neither p256 nor p384", key);
    *ret = p384 ? KEYSTORE_P384 : KEYSTORE_P256;
    return true;
}

/* "" for a file without folder: the working folder. */
static const char *folder_of(struct task *t, const char *file)
{
    const char *slash = strrchr(file, '/');
    if (slash == NULL)
        return ".";
    return slash == file ? "/" : arena_strndup(t->arena, file, (size_t)(slash - file));
}

static bool understand(struct task *t, const struct ctl *ctl, const struct init_options *o,
                       struct init *init)
{
    ENSURE(t, o->owner != NULL && o->names.count > 0, E_CTL_USAGE,
           "init needs --owner and at least one --name");
    init->owner = owner_presets();
    init->owner.name = o->owner;
    init->owner.hosts = o->names;
    TRY(pattern_of(t, o, &init->owner.dns_pattern));
    TRY(kind_of(t, o->key, &init->owner.kind));
    init->owner.actor = own_name(t);

    TRY(node_read(t, ctl->config == NULL ? NODE_FILE_DEFAULT : ctl->config, &init->node));
    const struct node_token *token = &init->node.token;
    init->owner.folder = init->node.owner_folder;
    init->keys = (struct keystore_options){.module = token->module,
                                           .token = token->label,
                                           .pin_file = token->pin_file,
                                           .state = init->node.store.path};
    ENSURE(t, o->so_pin_file != NULL || token->pin_file != NULL, E_CTL_USAGE,
           "the node file names no token.pin-file: say --so-pin-file");
    init->so_pin_file = o->so_pin_file != NULL ? o->so_pin_file
                                               : arena_printf(t->arena, "%s/" SO_PIN_NAME,
                                                              folder_of(t, token->pin_file));
    return true;
}

/* ---- Making it ---- */

static bool make_folders(struct task *t, const struct init *init)
{
    TRY(folder_make(t, init->node.store.path, FOLDER_MODE));
    TRY(folder_make(t, folder_of(t, init->so_pin_file), FOLDER_MODE));
    if (init->keys.pin_file != NULL)
        TRY(folder_make(t, folder_of(t, init->keys.pin_file), FOLDER_MODE));
    return true;
}

static bool make_owner(struct task *t, struct init *init, struct keystore *keys)
{
    const struct node_store *place = &init->node.store;
    const struct store_options options = {
        .path = place->path,
        .size = place->size,
        .readers = (unsigned)place->readers,
        .batch = (unsigned)place->batch,
        .alarm_percent = (unsigned)place->alarm_percent,
        .create = true,
    };
    struct store *store;
    TRY(store_open(t, &options, &store));
    bool made = owner_make(t, &init->owner, store, keys, &init->made);
    store_close(store);
    return made;
}

static bool make_all(struct task *t, struct init *init)
{
    struct keystore *keys;
    TRY(make_folders(t, init));
    TRY(keystore_prepare(t, &init->keys, init->so_pin_file, &init->token_made));
    TRY(keystore_open(t, &init->keys, &keys));
    keystore_close_with(keys, t->arena);
    return make_owner(t, init, keys);
}

/* ---- Telling ---- */

static void tell_certificate(struct task *t, json_t *report, const char *name,
                             const struct cert *cert)
{
    certificate_summary(t, cert, fact_object(report, name));
}

static json_t *report_of(struct task *t, const struct init *init)
{
    json_t *report = json_in_arena(t, json_object());
    fact_text(t, report, "owner", init->owner.name);
    fact_texts(t, report, "names", &init->owner.hosts);
    fact_text(t, report, "device-names", init->owner.dns_pattern);
    fact_text(t, report, "store", init->node.store.path);
    fact_text(t, report, "token", init->keys.token);
    fact_bool(report, "token-made", init->token_made);
    fact_text(t, report, "pin-file", init->keys.pin_file);
    if (init->token_made)
        fact_text(t, report, "so-pin-file", init->so_pin_file);
    fact_text(t, report, "certificate-copies", init->owner.folder);
    json_t *certificates = fact_object(report, "certificates");
    tell_certificate(t, certificates, AUTHORITY_ROOT, init->made.root);
    tell_certificate(t, certificates, AUTHORITY_REGISTRAR_CA, init->made.registrar_ca);
    tell_certificate(t, certificates, AUTHORITY_DEVICE_CA, init->made.device_ca);
    tell_certificate(t, certificates, AUTHORITY_REGISTRAR, init->made.registrar);
    return report;
}

static const char next_steps[] =
    "\nNext:\n"
    "  - Keep the SO PIN in a safe place and remove its file; back up token and store.\n"
    "  - Start the daemon: systemctl enable --now gatehouse\n"
    "  - Say whose devices may come: gatehousectl manufacturers add NAME --anchor FILE ...\n"
    "  - Say which: gatehousectl devices add --manufacturer NAME --serial SERIAL ...\n"
    "  - Give the manufacturer's cloud registrar this registrar's name and registrar-ca.pem.\n";

static bool run_init(struct task *t, struct ctl *ctl, const struct text_list *words,
                     const void *options)
{
    struct init init = {.token_made = false};
    (void)words;
    TRY(understand(t, ctl, options, &init));
    TRY(make_all(t, &init));
    json_t *report = report_of(t, &init);
    if (ctl->json) {
        print_json(ctl->out, report);
        return true;
    }
    print_tree(ctl->out, t->arena, report, 0);
    (void)fputs(next_steps, ctl->out);
    return true;
}

const struct command init_commands[] = {
    {.name = "init",
     .summary = "Make a new Gatehouse: folders, token, store, the owner's keys and certificates.",
     .text = "Run it as the user that the daemon runs as: what is made belongs to whoever makes "
             "it. When something was in the way, run it again; an owner that is there is never "
             "made anew.",
     OPTIONS(struct init_options, init_options),
     .run = run_init},
    {.name = NULL},
};
