/* Certificates by the names in them. */
#include "core/store/prefixes.h"
#include "core/store/records/certificate.h"

#include <string.h>

static const struct field fields[] = {
    FIELD(1, struct certificate_name, name, "name", FIELD_TEXT,
          .flags = FIELD_REQUIRED | FIELD_READ_ONLY, .max = CERTIFICATE_NAME_KEY_MAX,
          .help = "A name that the certificate has, in lower case."),
    FIELD(2, struct certificate_name, certificate, "certificate", FIELD_HEX,
          .flags = FIELD_REQUIRED | FIELD_READ_ONLY, .min = SHA256_LEN, .max = SHA256_LEN,
          .help = "SHA-256 of the certificate."),
};
const struct record_type certificate_name_type =
    RECORD_TYPE("certificate name", 1, struct certificate_name, fields);

static struct bytes key_of(struct arena *arena, const void *record)
{
    const struct certificate_name *name = record;
    const struct bytes parts[] = {bytes_of_text(name->name), BYTES_LITERAL("\0"),
                                  name->certificate};
    return bytes_concat(arena, parts, ARRAY_SIZE(parts));
}

const struct table certificate_names = {
    .prefix = PREFIX_CERTIFICATE_NAME,
    .type = &certificate_name_type,
    .key_of = key_of,
};

/* Cut between characters: a key is UTF-8 as any text in a record is. */
static size_t cut(const char *text)
{
    size_t len = strlen(text);
    if (len <= CERTIFICATE_NAME_KEY_MAX)
        return len;
    len = CERTIFICATE_NAME_KEY_MAX;
    while (len > 0 && ((unsigned char)text[len] & 0xC0U) == 0x80U)
        len--;
    return len;
}

const char *certificate_name_key(struct arena *arena, const char *text)
{
    return text_to_lower(arena, arena_strndup(arena, text, cut(text)));
}

/* What stands behind "CN=" in the subject, up to the next attribute; NULL: nothing does. */
static const char *common_name(struct task *t, const char *subject)
{
    const char *at = strncmp(subject, "CN=", 3) == 0 ? subject : strstr(subject, ",CN=");
    if (at == NULL)
        return NULL;
    at += *at == ',' ? 4 : 3;
    size_t len = 0;
    while (at[len] != '\0' && at[len] != ',' && at[len] != '+')
        len += at[len] == '\\' && at[len + 1] != '\0' ? 2 : 1;
    return arena_strndup(t->arena, at, len);
}

/* "DNS:phone1.example.com" is found without its type too. */
static const char *bare(const char *name)
{
    const char *colon = strchr(name, ':');
    return colon == NULL ? name : colon + 1;
}

typedef bool (*name_act)(struct task *t, const struct certificate_name *name, void *arg);

static bool with_name(struct task *t, const struct certificate *certificate, const char *text,
                      name_act act, void *arg)
{
    struct certificate_name name;
    record_init(t, &certificate_name_type, &name);
    name.name = certificate_name_key(t->arena, text);
    name.certificate = certificate->id;
    return *name.name == '\0' || act(t, &name, arg);
}

static bool with_names(struct task *t, const struct certificate *certificate, name_act act,
                       void *arg)
{
    if (certificate->subject != NULL) {
        const char *name = common_name(t, certificate->subject);
        TRY(with_name(t, certificate, certificate->subject, act, arg));
        if (name != NULL)
            TRY(with_name(t, certificate, name, act, arg));
    }
    for (size_t i = 0; i < certificate->names.count; i++)
        TRY(with_name(t, certificate, bare(certificate->names.items[i]), act, arg));
    return true;
}

static bool put_name(struct task *t, const struct certificate_name *name, void *arg)
{
    return table_put(t, arg, &certificate_names, name);
}

bool certificate_put(struct task *t, struct tx *tx, const struct certificate *certificate,
                     struct bytes der)
{
    TRY(table_put(t, tx, &certificates, certificate));
    TRY(blob_put(t, tx, &certificates, certificate->id, CERTIFICATE_BLOB_DER, der));
    return with_names(t, certificate, put_name, tx);
}

static bool delete_name(struct task *t, const struct certificate_name *name, void *arg)
{
    return table_delete(t, arg, &certificate_names, key_of(t->arena, name));
}

bool certificate_forget(struct task *t, struct tx *tx, struct bytes id)
{
    struct certificate certificate;
    TRY(table_get(t, tx_reader(tx), &certificates, id, &certificate));
    TRY(with_names(t, &certificate, delete_name, tx));
    certificate.subject = NULL;
    certificate.names.count = 0;
    TRY(blob_put(t, tx, &certificates, id, CERTIFICATE_BLOB_DER, BYTES_ABSENT));
    return table_put(t, tx, &certificates, &certificate);
}

/* ---- Which of its names comes first ---- */

struct earliest {
    const char *prefix;
    const char *name; /* NULL: none yet */
};

static bool take_earlier(struct task *t, const struct certificate_name *name, void *arg)
{
    struct earliest *earliest = arg;
    (void)t;
    if (strncmp(name->name, earliest->prefix, strlen(earliest->prefix)) == 0 &&
        (earliest->name == NULL || strcmp(name->name, earliest->name) < 0))
        earliest->name = name->name;
    return true;
}

bool certificate_first_name(struct task *t, const struct certificate *certificate,
                            const char *prefix, const char **ret)
{
    struct earliest earliest = {.prefix = prefix};
    TRY(with_names(t, certificate, take_earlier, &earliest));
    *ret = earliest.name;
    return true;
}
