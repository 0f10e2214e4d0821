#include "web/ctl/members.h"

#include "core/base/file.h"
#include "core/pki/revocations.h"
#include "web/ctl/problems.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CERTIFICATES_FILE_MAX (1024UL * 1024)
#define CRL_FILE_MAX          (2 * CRL_SIZE_MAX)
#define SECRET_MAX            1024

bool member_set_text(struct task *t, json_t *object, const char *name, const char *text)
{
    if (text == NULL)
        return true;
    if (*text == '\0') {
        (void)json_object_del(object, name);
        return true;
    }
    json_t *value = json_string(text);
    ENSURE(t, value != NULL, E_CTL_USAGE, "the %s is not UTF-8", name);
    (void)json_object_set_new(object, name, value);
    return true;
}

bool member_set_number(struct task *t, json_t *object, const char *name, const char *text)
{
    char *end;
    if (text == NULL)
        return true;
    if (*text == '\0') {
        (void)json_object_del(object, name);
        return true;
    }
    errno = 0;
    long long number = strtoll(text, &end, 10);
    ENSURE(t, *end == '\0' && errno == 0 && number >= 0, E_CTL_USAGE,
           "--%s: must be a whole number", name);
    (void)json_object_set_new(object, name, json_integer(number));
    return true;
}

/* --name "": no such thing any more. */
static bool says_none(const struct text_list *values)
{
    return values->count == 1 && values->items[0][0] == '\0';
}

/* The empty list that takes the member's place. */
static json_t *put_list(json_t *object, const char *name)
{
    json_t *list = json_array();
    (void)json_object_set_new(object, name, list);
    return list;
}

bool member_set_texts(struct task *t, json_t *object, const char *name,
                      const struct text_list *texts)
{
    if (texts->count == 0)
        return true;
    json_t *list = put_list(object, name);
    if (says_none(texts))
        return true;
    for (size_t i = 0; i < texts->count; i++) {
        json_t *value = json_string(texts->items[i]);
        ENSURE(t, value != NULL, E_CTL_USAGE, "one of the %s is not UTF-8", name);
        (void)json_array_append_new(list, value);
    }
    return true;
}

static bool append_file(struct task *t, json_t *list, const char *file)
{
    struct bytes octets;
    struct cert_list certs;
    TRY(file_read(t, file, CERTIFICATES_FILE_MAX, &octets));
    if (!certs_from_file_octets(t, octets, &certs))
        return fail_context(t, "%s", file);
    for (size_t i = 0; i < certs.count; i++)
        (void)json_array_append_new(list,
                                    json_string(bytes_to_base64(t->arena, certs.items[i]->der)));
    return true;
}

bool member_set_certificates(struct task *t, json_t *object, const char *name,
                             const struct text_list *files)
{
    if (files->count == 0)
        return true;
    json_t *list = put_list(object, name);
    if (says_none(files))
        return true;
    for (size_t i = 0; i < files->count; i++)
        TRY(append_file(t, list, files->items[i]));
    return true;
}

bool member_set_bool(struct task *t, json_t *object, const char *name, const char *text)
{
    if (text == NULL)
        return true;
    bool yes = strcmp(text, "yes") == 0;
    ENSURE(t, yes || strcmp(text, "no") == 0, E_CTL_USAGE, "--%s: must be yes or no", name);
    (void)json_object_set_new(object, name, json_boolean(yes));
    return true;
}

bool member_set_secret(struct task *t, json_t *object, const char *name, const char *file)
{
    struct bytes secret;
    if (file == NULL)
        return true;
    if (*file == '\0') {
        (void)json_object_set_new(object, name, json_null());
        return true;
    }
    const char *path = strcmp(file, "-") == 0 ? "/dev/stdin" : file;
    TRY(file_read_secret(t, path, SECRET_MAX, &secret));
    json_t *value = json_stringn((const char *)secret.data, secret.len);
    ENSURE(t, value != NULL && secret.len > 0, E_CTL_USAGE, "%s: nothing in it, or not UTF-8",
           path);
    (void)json_object_set_new(object, name, value);
    return true;
}

bool member_set_crls(struct task *t, json_t *object, const char *name,
                     const struct text_list *files)
{
    json_t *list = put_list(object, name);
    for (size_t i = 0; i < files->count; i++) {
        struct bytes octets;
        struct bytes_list crls;
        TRY(file_read(t, files->items[i], CRL_FILE_MAX, &octets));
        if (!crls_from_file_octets(t, octets, &crls))
            return fail_context(t, "%s", files->items[i]);
        for (size_t k = 0; k < crls.count; k++)
            (void)json_array_append_new(list,
                                        json_string(bytes_to_base64(t->arena, crls.items[k])));
    }
    return true;
}

void members_keep_writable(json_t *object, const struct record_type *type)
{
    for (size_t i = 0; i < type->count; i++) {
        if ((type->fields[i].flags & FIELD_READ_ONLY) != 0)
            (void)json_object_del(object, type->fields[i].name);
    }
}
