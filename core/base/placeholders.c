#include "core/base/placeholders.h"

#include <string.h>

static bool is_word(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || c == '-';
}

/* The next place at or behind `from`: its "{" and the word in it; absent: there is none. */
static struct bytes find_place(struct bytes text, size_t from, size_t *ret_at)
{
    for (size_t at = from; at < text.len; at++) {
        size_t end = at + 1;
        if (text.data[at] != '{')
            continue;
        while (end < text.len && is_word(text.data[end]))
            end++;
        if (end < text.len && text.data[end] == '}' && end > at + 1) {
            *ret_at = at;
            return bytes_make(text.data + at + 1, end - at - 1);
        }
    }
    return BYTES_ABSENT;
}

bool placeholders_check(struct task *t, struct bytes text, const char *const *known)
{
    size_t at = 0;
    struct bytes word;
    for (; bytes_present(word = find_place(text, at, &at)); at++) {
        const char *all = "";
        bool found = false;
        for (size_t i = 0; known[i] != NULL && !found; i++) {
            found = bytes_equal(word, bytes_of_text(known[i]));
            all = arena_printf(t->arena, "%s%s{%s}", all, i == 0 ? "" : ", ", known[i]);
        }
        ENSURE(t, found, E_INVALID, "{%s} stands for nothing; what does: %s",
               bytes_to_printable(t->arena, word, 40), all);
    }
    return true;
}

static bool is_harmless(const char *value)
{
    static const char signs[] = " .-_:/+@=,";
    for (const char *c = value; *c != '\0'; c++) {
        bool plain = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
                     (*c >= '0' && *c <= '9') || strchr(signs, *c) != NULL;
        if (!plain)
            return false;
    }
    return true;
}

static bool value_of(struct task *t, struct bytes word, const struct placeholder *values,
                     size_t count, struct bytes *ret)
{
    const char *name = bytes_to_printable(t->arena, word, 40);
    for (size_t i = 0; i < count; i++) {
        if (!bytes_equal(word, bytes_of_text(values[i].name)))
            continue;
        ENSURE(t, values[i].value != NULL, E_INVALID, "there is nothing to put for {%s}", name);
        ENSURE(t, is_harmless(values[i].value), E_INVALID, "{%s} is %s, which is not put into text",
               name, values[i].value);
        *ret = bytes_of_text(values[i].value);
        return true;
    }
    return fail(t, E_INVALID, "{%s} stands for nothing", name);
}

/* How long the filled text is; with `out`, also the text. */
static bool fill(struct task *t, struct bytes text, const struct placeholder *values, size_t count,
                 uint8_t *out, size_t *ret_len)
{
    size_t from = 0;
    size_t len = 0;
    for (;;) {
        size_t at = text.len;
        struct bytes value = BYTES_ABSENT;
        struct bytes word = find_place(text, from, &at);
        if (bytes_present(word))
            TRY(value_of(t, word, values, count, &value));
        if (out != NULL && at > from)
            memcpy(out + len, text.data + from, at - from);
        len += at - from;
        if (out != NULL && value.len > 0)
            memcpy(out + len, value.data, value.len);
        len += value.len;
        if (!bytes_present(word))
            break;
        from = at + word.len + 2;
    }
    *ret_len = len;
    return true;
}

bool placeholders_fill(struct task *t, struct bytes text, const struct placeholder *values,
                       size_t count, size_t most, struct bytes *ret)
{
    size_t len;
    TRY(fill(t, text, values, count, NULL, &len));
    ENSURE(t, len <= most, E_TOO_LARGE, "the filled text has %zu octets, %zu are allowed", len,
           most);
    uint8_t *out = arena_alloc(t->arena, len + 1);
    TRY(fill(t, text, values, count, out, &len));
    *ret = bytes_make(out, len);
    return true;
}
