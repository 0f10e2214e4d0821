/* What can go wrong between HTTP peers. */
#ifndef GATEHOUSE_CORE_HTTP_PROBLEMS_H
#define GATEHOUSE_CORE_HTTP_PROBLEMS_H

#include "core/base/problem.h"

#define HTTP_PROBLEMS(X)                                                                           \
    X(E_HTTP_PATH, "no-such-resource", "not found",                                                \
      "The client asked for a path that does not exist here. Compare its configuration with the "  \
      "documentation.")                                                                            \
    X(E_HTTP_METHOD, "method", "method not allowed",                                               \
      "The client used another method than the resource has; the Allow header names them.")        \
    X(E_HTTP_MEDIA_TYPE, "media-type", "media type not understood",                                \
      "The body's Content-Type is not one that this resource reads.")                              \
    X(E_HTTP_ACCEPT, "not-acceptable", "nothing acceptable",                                       \
      "The client's Accept header names no form that can be given.")                               \
    X(E_AUTH_MALFORMED, "authorization-malformed", "authentication required",                      \
      "The client's Authorization field could not be read (RFC 7616, RFC 7617).")                  \
    X(E_HTTP_NO_REQUEST, "no-request", "request timeout",                                          \
      "A client connected and did not come to say what it wanted in time. A slow line may need "   \
      "larger limits.handshake and limits.header; many of these from one address are an attack "   \
      "or a probe, and harm nobody.")                                                              \
    X(E_HTTP_INCOMPLETE, "request-incomplete", "bad request",                                      \
      "The body of a request did not come whole; see the detail. If the line is slow, raise "      \
      "limits.body; otherwise look for what breaks the connection in between.")                    \
    X(E_PEER_URL, "peer-url", "bad gateway", "The URL cannot be used; see the detail.")            \
    X(E_PEER_UNRESOLVED, "peer-unresolved", "try again later",                                     \
      "The peer's name could not be resolved. Check the name in the detail, and the resolver.")    \
    X(E_RESOLVER_BUSY, "resolver-busy", "try again later",                                         \
      "So many name lookups have not ended that no more are begun: the resolver does not answer. " \
      "Check the resolvers of this machine and the way to them. It passes once they answer.")      \
    X(E_PEER_ADDRESS, "peer-address", "bad gateway",                                               \
      "The peer's name leads to a private, loopback or otherwise special address, and nothing "    \
      "allows that. If it is right, add the network to the manufacturer's masa-networks; a "       \
      "name that only a proxy knows has to be in its masa-url.")                                   \
    X(E_PEER_PROXY, "peer-proxy", "try again later",                                               \
      "The HTTP proxy on the way to the peer could not be used; the detail says why. Check the "   \
      "manufacturer's proxy, or outgoing.proxy in the node file, its user and password, and "      \
      "whether the proxy lets us through to that host and port.")                                  \
    X(E_PEER_UNREACHABLE, "peer-unreachable", "try again later",                                   \
      "No connection to the peer. Check that it is up and that a firewall lets us out.")           \
    X(E_PEER_TLS, "peer-tls", "bad gateway",                                                       \
      "The peer's TLS certificate was not accepted, or it did not accept ours. Check the anchors " \
      "configured for it against the certificate it shows.")                                       \
    X(E_PEER_TIMEOUT, "peer-timeout", "try again later",                                           \
      "The peer did not answer in time. It is tried again; if it stays so, ask its operator.")     \
    X(E_PEER_ANSWER, "peer-answer", "bad gateway",                                                 \
      "The peer's answer did not come, or broke off; see the detail.")                             \
    X(E_PEER_TOO_LARGE, "peer-answer-too-large", "bad gateway",                                    \
      "The peer's answer is larger than is read. If an answer of that size is right, raise "       \
      "outgoing.answer-size in the node file.")                                                    \
    X(E_PEER_NOT_HTTP, "peer-not-http", "bad gateway",                                             \
      "What came is no answer of HTTP. Check that host and port of the URL are those of the "      \
      "peer's HTTPS service.")
DECLARE_PROBLEMS(http_problems, HTTP_PROBLEMS)

#endif
