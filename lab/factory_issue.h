/* Keys and certificates as a factory makes them; for the factory's own files. */
#ifndef GATEHOUSE_LAB_FACTORY_ISSUE_H
#define GATEHOUSE_LAB_FACTORY_ISSUE_H

#include "lab/factory.h"

/* IEEE 802.1AR 8.7: IDevIDs do not end, so what they lead to does not either. */
#define FACTORY_FOREVER "9999-12-31T23:59:59Z"

/* One certificate to be made, with a new key. */
struct factory_item {
    const char *common_name;
    const char *serial; /* serialNumber of the subject; NULL: none */
    unsigned key;       /* enum factory_key */
    bool ca;            /* self-signed; otherwise the factory's CA signs */
    int64_t valid_from;
    int64_t valid_to;
    struct extension_list extensions;
    const char *path; /* PATH.pem and PATH.key are written */
};
MUST_USE bool factory_issue(struct task *t, const struct factory *factory,
                            const struct factory_item *item, const struct cert **ret,
                            EVP_PKEY **ret_key);

/* Each adds one extension; `list->items` has room. */
MUST_USE bool add_key_usage(struct task *t, struct extension_list *list,
                            const struct text_list *names);
MUST_USE bool add_ext_key_usage(struct task *t, struct extension_list *list, const char *name);
MUST_USE bool add_dns_name(struct task *t, struct extension_list *list, const char *name);
/* id-pe-masa-url, not critical, an IA5String (RFC 8995 2.3.2). */
MUST_USE bool add_masa_url(struct task *t, struct extension_list *list, const char *url);

/* RFC 3339 text that a constant has. */
MUST_USE bool factory_time(struct task *t, const char *text, int64_t *ret);

#endif
