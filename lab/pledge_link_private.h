/* What the files of a pledge's connections share: pledge_link.c and pledge_judge.c. */
#ifndef GATEHOUSE_LAB_PLEDGE_LINK_PRIVATE_H
#define GATEHOUSE_LAB_PLEDGE_LINK_PRIVATE_H

#include "lab/pledge_link.h"

struct link {
    const struct link_maker *maker;
    struct link_options options;
    struct place place;
    SSL *ssl; /* NULL while there is no connection */
    int fd;
    int64_t deadline; /* of the handshake or answer at hand */
    struct cert_list chain;
    bool validated;
    unsigned handshakes;
    unsigned calls;    /* answered on this connection */
    struct task *task; /* of the call at hand, for the handshake's callback */
};

/* Stands in for libssl's own verification. */
int link_judge(X509_STORE_CTX *store, void *unused);

#endif
