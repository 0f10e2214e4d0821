/*
 * Octets with a length, and their text forms.
 *
 * `struct bytes` borrows: it never owns what it points to.  Functions that make new octets take an
 * arena, and the result lives as long as the arena does.
 */
#ifndef GATEHOUSE_CORE_BASE_BYTES_H
#define GATEHOUSE_CORE_BASE_BYTES_H

#include "core/base/arena.h"
#include "core/base/compiler.h"

struct bytes {
    const uint8_t *data; /* NULL only when there is nothing at all ("absent") */
    size_t len;
};

#define BYTES_ABSENT ((struct bytes){NULL, 0})
/* A string literal without its terminator. */
#define BYTES_LITERAL(text) ((struct bytes){(const uint8_t *)("" text), sizeof(text) - 1})
/* A true array of octets. */
#define BYTES_ARRAY(array) ((struct bytes){(array), sizeof(array)})

struct bytes_list {
    struct bytes *items;
    size_t count;
};

struct text_list {
    const char **items;
    size_t count;
};

struct bytes bytes_make(const void *data, size_t len);
/* The characters of `text` without the terminator; absent when `text` is NULL. */
struct bytes bytes_of_text(const char *text);
bool bytes_present(struct bytes b);
/* Absent and empty are equal.  Not for secrets. */
bool bytes_equal(struct bytes a, struct bytes b);
/* Takes the same time whatever the contents; the lengths are not secret. */
bool bytes_equal_secret(struct bytes a, struct bytes b);
bool bytes_start_with(struct bytes b, struct bytes prefix);
/* As memcmp over the common part, then the shorter first. */
int bytes_compare(struct bytes a, struct bytes b);

struct bytes bytes_copy(struct arena *arena, struct bytes b);
struct bytes bytes_concat(struct arena *arena, const struct bytes *parts, size_t count);
/* NUL-terminated copy.  NULL when `b` contains a NUL: such octets are no text. */
char *bytes_to_text(struct arena *arena, struct bytes b);
/* True when `b` is well-formed UTF-8 (RFC 3629) without NUL. */
bool bytes_are_utf8(struct bytes b);
/*
 * Foreign text for people to read: at most `max` octets of it, cut between characters.  Bad UTF-8
 * and what could move a cursor, end a line or turn the direction of writing becomes "?".
 */
char *bytes_to_printable(struct arena *arena, struct bytes b, size_t max);

/* A copy with the letters of ASCII in lower case, whatever the locale; other octets stay. */
char *text_to_lower(struct arena *arena, const char *text);

/* Lower-case hexadecimal. */
char *bytes_to_hex(struct arena *arena, struct bytes b);
/* False when the text is not pairs of hexadecimal digits; either case is read. */
MUST_USE bool bytes_from_hex(struct arena *arena, const char *text, struct bytes *ret);

/* As a segment of a URL in which nothing has a meaning of its own (RFC 3986 2.1, 2.3). */
char *bytes_to_url(struct arena *arena, struct bytes b);

/* RFC 4648 section 4, padded, no line breaks. */
char *bytes_to_base64(struct arena *arena, struct bytes b);
/* RFC 4648 section 5 without padding. */
char *bytes_to_base64url(struct arena *arena, struct bytes b);
/*
 * Reads base64 as peers really send it: either alphabet, padding or none, CR, LF, space and tab
 * anywhere (RFC 8951 section 3).  False on any other character or on stray bits.
 */
MUST_USE bool bytes_from_base64(struct arena *arena, struct bytes text, struct bytes *ret);

/*
 * What stands between the first "-----BEGIN ...-----" and the next "-----" (RFC 7468), borrowed;
 * all of the text where there is no such thing.
 */
struct bytes bytes_without_armour(struct bytes text);

#define SHA256_LEN 32
/* SHA-256 (FIPS 180-4) of `b`, in the arena. */
struct bytes bytes_sha256(struct arena *arena, struct bytes b);
/* `count` random octets from the system's generator. */
struct bytes bytes_random(struct arena *arena, size_t count);

#endif
