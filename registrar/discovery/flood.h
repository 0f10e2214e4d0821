/* The GRASP message (RFC 8990 2.8.11) that says where the registrar is (RFC 8995 4.3). */
#ifndef GATEHOUSE_REGISTRAR_DISCOVERY_FLOOD_H
#define GATEHOUSE_REGISTRAR_DISCOVERY_FLOOD_H

#include "core/base/bytes.h"

#define GRASP_PORT        7017       /* RFC 8990 2.6 */
#define GRASP_GROUP       "ff02::13" /* ALL_GRASP_NEIGHBORS */
#define GRASP_HOPS        255        /* RFC 8990 2.5.2: what came from further away is dropped */
#define FLOOD_ADDRESS_LEN 16

struct flood {
    uint32_t session;                   /* random, a new one with each flood */
    uint8_t address[FLOOD_ADDRESS_LEN]; /* IPv6: who says it, and where the registrar is */
    unsigned port;                      /* TCP */
    int64_t ttl;                        /* ms that it holds */
    struct text_list variations; /* draft-ietf-anima-brski-discovery: one objective for each */
};

/* One M_FLOOD with AN_join_registrar; CBOR, in the arena. */
struct bytes flood_encode(struct arena *arena, const struct flood *flood);

#endif
