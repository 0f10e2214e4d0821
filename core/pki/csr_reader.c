/*
 * Requests read without libcrypto's search for a decoder of the key, which takes longer than
 * verifying the request: in a library context without providers there is none to be found, and the
 * key is made of what the request says of it (key_of_spki()).
 */
#include "core/pki/library.h"

#include <stdlib.h>

#include <openssl/asn1t.h>
#include <openssl/provider.h>

struct csr_reader {
    OSSL_LIB_CTX *blind;
    OSSL_PROVIDER *nothing; /* a context without any provider would take the default one */
};

struct csr_reader *csr_reader_make(void)
{
    struct csr_reader *reader = calloc(1, sizeof(*reader));
    if (reader == NULL || (reader->blind = OSSL_LIB_CTX_new()) == NULL ||
        (reader->nothing = OSSL_PROVIDER_load(reader->blind, "null")) == NULL)
        abort();
    return reader;
}

void csr_reader_free(struct csr_reader *reader)
{
    if (reader == NULL)
        return;
    (void)OSSL_PROVIDER_unload(reader->nothing);
    OSSL_LIB_CTX_free(reader->blind);
    free(reader);
}

X509_REQ *csr_decode(const struct csr_reader *reader, const unsigned char **at, long len)
{
    if (reader == NULL)
        return d2i_X509_REQ(NULL, at, len);
    return (X509_REQ *)ASN1_item_d2i_ex(NULL, at, len, ASN1_ITEM_rptr(X509_REQ), reader->blind,
                                        NULL);
}
