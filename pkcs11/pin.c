#include "pkcs11/pin.h"

#include "core/base/file.h"
#include "pkcs11/keystore.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

bool pin_path(struct task *t, const char *pin_file, const char **ret)
{
    if (pin_file != NULL) {
        *ret = arena_strdup(t->arena, pin_file);
        return true;
    }
    const char *credentials = getenv("CREDENTIALS_DIRECTORY"); /* NOLINT(concurrency-mt-unsafe) */
    ENSURE(t, credentials != NULL, E_TOKEN_PIN,
           "no PIN file is named and there is no systemd credential %s", PIN_CREDENTIAL);
    *ret = arena_printf(t->arena, "%s/%s", credentials, PIN_CREDENTIAL);
    return true;
}

bool pin_read(struct task *t, const char *path, const char **ret)
{
    struct bytes content;
    TRY(file_read_secret(t, path, PIN_MAX, &content));
    ENSURE(t, content.len > 0, E_TOKEN_PIN, "%s is empty", path);
    ENSURE(t, memchr(content.data, '\0', content.len) == NULL, E_TOKEN_PIN, "NUL in %s", path);
    char *pin = arena_secret(t->arena, content.len + 1);
    memcpy(pin, content.data, content.len);
    *ret = pin;
    return true;
}

const char *pin_make(struct arena *arena, size_t len)
{
    char *pin = arena_secret(arena, len + 1);
    for (size_t i = 0; i < len; i++)
        pin[i] = (char)('0' + randombytes_uniform(10));
    return pin;
}

/* ---- The refused PIN ---- */

static const char *marker_path(struct task *t, const char *state)
{
    return arena_printf(t->arena, "%s/refused-pin", state);
}

/* What is hashed: the token's label belongs to it, since another token may have the same PIN. */
static const char *marked_text(struct task *t, const char *token, const char *pin)
{
    size_t size = strlen(token) + 1 + strlen(pin) + 1;
    char *text = arena_secret(t->arena, size);
    (void)snprintf(text, size, "%s\n%s", token, pin);
    return text;
}

static bool marker_exists(struct task *t, const char *path, bool *ret)
{
    *ret = access(path, F_OK) == 0;
    if (*ret || errno == ENOENT)
        return true;
    return fail_errno(t, E_IO, errno, "cannot look for %s", path);
}

bool pin_not_refused(struct task *t, const char *state, const char *token, const char *pin)
{
    const char *path = marker_path(t, state);
    bool exists;
    struct bytes hash;
    /* What could not be noted if it went wrong is not tried. */
    if (access(state, W_OK | X_OK) != 0)
        return fail_errno(t, E_IO, errno, "cannot write in %s", state);
    TRY(marker_exists(t, path, &exists));
    if (!exists)
        return true;
    TRY(file_read(t, path, crypto_pwhash_STRBYTES, &hash));
    const char *text = bytes_to_text(t->arena, hash);
    ENSURE(t, text != NULL && strncmp(text, crypto_pwhash_STRPREFIX, 10) == 0, E_TOKEN_PIN,
           "%s cannot be read; remove it when you are sure of the PIN", path);
    const char *marked = marked_text(t, token, pin);
    errno = 0;
    ENSURE(t, crypto_pwhash_str_verify(text, marked, strlen(marked)) != 0, E_TOKEN_PIN,
           "token %s refused this PIN before; if it is right after all, remove %s", token, path);
    /* EINVAL: another PIN.  Anything else, such as no memory for the hash, proves nothing. */
    return errno == EINVAL || fail_errno(t, E_IO, errno, "cannot compare the PIN with %s", path);
}

bool pin_note_refused(struct task *t, const char *state, const char *token, const char *pin)
{
    char hash[crypto_pwhash_STRBYTES];
    const char *marked = marked_text(t, token, pin);
    ENSURE(t,
           crypto_pwhash_str(hash, marked, strlen(marked), crypto_pwhash_OPSLIMIT_INTERACTIVE,
                             crypto_pwhash_MEMLIMIT_INTERACTIVE) == 0,
           E_INTERNAL, "no memory to hash the PIN");
    return file_write(t, marker_path(t, state), bytes_of_text(hash), 0600);
}

bool pin_forget_refused(struct task *t, const char *state)
{
    const char *path = marker_path(t, state);
    if (unlink(path) != 0 && errno != ENOENT)
        return fail_errno(t, E_IO, errno, "cannot remove %s", path);
    return true;
}
