/*
 * Addresses and networks that are read mean the same when they are written and read again.
 *
 * Covers: core/http/address.c
 */
#include "tests/fuzz/support.h"

#include "core/http/address.h"

#include <string.h>

static void check_groups(const struct sockaddr *a, const struct sockaddr *b)
{
    struct address_group first = address_group(a);
    struct address_group second = address_group(b);
    MUST(memcmp(&first, &second, sizeof(first)) == 0);
}

static void check_address(struct task *t, const char *text)
{
    struct sockaddr_storage storage;
    struct sockaddr_storage storage_again;
    const struct sockaddr *address = (const struct sockaddr *)&storage;
    const struct sockaddr *again = (const struct sockaddr *)&storage_again;
    socklen_t len;
    if (!address_from_text(t, text, &storage, &len))
        return;
    const char *written = address_to_text(t->arena, address);
    MUST(address_from_text(t, written, &storage_again, &len));
    MUST(strcmp(address_to_text(t->arena, again), written) == 0);
    MUST(address_is_public(address) == address_is_public(again));
    check_groups(address, again);
    /* Everything is in one of the two networks that hold everything. */
    const char *all[] = {"0.0.0.0/0", "::/0"};
    struct text_list networks = {all, 2};
    MUST(address_in(address, &networks));
}

/* A network that passes the check can be asked, and one that does not holds nobody. */
static void check_network(struct task *t, const char *text)
{
    struct sockaddr_storage storage;
    socklen_t len;
    struct text_list networks = {&text, 1};
    bool good = network_check(t, text);
    MUST(address_from_text(t, "[2001:db8::1]:1", &storage, &len));
    MUST(!address_in((const struct sockaddr *)&storage, &networks) || good);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_cleanup) struct arena *arena = arena_create();
    struct task t = {.arena = arena};
    const char *text = bytes_to_text(arena, bytes_make(data, size));
    if (text == NULL)
        return 0;
    check_address(&t, text);
    check_network(&t, text);
    return 0;
}
