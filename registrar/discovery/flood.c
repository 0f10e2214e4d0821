#include "registrar/discovery/flood.h"

#include "core/base/cbor.h"

#include <netinet/in.h>
#include <string.h>

/* RFC 8990 2.8 and 2.9. */
enum {
    M_FLOOD = 9,
    O_IPV6_LOCATOR = 103,
    F_SYNCH = 1 << 2,
};
#define LOOP_COUNT_MAX 255

/* RFC 8995 4.3: the name that IANA has registered, and this value. */
#define OBJECTIVE     "AN_join_registrar"
#define VALUE_DEFAULT "EST-TLS"

/* DNS-SD has it in small letters. */
static const char *value_of(const char *variation)
{
    return strcmp(variation, "est-tls") == 0 ? VALUE_DEFAULT : variation;
}

static void write_objective(struct cbor_writer *w, const struct flood *flood, const char *variation)
{
    cbor_write_array(w, 2);
    cbor_write_array(w, 4);
    cbor_write_text(w, OBJECTIVE);
    cbor_write_uint(w, F_SYNCH);
    cbor_write_uint(w, LOOP_COUNT_MAX);
    cbor_write_text(w, value_of(variation));
    cbor_write_array(w, 4);
    cbor_write_uint(w, O_IPV6_LOCATOR);
    cbor_write_octets(w, BYTES_ARRAY(flood->address));
    cbor_write_uint(w, IPPROTO_TCP);
    cbor_write_uint(w, flood->port);
}

struct bytes flood_encode(struct arena *arena, const struct flood *flood)
{
    struct cbor_writer w = cbor_writer_make(arena);
    cbor_write_array(&w, 4 + flood->variations.count);
    cbor_write_uint(&w, M_FLOOD);
    cbor_write_uint(&w, flood->session);
    cbor_write_octets(&w, BYTES_ARRAY(flood->address));
    cbor_write_uint(&w, (uint64_t)flood->ttl);
    for (size_t i = 0; i < flood->variations.count; i++)
        write_objective(&w, flood, flood->variations.items[i]);
    return cbor_written(&w);
}
