/*
 * Whose a device is: what the sales channel says, and transfers from one owner to another since.
 * Owners are known by their domainID (RFC 8995 5.8.2).
 *
 * Transfers are JSON lines in the state folder.  Another process may append to them while the MASA
 * runs: what came since is read before each answer.
 */
#ifndef GATEHOUSE_LAB_MASA_OWNERS_H
#define GATEHOUSE_LAB_MASA_OWNERS_H

#include "core/base/json.h"

#define MASA_TRANSFERS "transfers.jsonl"

struct masa_owners;

/*
 * `sales` (may be NULL): a file with lines "SERIAL DOMAINID"; blank lines and those that begin with
 * "#" do not count.  Lives as long as the arena.
 */
MUST_USE bool masa_owners_open(struct task *t, const char *folder, const char *sales,
                               struct masa_owners **ret);

struct masa_owner {
    bool recorded;
    struct bytes domain_id; /* absent, and recorded: it is nobody's, and the next one's who asks */
    int64_t since;          /* wall-clock ms of the transfer; 0: the sale */
};
/* What is on the record now.  Safe for many threads. */
MUST_USE bool masa_owner_of(struct task *t, struct masa_owners *owners, const char *serial,
                            struct masa_owner *ret);

/* From now on the device is that domain's; absent: nobody's.  On the disk when it returns. */
MUST_USE bool masa_transfer(struct task *t, const char *folder, const char *serial,
                            struct bytes domain_id);

#endif
