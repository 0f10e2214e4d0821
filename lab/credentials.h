/* Certificates and keys in files: what the lab's programs are given and what they leave. */
#ifndef GATEHOUSE_LAB_CREDENTIALS_H
#define GATEHOUSE_LAB_CREDENTIALS_H

#include "core/pki/chain.h"

#define CREDENTIAL_FILE_MAX ((size_t)256 * 1024)

/* A certificate, the chain that goes with it, and its key.  Lives as long as the arena. */
struct credentials {
    const struct cert *cert;
    struct cert_list chain; /* `cert` first, then what else its file held */
    EVP_PKEY *key;
};
/* The key's file may not be readable by everybody (E_DENIED); a foreign key fails: E_INVALID. */
MUST_USE bool credentials_read(struct task *t, const char *cert_path, const char *key_path,
                               struct credentials *ret);
/* The certificates world-readable, the key 0600; both written whole. */
MUST_USE bool credentials_write(struct task *t, const char *cert_path, const char *key_path,
                                const struct cert *cert, EVP_PKEY *key);

struct trust {
    struct cert_list certs;
    const struct anchors *anchors;
};
/* Every certificate of a PEM file as an anchor. */
MUST_USE bool trust_read(struct task *t, const char *path, struct trust *ret);

/* "DIR/NAME", in the arena. */
const char *path_in(struct task *t, const char *folder, const char *name);
/*
 * A serial number that can name a folder: not empty, no "/", no leading ".", printable.  Serial
 * numbers come from certificates, so nobody may climb out of the folder by one.
 */
MUST_USE bool serial_as_folder(struct task *t, const char *serial);

#endif
