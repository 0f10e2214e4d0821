/* The items of the node file, group by group. */
#include "core/node/node.h"

#include "core/base/clock.h"

#define KIB 1024LL
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)
#define TIB (1024 * GIB)

#define PATH_MAX_LEN    4095
#define SOCKET_MAX_LEN  107 /* of a Unix socket's path: unix(7) */
#define LABEL_MAX_LEN   32  /* of a token: PKCS#11, CK_TOKEN_INFO */
#define THREADS_MAX     65536
#define DNS_LABEL_MAX   63
#define WEAK_LISTS_MAX  16
#define REDUCED_MAX     8
#define ADDRESS_MAX_LEN 45 /* INET6_ADDRSTRLEN without its end */

static const struct field listen_fields[] = {
    FIELD(1, struct node_listen, pledges, "pledges", FIELD_TEXTS, .flags = FIELD_REQUIRED, .min = 1,
          .max = 32, .preset = "0.0.0.0:8443, [::]:8443",
          .help = "Addresses and ports where pledges come in (HTTPS): numeric, IPv6 in brackets; "
                  "\":8443\" stands for every address."),
    FIELD(2, struct node_listen, admin, "admin", FIELD_TEXT, .flags = FIELD_REQUIRED,
          .max = SOCKET_MAX_LEN, .preset = "/run/gatehouse/admin.sock",
          .help = "Unix socket of the API that gatehousectl uses."),
};
static const struct record_type listen_type =
    RECORD_TYPE("listen", 1, struct node_listen, listen_fields);

static const struct field store_fields[] = {
    FIELD(1, struct node_store, path, "path", FIELD_TEXT, .flags = FIELD_REQUIRED,
          .max = PATH_MAX_LEN, .preset = "/var/lib/gatehouse/store",
          .help = "Folder of the store."),
    FIELD(2, struct node_store, size, "size", FIELD_SIZE, .min = 16 * MIB, .max = 16 * TIB,
          .preset = "64 GiB",
          .help = "Most that the store can hold. The file is sparse: disk is used as records "
                  "come."),
    FIELD(3, struct node_store, readers, "readers", FIELD_UINT, .min = 16, .max = THREADS_MAX,
          .preset = "2048",
          .help = "Most readers at once; at least as many as limits.requests and orders.runners "
                  "together."),
    FIELD(4, struct node_store, batch, "batch", FIELD_UINT, .min = 1, .max = 4096, .preset = "256",
          .help = "Most updates made durable with one sync of the disk."),
    FIELD(5, struct node_store, alarm_percent, "alarm-percent", FIELD_UINT, .min = 1, .max = 100,
          .preset = "80", .help = "An alarm is raised when the store is so full, in percent."),
    FIELD(6, struct node_store, gather, "gather", FIELD_DURATION, .max = SECOND_MS,
          .preset = "3 ms",
          .help = "How long a sync of the disk waits for more updates while several come at once. "
                  "An update that comes alone never waits."),
};
static const struct record_type store_type =
    RECORD_TYPE("store", 1, struct node_store, store_fields);

static const struct field token_fields[] = {
    FIELD(1, struct node_token, module, "module", FIELD_TEXT, .flags = FIELD_REQUIRED,
          .max = PATH_MAX_LEN, .preset = "/usr/lib/softhsm/libsofthsm2.so",
          .help = "The HSM's PKCS#11 library."),
    FIELD(2, struct node_token, label, "label", FIELD_TEXT, .flags = FIELD_REQUIRED,
          .max = LABEL_MAX_LEN, .preset = "gatehouse", .help = "Label of the token."),
    FIELD(3, struct node_token, pin_file, "pin-file", FIELD_TEXT, .max = PATH_MAX_LEN,
          .help = "File that holds the user PIN, for nobody else to read. Without it the systemd "
                  "credential token-pin is used."),
};
static const struct record_type token_type =
    RECORD_TYPE("token", 1, struct node_token, token_fields);

static const struct field limit_fields[] = {
    FIELD(1, struct node_limits, connections, "connections", FIELD_UINT, .min = 1,
          .max = THREADS_MAX, .preset = "4096",
          .help = "Most connections at once; each takes a thread."),
    FIELD(2, struct node_limits, connections_per_address, "connections-per-address", FIELD_UINT,
          .min = 1, .max = THREADS_MAX, .preset = "512",
          .help = "Most connections from one IPv4 address or IPv6 /64."),
    FIELD(3, struct node_limits, requests, "requests", FIELD_UINT, .min = 1, .max = THREADS_MAX,
          .preset = "1024", .help = "Most requests in work at once; others get 503."),
    FIELD(4, struct node_limits, handshake, "handshake", FIELD_DURATION, .min = SECOND_MS,
          .max = 10 * MINUTE_MS, .preset = "20 s", .help = "Longest TLS handshake."),
    FIELD(5, struct node_limits, header, "header", FIELD_DURATION, .min = SECOND_MS,
          .max = 10 * MINUTE_MS, .preset = "10 s",
          .help = "Longest time for the header of a request to arrive."),
    FIELD(6, struct node_limits, body, "body", FIELD_DURATION, .min = SECOND_MS,
          .max = 10 * MINUTE_MS, .preset = "20 s",
          .help = "Longest time for the body of a request to arrive."),
    FIELD(7, struct node_limits, idle, "idle", FIELD_DURATION, .min = SECOND_MS, .max = HOUR_MS,
          .preset = "90 s",
          .help = "How long a connection without a request is kept. Pledges that wait for an "
                  "order ask again after up to 60 s."),
    FIELD(8, struct node_limits, header_size, "header-size", FIELD_SIZE, .min = 4 * KIB,
          .max = 1 * MIB, .preset = "16 KiB", .help = "Largest header of a request."),
    FIELD(9, struct node_limits, pledge_wait, "pledge-wait", FIELD_DURATION, .max = 4 * SECOND_MS,
          .preset = "4 s",
          .help = "How long a request waits for its order before it is answered with 202. A "
                  "pledge gives up on a silent registrar after 5 s."),
    FIELD(10, struct node_limits, retry_after, "retry-after", FIELD_DURATION, .min = SECOND_MS,
          .max = MINUTE_MS, .preset = "10 s",
          .help = "When a pledge that got 202 or 503 is told to ask again, in whole seconds."),
    FIELD(11, struct node_limits, strangers, "strangers", FIELD_UINT, .min = 1, .max = 1000000,
          .preset = "256",
          .help = "How many callers with an IDevID of no known manufacturer are remembered (in "
                  "memory only)."),
    FIELD(12, struct node_limits, unexpected_devices, "unexpected-devices", FIELD_UINT,
          .max = 100000000, .preset = "10000",
          .help = "Most records of devices of one manufacturer that are on nobody's list."),
    FIELD(13, struct node_limits, failures_per_hour, "failures-per-hour", FIELD_UINT, .min = 1,
          .max = 1000000, .preset = "60",
          .help = "Failed requests and status reports of one device that go to its timeline."),
    FIELD(14, struct node_limits, attempts_per_hour, "attempts-per-hour", FIELD_UINT, .min = 1,
          .max = 1000000, .preset = "20",
          .help = "Voucher requests with a new nonce that one device may make."),
    FIELD(15, struct node_limits, shutdown, "shutdown", FIELD_DURATION, .max = 10 * MINUTE_MS,
          .preset = "10 s", .help = "How long a stop waits for what is under way."),
    FIELD(16, struct node_limits, enrol_window, "enrol-window", FIELD_DURATION, .min = MINUTE_MS,
          .max = 366 * DAY_MS, .preset = "7 d",
          .help = "How long after its voucher request a device may enrol."),
    FIELD(17, struct node_limits, enrolments, "enrolments", FIELD_UINT, .min = 1, .max = 1000,
          .preset = "5",
          .help = "Different requests for a certificate that a device may make in one onboarding; "
                  "the same one again gets the same certificate."),
    FIELD(30, struct node_limits, held_devices, "held-devices", FIELD_UINT, .max = 1000000,
          .preset = "1000",
          .help = "Most devices of one manufacturer that are held until an administrator decides; "
                  "others get 503."),
};
static const struct record_type limits_type =
    RECORD_TYPE("limits", 1, struct node_limits, limit_fields);

static const struct field order_fields[] = {
    FIELD(1, struct node_orders, runners, "runners", FIELD_UINT, .min = 1, .max = THREADS_MAX,
          .preset = "128", .help = "Most orders (towards MASAs and CAs) in work at once."),
    FIELD(2, struct node_orders, runners_per_peer, "runners-per-peer", FIELD_UINT, .min = 1,
          .max = THREADS_MAX, .preset = "32", .help = "Most of them towards one MASA or CA."),
    FIELD(3, struct node_orders, pending, "pending", FIELD_UINT, .min = 1, .max = 100000000,
          .preset = "100000", .help = "Most orders that are not finished; others get 503."),
    FIELD(4, struct node_orders, lifetime, "lifetime", FIELD_DURATION, .min = MINUTE_MS,
          .max = 366 * DAY_MS, .preset = "4 d",
          .help = "How long an order is tried before it is given up."),
    FIELD(5, struct node_orders, replay, "replay", FIELD_DURATION, .max = 366 * DAY_MS,
          .preset = "4 d",
          .help = "How long the result of a finished order is given to whoever asks the same "
                  "again."),
    FIELD(6, struct node_orders, retention, "retention", FIELD_DURATION, .min = HOUR_MS,
          .max = 3660 * DAY_MS, .preset = "7 d", .help = "How long a finished order is kept."),
    FIELD(7, struct node_orders, retry_first, "retry-first", FIELD_DURATION, .min = 100,
          .max = HOUR_MS, .preset = "5 s",
          .help = "When an order that failed is tried again; then after twice as long each time."),
    FIELD(8, struct node_orders, retry_most, "retry-most", FIELD_DURATION, .min = SECOND_MS,
          .max = DAY_MS, .preset = "60 s", .help = "Longest time between two tries of an order."),
    FIELD(9, struct node_orders, run_limit, "run-limit", FIELD_DURATION, .min = SECOND_MS,
          .max = HOUR_MS, .preset = "60 s", .help = "Longest single try of an order."),
};
static const struct record_type orders_type =
    RECORD_TYPE("orders", 1, struct node_orders, order_fields);

static const struct field outgoing_fields[] = {
    FIELD(1, struct node_outgoing, connect_timeout, "connect-timeout", FIELD_DURATION, .min = 100,
          .max = 10 * MINUTE_MS, .preset = "5 s",
          .help = "Longest time until a connection to a MASA or CA stands."),
    FIELD(2, struct node_outgoing, timeout, "timeout", FIELD_DURATION, .min = 100,
          .max = 10 * MINUTE_MS, .preset = "15 s", .help = "Longest exchange with one, in all."),
    FIELD(3, struct node_outgoing, answer_size, "answer-size", FIELD_SIZE, .min = 4 * KIB,
          .max = 64 * MIB, .preset = "1 MiB", .help = "Largest answer that is read."),
    FIELD(4, struct node_outgoing, resolve, "resolve", FIELD_TEXTS, .max = 1024,
          .help = "Addresses for names that the resolver is not to be asked for: "
                  "\"masa.example.com:443:192.0.2.7\", IPv6 in brackets."),
    FIELD(5, struct node_outgoing, proxy, "proxy", FIELD_TEXT, .min = 1, .max = 512,
          .help = "HTTP proxy on the way to MASAs, CAs and clouds (CONNECT): http://HOST:PORT. A "
                  "manufacturer's record may name another, or none."),
    FIELD(6, struct node_outgoing, proxy_login_file, "proxy-login-file", FIELD_TEXT,
          .max = PATH_MAX_LEN,
          .help = "File that holds USER:PASSWORD for that proxy, for nobody else to read."),
};
static const struct record_type outgoing_type =
    RECORD_TYPE("outgoing", 1, struct node_outgoing, outgoing_fields);

static const struct field discovery_fields[] = {
    FIELD(1, struct node_discovery, mdns, "mdns", FIELD_BOOL, .preset = "false",
          .help = "Whether Avahi announces _brski-registrar._tcp (mDNS and DNS-SD)."),
    FIELD(2, struct node_discovery, grasp, "grasp", FIELD_BOOL, .preset = "false",
          .help = "Whether AN_join_registrar is flooded (GRASP, RFC 8995 4.3), on the interfaces "
                  "below and to grasp-peers."),
    FIELD(3, struct node_discovery, name, "name", FIELD_TEXT, .max = DNS_LABEL_MAX,
          .help = "Name of the DNS-SD service instance. Without it one is made of the host's name "
                  "and the process number."),
    FIELD(4, struct node_discovery, port, "port", FIELD_UINT, .max = 65535, .preset = "0",
          .help = "Port that is announced; 0: that of the first of listen.pledges."),
    FIELD(5, struct node_discovery, interfaces, "interfaces", FIELD_TEXTS, .max = 32,
          .help = "Network interfaces to announce on. Without any, mDNS goes to all that Avahi "
                  "uses; GRASP needs them named."),
    FIELD(6, struct node_discovery, variations, "variations", FIELD_TEXTS, .flags = FIELD_REQUIRED,
          .max = 8, .preset = "est-tls",
          .help = "What is announced as spoken here, in the words of brski-discovery: est-tls is "
                  "BRSKI with CMS vouchers and EST; jose and cose (JWS and COSE vouchers) are "
                  "spoken, too, but are no registered variations yet."),
    FIELD(7, struct node_discovery, address, "address", FIELD_TEXT, .max = ADDRESS_MAX_LEN,
          .help = "IPv6 address that GRASP announces; without it, that of the interface."),
    FIELD(8, struct node_discovery, grasp_interval, "grasp-interval", FIELD_DURATION,
          .min = SECOND_MS, .max = HOUR_MS, .preset = "60 s",
          .help = "Time between floods; what they say holds three times as long. RFC 8995 advises "
                  "against less than 60 s."),
    FIELD(9, struct node_discovery, grasp_peers, "grasp-peers", FIELD_TEXTS, .max = 32,
          .help = "IPv6 addresses and UDP ports that are sent each flood as well: "
                  "\"[2001:db8::1]:7017\"."),
};
static const struct record_type discovery_type =
    RECORD_TYPE("discovery", 1, struct node_discovery, discovery_fields);

static const struct field public_fields[] = {
    FIELD(1, struct node_public, listen, "listen", FIELD_TEXTS, .max = 32,
          .help = "Addresses and ports where revocation lists and OCSP are served over plain HTTP, "
                  "such as 0.0.0.0:80. Without any, nothing is served."),
    FIELD(2, struct node_public, url, "url", FIELD_TEXT, .max = 256,
          .help = "Base URL under which others reach that listener, such as "
                  "http://pki.example.com. New certificates name it. Without it they name none."),
    FIELD(3, struct node_public, crl_lifetime, "crl-lifetime", FIELD_DURATION, .min = MINUTE_MS,
          .max = 366 * DAY_MS, .preset = "7 d", .help = "How long a revocation list is good."),
    FIELD(4, struct node_public, crl_interval, "crl-interval", FIELD_DURATION, .min = SECOND_MS,
          .max = 366 * DAY_MS, .preset = "1 d",
          .help = "When the next list is made, if nothing is revoked before."),
    FIELD(5, struct node_public, crl_gap, "crl-gap", FIELD_DURATION, .max = DAY_MS,
          .preset = "10 s", .help = "Shortest time between two lists, however much is revoked."),
    FIELD(6, struct node_public, ocsp_lifetime, "ocsp-lifetime", FIELD_DURATION, .min = MINUTE_MS,
          .max = 30 * DAY_MS, .preset = "12 h", .help = "How long an OCSP response is good."),
};
static const struct record_type public_type =
    RECORD_TYPE("public", 1, struct node_public, public_fields);

static const struct field node_fields[] = {
    FIELD(1, struct node, listen, "listen", FIELD_RECORD, .sub = &listen_type,
          .help = "Where Gatehouse can be reached."),
    FIELD(2, struct node, store, "store", FIELD_RECORD, .sub = &store_type,
          .help = "The database of devices, certificates, orders and settings."),
    FIELD(3, struct node, token, "token", FIELD_RECORD, .sub = &token_type,
          .help = "The HSM (or SoftHSM) that holds the owner's private keys."),
    FIELD(4, struct node, owner_folder, "owner-folder", FIELD_TEXT, .flags = FIELD_REQUIRED,
          .max = PATH_MAX_LEN, .preset = "/var/lib/gatehouse/owner",
          .help = "Where gatehousectl init puts copies of the owner's certificates."),
    FIELD(5, struct node, log_level, "log-level", FIELD_TEXT, .flags = FIELD_REQUIRED,
          .preset = "info", .help = "Least level that is logged: debug, info, warning or error."),
    FIELD(6, struct node, limits, "limits", FIELD_RECORD, .sub = &limits_type,
          .help = "What callers may take of this machine."),
    FIELD(7, struct node, orders, "orders", FIELD_RECORD, .sub = &orders_type,
          .help = "Work towards MASAs and CAs, which pledges wait for."),
    FIELD(8, struct node, outgoing, "outgoing", FIELD_RECORD, .sub = &outgoing_type,
          .help = "Connections to MASAs and CAs."),
    FIELD(9, struct node, discovery, "discovery", FIELD_RECORD, .sub = &discovery_type,
          .help = "How proxies and pledges on your own networks find this registrar. Pledges that "
                  "a cloud registrar sends need none of it."),
    FIELD(12, struct node, public, "public", FIELD_RECORD, .sub = &public_type,
          .help = "What anybody may ask: the status of our CAs' certificates."),
    FIELD(20, struct node, cloud_programs, "cloud-programs", FIELD_TEXT, .max = PATH_MAX_LEN,
          .preset = "/etc/gatehouse/cloud-programs",
          .help = "Folder of programs that register us with cloud registrars which do not speak "
                  "docs/cloud-registration.yaml. Nothing else is run."),
    FIELD(110, struct node, weak_key_lists, "weak-key-lists", FIELD_TEXTS, .max = WEAK_LISTS_MAX,
          .help = "Files of RSA keys that get no certificate, in the format of Debian's "
                  "openssl-blacklist: a line for each, with the last 20 hexadecimal digits of "
                  "SHA-1 over what `openssl rsa -noout -modulus` prints."),
    FIELD(111, struct node, reduced_security, "reduced-security", FIELD_TEXTS, .max = REDUCED_MAX,
          .help = "Ways of less security that this node may go (RFC 8995 7.3): "
                  "unauthenticated-pledges, for manufacturers whose record has it too. Only for "
                  "networks that nobody but expected devices can reach. Each is told at start, in "
                  "the status and in the timeline of each device."),
};
const struct record_type node_type = RECORD_TYPE("node", 1, struct node, node_fields);
