/* The node file's items that lead elsewhere: judged before anything is opened. */
#include "registrar/house.h"

#include "core/base/file.h"
#include "core/pki/weak_key_list.h"
#include "registrar/reduced_security.h"

#include <string.h>

#define PROXY_LOGIN_MAX 1024 /* octets of a user name and password */

static bool read_weak_keys(struct task *t, const struct text_list *files,
                           const struct weak_key_list **ret)
{
    const struct weak_key_list *all = NULL;
    for (size_t i = 0; i < files->count; i++) {
        const char *file = files->items[i];
        const struct weak_key_list *list;
        struct bytes text;
        if (!file_read(t, file, WEAK_KEY_LIST_SIZE_MAX, &text))
            return fail_context(t, "weak-key-lists[%zu]", i);
        if (!weak_key_list_read(t, text, &list))
            return fail_context(t, "weak-key-lists[%zu]: %s", i, file);
        all = all == NULL ? list : weak_key_list_join(t, all, list);
    }
    *ret = all;
    return true;
}

/* "user:password" in a file of its own: neither is in the node file, or in anybody's arguments. */
static bool read_login(struct task *t, const char *file, struct http_proxy *proxy)
{
    struct bytes login;
    TRY(file_read_secret(t, file, PROXY_LOGIN_MAX, &login));
    char *text = arena_secret(t->arena, login.len + 1);
    memcpy(text, login.data, login.len);
    char *colon = strchr(text, ':');
    ENSURE(t, colon != NULL && strlen(text) == login.len, E_CONFIG, "%s: no USER:PASSWORD", file);
    *colon = '\0';
    proxy->user = text;
    proxy->password = colon + 1;
    return true;
}

bool house_check_node(struct task *t, struct house *house)
{
    const struct node_outgoing *outgoing = &house->node.outgoing;
    struct http_proxy proxy = {.url = outgoing->proxy};
    const struct weak_key_list *weak_keys;
    TRY(reduced_security_check(t, &house->node.reduced_security));
    TRY(read_weak_keys(t, &house->node.weak_key_lists, &weak_keys));
    if (outgoing->proxy_login_file != NULL && !read_login(t, outgoing->proxy_login_file, &proxy))
        return fail_context(t, "outgoing.proxy-login-file");
    house->weak_keys = weak_keys;
    house->proxy = proxy;
    return true;
}
