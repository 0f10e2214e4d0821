#include "lab/factory.h"

#include "core/base/clock.h"
#include "core/base/file.h"
#include "core/base/json.h"
#include "lab/credentials.h"
#include "lab/factory_issue.h"
#include "lab/place.h"
#include "lab/problems.h"

#include <string.h>
#include <unistd.h>

#define DESCRIPTION_FILE "maker.json"
#define DESCRIPTION_MAX  ((size_t)64 * 1024)
#define SERVICE_LIFETIME (3650 * DAY_MS)
/* Old enough for devices that are said to have been made some years ago. */
#define FACTORY_OPENED  "2015-01-01T00:00:00Z"
#define EXTENSIONS_ROOM 4

static const struct text_list ca_usage = {(const char *[]){"keyCertSign", "cRLSign"}, 2};
static const struct text_list service_usage = {(const char *[]){"digitalSignature"}, 1};

static bool make_ca(struct task *t, struct factory *factory, const struct factory_plan *plan)
{
    struct extension extensions[EXTENSIONS_ROOM];
    struct factory_item item = {
        .common_name = arena_printf(t->arena, "%s IDevID CA", plan->name),
        .key = plan->ca_key,
        .ca = true,
        .extensions = {.items = extensions},
        .path = path_in(t, factory->folder, FACTORY_CA),
    };
    TRY(factory_time(t, FACTORY_OPENED, &item.valid_from));
    TRY(factory_time(t, FACTORY_FOREVER, &item.valid_to));
    TRY(add_key_usage(t, &item.extensions, &ca_usage));
    return factory_issue(t, factory, &item, &factory->ca, &factory->key);
}

/* A certificate of the manufacturer's services; with `host`, of a TLS server. */
static bool make_service(struct task *t, const struct factory *factory,
                         const struct factory_plan *plan, const char *file, const char *host,
                         const struct cert **ret)
{
    struct extension extensions[EXTENSIONS_ROOM];
    EVP_PKEY *key;
    struct factory_item item = {
        .common_name = host != NULL ? host : arena_printf(t->arena, "%s MASA", plan->name),
        .key = plan->tls_key,
        .valid_from = clock_wall() - DAY_MS,
        .valid_to = clock_wall() + SERVICE_LIFETIME,
        .extensions = {.items = extensions},
        .path = path_in(t, factory->folder, file),
    };
    TRY(add_key_usage(t, &item.extensions, &service_usage));
    if (host != NULL) {
        TRY(add_ext_key_usage(t, &item.extensions, "serverAuth"));
        TRY(add_dns_name(t, &item.extensions, host));
    }
    return factory_issue(t, factory, &item, ret, &key);
}

/* "host", "host:9443" or a whole URL: the host, which its certificate names. */
static bool host_of(struct task *t, const char *option, const char *text, const char **ret)
{
    struct place place;
    const char *url =
        strstr(text, "://") != NULL ? text : arena_printf(t->arena, "https://%s", text);
    if (!place_from_url(t, url, &place))
        return fail(t, E_USAGE, "--%s: %s", option, t->detail);
    ENSURE(t, !place.is_address, E_USAGE,
           "--%s: an address; a host name is needed (clients have --resolve for tests)", option);
    *ret = place.host;
    return true;
}

static bool describe(struct task *t, const char *folder, const struct factory_plan *plan)
{
    struct bytes text;
    json_t *description = json_in_arena(t, json_pack("{s:s, s:s, s:s}", "name", plan->name, "masa",
                                                     plan->masa, "cloud", plan->cloud));
    TRY(json_write(t, description, &text));
    return file_write(t, path_in(t, folder, DESCRIPTION_FILE), text, 0644);
}

static bool write_anchors(struct task *t, const char *folder, const char *file,
                          const struct cert *anchor)
{
    return file_write(t, path_in(t, folder, file), bytes_of_text(cert_to_pem(t, anchor)), 0644);
}

bool factory_init(struct task *t, const char *folder, const struct factory_plan *plan)
{
    struct factory factory = {.folder = folder, .name = plan->name, .masa = plan->masa};
    const char *masa_host;
    const char *cloud_host;
    const struct cert *signer;
    const struct cert *server;
    TRY(host_of(t, "masa", plan->masa, &masa_host));
    TRY(host_of(t, "cloud", plan->cloud, &cloud_host));
    ENSURE(t, access(path_in(t, folder, FACTORY_CA ".key"), F_OK) != 0, E_EXISTS,
           "%s already has a CA; its pledges would be orphans", folder);
    TRY(folder_make(t, folder, 0755));
    TRY(make_ca(t, &factory, plan));
    TRY(make_service(t, &factory, plan, FACTORY_MASA_TLS, masa_host, &server));
    TRY(make_service(t, &factory, plan, FACTORY_CLOUD_TLS, cloud_host, &server));
    TRY(make_service(t, &factory, plan, FACTORY_MASA_SIGNER, NULL, &signer));
    TRY(write_anchors(t, folder, FACTORY_IMPLICIT, factory.ca));
    /* Not the CA: every pledge has a certificate under it, and none may sign vouchers. */
    TRY(write_anchors(t, folder, FACTORY_MASA_ANCHORS, signer));
    return describe(t, folder, plan);
}

bool factory_open(struct task *t, const char *folder, struct factory *ret)
{
    struct credentials ca;
    struct bytes text;
    json_t *description;
    const char *name;
    const char *masa;
    const char *path = path_in(t, folder, DESCRIPTION_FILE);
    TRY(file_read(t, path, DESCRIPTION_MAX, &text));
    if (!json_parse(t, text, &description))
        return fail_context(t, "%s", path);
    ENSURE(t, json_unpack(description, "{s:s, s:s}", "name", &name, "masa", &masa) == 0, E_INVALID,
           "%s: \"name\" and \"masa\" must be text", path);
    TRY(credentials_read(t, path_in(t, folder, FACTORY_CA ".pem"),
                         path_in(t, folder, FACTORY_CA ".key"), &ca));
    *ret = (struct factory){
        .folder = folder, .name = name, .masa = masa, .ca = ca.cert, .key = ca.key};
    return true;
}
