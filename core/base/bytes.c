#include "core/base/bytes.h"

#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>
#include <sodium.h>

struct bytes bytes_make(const void *data, size_t len)
{
    return (struct bytes){data, len};
}

struct bytes bytes_of_text(const char *text)
{
    return text == NULL ? BYTES_ABSENT : bytes_make(text, strlen(text));
}

bool bytes_present(struct bytes b)
{
    return b.data != NULL;
}

bool bytes_equal(struct bytes a, struct bytes b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

bool bytes_equal_secret(struct bytes a, struct bytes b)
{
    return a.len == b.len && (a.len == 0 || sodium_memcmp(a.data, b.data, a.len) == 0);
}

bool bytes_start_with(struct bytes b, struct bytes prefix)
{
    return b.len >= prefix.len && (prefix.len == 0 || memcmp(b.data, prefix.data, prefix.len) == 0);
}

int bytes_compare(struct bytes a, struct bytes b)
{
    size_t common = a.len < b.len ? a.len : b.len;
    int order = common == 0 ? 0 : memcmp(a.data, b.data, common);
    if (order != 0)
        return order;
    return a.len < b.len ? -1 : a.len > b.len;
}

struct bytes bytes_copy(struct arena *arena, struct bytes b)
{
    if (b.data == NULL)
        return BYTES_ABSENT;
    return bytes_concat(arena, &b, 1);
}

struct bytes bytes_concat(struct arena *arena, const struct bytes *parts, size_t count)
{
    size_t len = 0;
    for (size_t i = 0; i < count; i++)
        len += parts[i].len;
    uint8_t *data = arena_alloc(arena, len);
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        if (parts[i].len > 0)
            memcpy(data + at, parts[i].data, parts[i].len);
        at += parts[i].len;
    }
    return bytes_make(data, len);
}

char *bytes_to_text(struct arena *arena, struct bytes b)
{
    if (b.len > 0 && memchr(b.data, 0, b.len) != NULL)
        return NULL;
    return arena_strndup(arena, b.len == 0 ? "" : (const char *)b.data, b.len);
}

/* How many octets follow a lead octet, and the least code point they may make (RFC 3629). */
static bool utf8_lead(uint8_t lead, size_t *ret_more, uint32_t *ret_least, uint32_t *ret_point)
{
    if (lead < 0x80) {
        *ret_more = 0, *ret_least = 1, *ret_point = lead;
    } else if (lead >= 0xC2 && lead <= 0xDF) {
        *ret_more = 1, *ret_least = 0x80, *ret_point = lead & 0x1FU;
    } else if (lead >= 0xE0 && lead <= 0xEF) {
        *ret_more = 2, *ret_least = 0x800, *ret_point = lead & 0x0FU;
    } else if (lead >= 0xF0 && lead <= 0xF4) {
        *ret_more = 3, *ret_least = 0x10000, *ret_point = lead & 0x07U;
    } else {
        return false;
    }
    return true;
}

/* ASCII, which most of it is, as far as it goes; NUL is none of it. */
static size_t ascii_end(struct bytes b, size_t from)
{
    while (from < b.len && b.data[from] - 1U < 0x7F)
        from++;
    return from;
}

bool bytes_are_utf8(struct bytes b)
{
    for (size_t i = ascii_end(b, 0); i < b.len; i = ascii_end(b, i)) {
        size_t more;
        uint32_t least;
        uint32_t point;
        if (!utf8_lead(b.data[i++], &more, &least, &point) || b.len - i < more)
            return false;
        for (; more > 0; more--, i++) {
            if ((b.data[i] & 0xC0) != 0x80)
                return false;
            point = point << 6 | (b.data[i] & 0x3FU);
        }
        if (point < least || point > 0x10FFFF || (point >= 0xD800 && point <= 0xDFFF))
            return false;
    }
    return true;
}

/* Octets of the character that `b` begins with; 0: of none. */
static size_t utf8_length(struct bytes b)
{
    for (size_t len = 1; len <= 4 && len <= b.len; len++) {
        if (bytes_are_utf8(bytes_make(b.data, len)))
            return len;
    }
    return 0;
}

/* C0 and C1 controls, line and paragraph separators, and what turns the direction of writing. */
static bool is_control(struct bytes character)
{
    const uint8_t *c = character.data;
    if (character.len == 1)
        return c[0] < ' ' || c[0] == 0x7F;
    if (character.len == 2)
        return c[0] == 0xC2 && c[1] < 0xA0;
    if (character.len != 3 || c[0] != 0xE2)
        return false;
    return (c[1] == 0x80 && (c[2] == 0x8E || c[2] == 0x8F || (c[2] >= 0xA8 && c[2] <= 0xAE))) ||
           (c[1] == 0x81 && c[2] >= 0xA6 && c[2] <= 0xA9);
}

char *bytes_to_printable(struct arena *arena, struct bytes b, size_t max)
{
    char *text = arena_alloc(arena, (b.len < max ? b.len : max) + 1);
    size_t len = 0;
    for (size_t i = 0; i < b.len;) {
        size_t length = utf8_length(bytes_make(b.data + i, b.len - i));
        struct bytes character = bytes_make(b.data + i, length);
        bool shown = length > 0 && !is_control(character);
        size_t needed = shown ? length : 1;
        if (needed > max - len)
            break;
        if (shown)
            memcpy(text + len, character.data, length);
        else
            text[len] = '?';
        len += needed;
        i += length > 0 ? length : 1;
    }
    return text;
}

char *text_to_lower(struct arena *arena, const char *text)
{
    char *lower = arena_strdup(arena, text);
    for (char *c = lower; *c != '\0'; c++) {
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c - 'A' + 'a');
    }
    return lower;
}

char *bytes_to_hex(struct arena *arena, struct bytes b)
{
    char *text = arena_alloc(arena, b.len * 2 + 1);
    return sodium_bin2hex(text, b.len * 2 + 1, b.data, b.len);
}

char *bytes_to_url(struct arena *arena, struct bytes b)
{
    static const char unreserved[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";
    char *escaped = arena_alloc(arena, b.len * 3 + 1);
    char *at = escaped;
    for (size_t i = 0; i < b.len; i++) {
        if (b.data[i] != '\0' && strchr(unreserved, b.data[i]) != NULL)
            *at++ = (char)b.data[i];
        else
            at += snprintf(at, sizeof("%00"), "%%%02X", (unsigned)b.data[i]);
    }
    return escaped;
}

bool bytes_from_hex(struct arena *arena, const char *text, struct bytes *ret)
{
    size_t len = strlen(text);
    uint8_t *data = arena_alloc(arena, len / 2 + 1);
    size_t got;
    const char *end;
    if (sodium_hex2bin(data, len / 2 + 1, text, len, NULL, &got, &end) != 0 || *end != '\0')
        return false;
    *ret = bytes_make(data, got);
    return true;
}

static char *encode_base64(struct arena *arena, struct bytes b, int variant)
{
    size_t room = sodium_base64_encoded_len(b.len, variant);
    return sodium_bin2base64(arena_alloc(arena, room), room, b.data, b.len, variant);
}

char *bytes_to_base64(struct arena *arena, struct bytes b)
{
    return encode_base64(arena, b, sodium_base64_VARIANT_ORIGINAL);
}

char *bytes_to_base64url(struct arena *arena, struct bytes b)
{
    return encode_base64(arena, b, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

/* The characters that count, in the standard alphabet, without blanks and trailing padding. */
static size_t tidy_base64(struct bytes text, char *tidy)
{
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = (char)text.data[i];
        if (c == '\r' || c == '\n' || c == ' ' || c == '\t')
            continue;
        tidy[len++] = (char)(c == '-' ? '+' : c == '_' ? '/' : c);
    }
    for (int padding = 0; padding < 2 && len > 0 && tidy[len - 1] == '='; padding++)
        len--;
    return len;
}

bool bytes_from_base64(struct arena *arena, struct bytes text, struct bytes *ret)
{
    char *tidy = arena_alloc(arena, text.len + 1);
    size_t len = tidy_base64(text, tidy);
    uint8_t *data = arena_alloc(arena, len / 4 * 3 + 3);
    size_t got;
    const char *end;
    if (sodium_base642bin(data, len / 4 * 3 + 3, tidy, len, NULL, &got, &end,
                          sodium_base64_VARIANT_ORIGINAL_NO_PADDING) != 0 ||
        end != tidy + len)
        return false;
    *ret = bytes_make(data, got);
    return true;
}

struct bytes bytes_without_armour(struct bytes text)
{
    const struct bytes begin = BYTES_LITERAL("-----BEGIN ");
    const struct bytes dashes = BYTES_LITERAL("-----");
    const uint8_t *end = text.data + text.len;
    const uint8_t *at = NULL;
    const uint8_t *from = NULL;
    const uint8_t *to = NULL;
    if (text.len > 0)
        at = memmem(text.data, text.len, begin.data, begin.len);
    if (at != NULL)
        from = memmem(at + begin.len, (size_t)(end - at) - begin.len, dashes.data, dashes.len);
    if (from != NULL) {
        from += dashes.len;
        to = memmem(from, (size_t)(end - from), dashes.data, dashes.len);
    }
    return to == NULL ? text : bytes_make(from, (size_t)(to - from));
}

struct bytes bytes_sha256(struct arena *arena, struct bytes b)
{
    uint8_t *digest = arena_alloc(arena, SHA256_LEN);
    if (EVP_Digest(b.len == 0 ? (const void *)"" : b.data, b.len, digest, NULL, EVP_sha256(),
                   NULL) != 1)
        abort();
    return bytes_make(digest, SHA256_LEN);
}

struct bytes bytes_random(struct arena *arena, size_t count)
{
    uint8_t *data = arena_alloc(arena, count);
    randombytes_buf(data, count);
    return bytes_make(data, count);
}
