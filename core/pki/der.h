/*
 * DER taken apart element by element (X.690 8.1, 10.1), where the library has no type for what is
 * read, or where the octets themselves count.  Not for other rooms.
 */
#ifndef GATEHOUSE_CORE_PKI_DER_H
#define GATEHOUSE_CORE_PKI_DER_H

#include "core/pki/cert.h"

#include <openssl/asn1.h>

/* One element; everything is borrowed from what was read. */
struct der {
    int tag; /* V_ASN1_SEQUENCE, ...; of a context-specific one its number */
    bool contextual;
    bool constructed;
    struct bytes whole;
    struct bytes content;
};
struct der_list {
    struct der *items;
    size_t count;
};

/* A universal type; SEQUENCE and SET are constructed, the others are not. */
bool der_is(const struct der *element, int tag);
/* A context-specific tag, of whatever form. */
bool der_is_tagged(const struct der *element, int number);

/*
 * All of these fail with `kind`.  Lengths are definite and as short as can be, and numbers of tags
 * are below 31.
 */
MUST_USE bool der_elements(struct task *t, struct bytes octets, size_t most,
                           const struct problem_kind *kind, struct der_list *ret);
/* The one element that is all there is, of a universal type. */
MUST_USE bool der_only(struct task *t, struct bytes octets, int tag,
                       const struct problem_kind *kind, struct der *ret);
/* The elements in the one SEQUENCE that is all there is. */
MUST_USE bool der_in_sequence(struct task *t, struct bytes octets, size_t most,
                              const struct problem_kind *kind, struct der_list *ret);
/* An INTEGER from 0 to 2^32 - 1. */
MUST_USE bool der_number(struct task *t, const struct der *element, const struct problem_kind *kind,
                         uint32_t *ret);
/* Dotted. */
MUST_USE bool der_object(struct task *t, const struct der *element, const struct problem_kind *kind,
                         const char **ret);
/* The same element with a universal constructed tag in place of its implicit one (X.690 8.14.3). */
struct bytes der_retagged(struct task *t, const struct der *element, int tag);

#endif
