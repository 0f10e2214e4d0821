/*
 * Requests that were read when they came, for the order that carries them out: reading one costs as
 * much as verifying two signatures, nearly all of it in libcrypto's decoding of the key.  They are
 * found by their very octets, so none is ever out of date.  One with a password is not kept.
 */
#ifndef GATEHOUSE_EST_CSR_SHELF_H
#define GATEHOUSE_EST_CSR_SHELF_H

#include "core/pki/csr.h"

#define CSR_SHELF_PLACES 64 /* the one that came first makes way */

struct csr_shelf;

/* May be used by many threads. */
struct csr_shelf *csr_shelf_make(void);
/* Nothing that was read from it may be in use.  Accepts NULL. */
void csr_shelf_free(struct csr_shelf *shelf);
/*
 * csr_parse(), or what it said of the same octets before; lives as long as the task's arena.
 * Nothing is verified.
 */
MUST_USE bool csr_shelf_read(struct task *t, struct csr_shelf *shelf, struct bytes der,
                             struct csr *ret);

#endif
