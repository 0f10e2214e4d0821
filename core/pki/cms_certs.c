/*
 * A message taken apart into its certificates and the rest (RFC 5652 5.1).  libcrypto decodes the
 * public key of each certificate that it reads, which costs more than verifying a signature with
 * it; those that are at hand already need not be read again.
 */
#include "core/pki/der.h"
#include "core/pki/library.h"

/* Of SignedData: version, digestAlgorithms, encapContentInfo, certificates, crls, signerInfos. */
#define PARTS_MAX      6
#define PLACE_OF_CERTS 3

static bool list_certs(struct task *t, struct bytes set, struct bytes_list *ret)
{
    struct der_list found;
    TRY(der_elements(t, set, CERT_COUNT_MAX, E_CMS_MALFORMED, &found));
    struct bytes *items = arena_array(t->arena, found.count, sizeof(*items));
    for (size_t i = 0; i < found.count; i++) {
        /* RFC 5652 10.2.2: the other kinds have tags of their own. */
        ENSURE(t, der_is(&found.items[i], V_ASN1_SEQUENCE), E_CMS_MALFORMED,
               "a certificate that is not of X.509");
        items[i] = found.items[i].whole;
    }
    *ret = (struct bytes_list){items, found.count};
    return true;
}

bool cms_divide(struct task *t, struct bytes octets, struct bytes *ret_rest,
                struct bytes_list *ret_certs)
{
    struct der_list info;
    struct der_list parts;
    struct bytes kept[PARTS_MAX];
    size_t count = 0;
    TRY(der_in_sequence(t, octets, 2, E_CMS_MALFORMED, &info));
    ENSURE(t, info.count == 2 && der_is_tagged(&info.items[1], 0), E_CMS_MALFORMED,
           "no ContentInfo");
    TRY(der_in_sequence(t, info.items[1].content, PARTS_MAX, E_CMS_MALFORMED, &parts));
    ENSURE(t, parts.count > PLACE_OF_CERTS && der_is_tagged(&parts.items[PLACE_OF_CERTS], 0),
           E_CMS_MALFORMED, "no certificates");
    TRY(list_certs(t, parts.items[PLACE_OF_CERTS].content, ret_certs));
    for (size_t i = 0; i < parts.count; i++) {
        if (i != PLACE_OF_CERTS)
            kept[count++] = parts.items[i].whole;
    }
    const struct bytes signed_data = der_sequence(t, kept, count);
    const struct bytes whole[] = {info.items[0].whole, der_tagged(t, 0, &signed_data, 1)};
    *ret_rest = der_sequence(t, whole, ARRAY_SIZE(whole));
    return true;
}
