/* --out: everything that an attempt came by, for people and tests to look at. */
#include "core/base/file.h"
#include "core/pki/csr.h"
#include "lab/pledge.h"

struct saved {
    const char *name;
    struct bytes content;
    unsigned mode;
};

/* Absent content: there is nothing to save yet. */
static bool save(struct task *t, const char *folder, const struct saved *file)
{
    return !bytes_present(file->content) ||
           file_write(t, path_in(t, folder, file->name), file->content, file->mode);
}

static struct bytes certs_pem(struct task *t, const struct cert_list *certs)
{
    struct bytes *parts = arena_array(t->arena, certs->count, sizeof(*parts));
    for (size_t i = 0; i < certs->count; i++)
        parts[i] = bytes_of_text(cert_to_pem(t, certs->items[i]));
    return certs->count == 0 ? BYTES_ABSENT : bytes_concat(t->arena, parts, certs->count);
}

bool pledge_save(struct task *t, const struct pledge *p)
{
    const struct attempt *now = &p->now;
    const char *form = p->form->name;
    const struct cert *issued = now->ldevid;
    const struct cert_list ldevid = {.items = &issued, .count = issued == NULL ? 0 : 1};
    const struct saved files[] = {
        {arena_printf(t->arena, "voucher-request.%s", form), now->voucher_request, 0644},
        {arena_printf(t->arena, "voucher.%s", form), now->voucher, 0644},
        {"cacerts.pem", certs_pem(t, &now->cacerts), 0644},
        {"csrattrs.der", now->csrattrs, 0644},
        {"ldevid.key", bytes_of_text(now->key == NULL ? NULL : key_to_pem(t, now->key)), 0600},
        {"ldevid.pem", certs_pem(t, &ldevid), 0644},
        {"configuration", now->configured, 0600},
    };
    TRY(serial_as_folder(t, p->serial));
    const char *folder = path_in(t, p->world->settings.out, p->serial);
    TRY(folder_make(t, folder, 0755));
    for (size_t i = 0; i < ARRAY_SIZE(files); i++)
        TRY(save(t, folder, &files[i]));
    return true;
}
