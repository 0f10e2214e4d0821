/* What the field table of manufacturers cannot know. */
#include "core/http/address.h"
#include "core/http/client.h"
#include "core/pki/chain.h"
#include "core/pledge/trust.h"
#include "core/store/records/allowance.h"
#include "web/api_manufacturer.h"

#include <string.h>

/* Whatever is made of the anchors later is made of them now, so that nothing useless is kept. */
static bool check_anchors(struct task *t, const char *name, const struct bytes_list *anchors)
{
    const struct cert **items = arena_array(t->arena, anchors->count, sizeof(struct cert *));
    const struct cert_list certs = {items, anchors->count};
    const struct anchors *ignored;
    for (size_t i = 0; i < anchors->count; i++) {
        if (!cert_parse(t, anchors->items[i], &items[i]))
            return fail(t, E_INVALID, "%s[%zu]: no certificate in DER: %s", name, i, t->detail);
    }
    if (!anchors_make(t, &certs, &ignored))
        return fail(t, E_INVALID, "%s: %s", name, t->detail);
    return true;
}

/* ---- The way to its MASA ---- */

/* What can stand in a field of a header, and does not end a user name (RFC 7617 2). */
static bool check_word(struct task *t, const char *name, const char *word, bool may_have_colon)
{
    for (const char *c = word; c != NULL && *c != '\0'; c++)
        ENSURE(t, (unsigned char)*c >= 0x20 && *c != 0x7F && (may_have_colon || *c != ':'),
               E_INVALID, "%s: has control characters%s in it", name,
               may_have_colon ? "" : " or a colon");
    return true;
}

static bool check_pair(struct task *t, const char *user_name, const char *user,
                       const char *password_name, const char *password)
{
    TRY(check_word(t, user_name, user, false));
    TRY(check_word(t, password_name, password, true));
    ENSURE(t, user == NULL || password != NULL, E_INVALID, "%s: goes with %s", user_name,
           password_name);
    ENSURE(t, password == NULL || user != NULL, E_INVALID, "%s: goes with %s", password_name,
           user_name);
    return true;
}

static bool check_proxy(struct task *t, const struct manufacturer *m)
{
    bool none = m->proxy == NULL || strcmp(m->proxy, PROXY_NONE) == 0;
    if (!none && !http_proxy_check(t, m->proxy))
        return fail_context(t, "proxy");
    ENSURE(t, m->proxy_user == NULL || !none, E_INVALID, "proxy-user: there is no proxy");
    return true;
}

static bool check_masa(struct task *t, const struct manufacturer *m)
{
    const char *base;
    if (m->masa_url != NULL && !masa_base_url(t, m->masa_url, &base))
        return fail_context(t, "masa-url");
    for (size_t i = 0; i < m->masa_networks.count; i++) {
        if (!network_check(t, m->masa_networks.items[i]))
            return fail_context(t, "masa-networks[%zu]", i);
    }
    return check_proxy(t, m);
}

bool manufacturer_check(struct task *t, const struct manufacturer *m)
{
    const struct serial_rule rule = maker_serial_rule(m);
    ENSURE(t, m->idevid_anchors.count > 0, E_INVALID,
           "idevid-anchors: at least one is needed, or no device would be believed");
    TRY(check_anchors(t, "idevid-anchors", &m->idevid_anchors));
    TRY(check_anchors(t, "masa-anchors", &m->masa_anchors));
    TRY(check_anchors(t, "voucher-anchors", &m->voucher_anchors));
    TRY(check_masa(t, m));
    for (size_t i = 0; i < m->allowed_domain_ids.count; i++)
        ENSURE(t, m->allowed_domain_ids.items[i].len > 0, E_INVALID,
               "allowed-domain-ids[%zu]: is empty", i);
    if (!serial_rule_check(t, &rule))
        return fail_context(t, "serial-pattern");
    if (!allowances_check(t, &m->allow))
        return fail_context(t, "allow");
    return true;
}

bool manufacturer_check_secrets(struct task *t, const struct manufacturer *m)
{
    bool logs_in =
        m->masa_authentication == MASA_BY_BASIC || m->masa_authentication == MASA_BY_DIGEST;
    TRY(check_pair(t, "masa-user", m->masa_user, "masa-password", m->masa_password));
    TRY(check_pair(t, "proxy-user", m->proxy_user, "proxy-password", m->proxy_password));
    ENSURE(t, !logs_in || m->masa_user != NULL, E_INVALID,
           "masa-authentication: goes with masa-user and masa-password");
    return true;
}
