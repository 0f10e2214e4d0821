#include "core/pki/weak_key_list.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>

#define ENTRY_LEN    10 /* octets: the lower half of SHA-1 */
#define SHA1_LEN     20
#define ENTRY_DIGITS ((size_t)2 * ENTRY_LEN)

struct weak_key_list {
    uint8_t (*entries)[ENTRY_LEN]; /* ascending */
    size_t count;
};

static int compare(const void *a, const void *b)
{
    return memcmp(a, b, ENTRY_LEN);
}

static int digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool read_entry(struct bytes line, uint8_t *ret)
{
    if (line.len != ENTRY_DIGITS)
        return false;
    for (size_t i = 0; i < ENTRY_LEN; i++) {
        int high = digit(line.data[2 * i]);
        int low = digit(line.data[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        ret[i] = (uint8_t)(high * 16 + low);
    }
    return true;
}

/* Takes the first line away from the text. */
static struct bytes next_line(struct bytes *text)
{
    const uint8_t *end = memchr(text->data, '\n', text->len);
    size_t len = end == NULL ? text->len : (size_t)(end - text->data);
    struct bytes line = bytes_make(text->data, len);
    size_t taken = end == NULL ? len : len + 1;
    *text = bytes_make(text->data + taken, text->len - taken);
    while (line.len > 0 && (line.data[line.len - 1] == '\r' || line.data[line.len - 1] == ' '))
        line.len--;
    return line;
}

bool weak_key_list_read(struct task *t, struct bytes text, const struct weak_key_list **ret)
{
    struct weak_key_list *list = arena_alloc(t->arena, sizeof(*list));
    list->entries = arena_array(t->arena, text.len / ENTRY_DIGITS + 1, ENTRY_LEN);
    for (size_t number = 1; text.len > 0; number++) {
        struct bytes line = next_line(&text);
        if (line.len == 0 || line.data[0] == '#')
            continue;
        ENSURE(t, read_entry(line, list->entries[list->count]), E_CONFIG,
               "line %zu is neither %zu hexadecimal digits nor a comment", number, ENTRY_DIGITS);
        list->count++;
    }
    qsort(list->entries, list->count, ENTRY_LEN, compare);
    *ret = list;
    return true;
}

const struct weak_key_list *weak_key_list_join(struct task *t, const struct weak_key_list *a,
                                               const struct weak_key_list *b)
{
    struct weak_key_list *list = arena_alloc(t->arena, sizeof(*list));
    list->count = a->count + b->count;
    list->entries = arena_array(t->arena, list->count, ENTRY_LEN);
    memcpy(list->entries, a->entries, a->count * ENTRY_LEN);
    memcpy(list->entries + a->count, b->entries, b->count * ENTRY_LEN);
    qsort(list->entries, list->count, ENTRY_LEN, compare);
    return list;
}

size_t weak_key_list_count(const struct weak_key_list *list)
{
    return list->count;
}

/* "Modulus=", the number in capital digits without a zero before them, and the end of the line. */
static bool digest_of(struct task *t, const EVP_PKEY *key, uint8_t *ret)
{
    BIGNUM *modulus = NULL;
    if (EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &modulus) != 1)
        return false;
    (void)IN_ARENA(t, BN_free, modulus);
    char *digits = BN_bn2hex(modulus);
    if (digits == NULL)
        return false;
    const char *line = arena_printf(t->arena, "Modulus=%s\n", digits + strspn(digits, "0"));
    OPENSSL_free(digits);
    return EVP_Digest(line, strlen(line), ret, NULL, EVP_sha1(), NULL) == 1;
}

bool weak_key_listed(struct task *t, const struct weak_key_list *list, const EVP_PKEY *key)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    if (list == NULL || list->count == 0 || !EVP_PKEY_is_a(key, "RSA") ||
        !digest_of(t, key, digest))
        return false;
    return bsearch(digest + SHA1_LEN - ENTRY_LEN, list->entries, list->count, ENTRY_LEN, compare) !=
           NULL;
}
