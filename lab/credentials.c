#include "lab/credentials.h"

#include "core/base/file.h"
#include "core/pki/csr.h"

#include <string.h>

#define SERIAL_FOLDER_MAX 128

bool credentials_read(struct task *t, const char *cert_path, const char *key_path,
                      struct credentials *ret)
{
    struct bytes octets;
    struct credentials found;
    TRY(file_read(t, cert_path, CREDENTIAL_FILE_MAX, &octets));
    if (!certs_from_file_octets(t, octets, &found.chain))
        return fail_context(t, "%s", cert_path);
    found.cert = found.chain.items[0];
    TRY(file_read_secret(t, key_path, CREDENTIAL_FILE_MAX, &octets));
    if (!key_from_file_octets(t, octets, &found.key))
        return fail_context(t, "%s", key_path);
    ENSURE(t, X509_check_private_key(found.cert->x509, found.key) == 1, E_INVALID,
           "the key in %s is not that of the certificate in %s (%s)", key_path, cert_path,
           crypto_error(t));
    *ret = found;
    return true;
}

bool credentials_write(struct task *t, const char *cert_path, const char *key_path,
                       const struct cert *cert, EVP_PKEY *key)
{
    TRY(file_write(t, key_path, bytes_of_text(key_to_pem(t, key)), 0600));
    return file_write(t, cert_path, bytes_of_text(cert_to_pem(t, cert)), 0644);
}

bool trust_read(struct task *t, const char *path, struct trust *ret)
{
    struct bytes octets;
    struct trust found;
    TRY(file_read(t, path, CREDENTIAL_FILE_MAX, &octets));
    if (!certs_from_file_octets(t, octets, &found.certs))
        return fail_context(t, "%s", path);
    TRY(anchors_make(t, &found.certs, &found.anchors));
    *ret = found;
    return true;
}

const char *path_in(struct task *t, const char *folder, const char *name)
{
    return arena_printf(t->arena, "%s/%s", folder, name);
}

bool serial_as_folder(struct task *t, const char *serial)
{
    size_t len = strlen(serial);
    ENSURE(t, len > 0 && len <= SERIAL_FOLDER_MAX, E_INVALID,
           "serial numbers that name folders have 1 to %d characters", SERIAL_FOLDER_MAX);
    ENSURE(t, serial[0] != '.', E_INVALID, "serial number %s: a folder cannot begin with \".\"",
           serial);
    for (size_t i = 0; i < len; i++)
        ENSURE(t, serial[i] >= ' ' && serial[i] < 0x7F && serial[i] != '/', E_INVALID,
               "serial number: the character at %zu cannot be in a folder's name", i + 1);
    return true;
}
