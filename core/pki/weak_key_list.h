/*
 * Lists of RSA keys that are known to the world, such as those that Debian's OpenSSL made between
 * 2006 and 2008 (CVE-2008-0166), in the format of the openssl-blacklist packages.
 */
#ifndef GATEHOUSE_CORE_PKI_WEAK_KEY_LIST_H
#define GATEHOUSE_CORE_PKI_WEAK_KEY_LIST_H

#include "core/pki/library.h"

#define WEAK_KEY_LIST_SIZE_MAX ((size_t)256 * 1024 * 1024) /* octets of one file */

struct weak_key_list;

/*
 * One key a line: the last 20 of the 40 hexadecimal digits of SHA-1 over the line that `openssl rsa
 * -noout -modulus` writes.  Empty lines, and those that begin with "#", say nothing.  In the task's
 * arena.  Fails with E_CONFIG and the number of the line.
 */
MUST_USE bool weak_key_list_read(struct task *t, struct bytes text,
                                 const struct weak_key_list **ret);
/* The keys of all of them; more are looked up no slower. */
const struct weak_key_list *weak_key_list_join(struct task *t, const struct weak_key_list *a,
                                               const struct weak_key_list *b);
size_t weak_key_list_count(const struct weak_key_list *list);
/* Keys of other kinds are on no list; `list` may be NULL. */
bool weak_key_listed(struct task *t, const struct weak_key_list *list, const EVP_PKEY *key);

#endif
