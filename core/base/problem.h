/*
 * What went wrong, said once: a kind (stable name, what the peer may learn, what the administrator
 * should do) and a detail for the administrator's eyes.
 *
 * Each room declares its kinds in one table, with DECLARE_PROBLEMS in its header and
 * DEFINE_PROBLEMS in one source file:
 *
 *     #define VOUCHER_PROBLEMS(X) \
 *         X(E_SERIAL_MISMATCH, "serial-mismatch", "public text", "hint for the administrator")
 *     DECLARE_PROBLEMS(voucher_problems, VOUCHER_PROBLEMS)
 */
#ifndef GATEHOUSE_CORE_BASE_PROBLEM_H
#define GATEHOUSE_CORE_BASE_PROBLEM_H

#include "core/base/compiler.h"

struct problem_kind {
    const char *name;        /* stable: stored in orders and timelines, matched by scripts */
    const char *public_text; /* all that a pledge or stranger is told */
    const char *hint;        /* what the administrator can do about it */
};

/* The kinds of one room, for looking a stored name up again; ends with NULL. */
typedef const struct problem_kind *const problem_table[];

/* Arrays of one, so that a kind is named without an ampersand. */
#define PROBLEM_DECLARE_ONE(id, name, public_text, hint) extern const struct problem_kind id[1];
#define PROBLEM_DEFINE_ONE(id, name, public_text, hint)                                            \
    const struct problem_kind id[1] = {{(name), (public_text), (hint)}};
#define PROBLEM_LIST_ONE(id, name, public_text, hint) id,

#define DECLARE_PROBLEMS(table, KINDS)                                                             \
    KINDS(PROBLEM_DECLARE_ONE)                                                                     \
    extern problem_table table;
#define DEFINE_PROBLEMS(table, KINDS)                                                              \
    KINDS(PROBLEM_DEFINE_ONE)                                                                      \
    problem_table table = {KINDS(PROBLEM_LIST_ONE) NULL};

/* NULL when no table of the NULL-terminated list `tables` knows the name. */
const struct problem_kind *problem_find(const struct problem_kind *const *const *tables,
                                        const char *name);

/* One protocol's answer to a kind: see http/server.h. */
struct problem_status {
    const struct problem_kind *kind;
    int status;
};

/* Kinds that any room may need. */
#define BASE_PROBLEMS(X)                                                                           \
    X(E_INTERNAL, "internal", "internal error",                                                    \
      "This is a defect in Gatehouse. Please report it with the trace id and the log around it.")  \
    X(E_MALFORMED, "malformed", "malformed request",                                               \
      "What was sent could not be read. The detail says where reading stopped.")                   \
    X(E_TOO_LARGE, "too-large", "request too large",                                               \
      "A limit was exceeded. If the sender is right, raise the limit that the detail names, if "   \
      "there is one.")                                                                             \
    X(E_INVALID, "invalid", "invalid value",                                                       \
      "Correct the value that the detail names and try again.")                                    \
    X(E_CONFIG, "config", "configuration error",                                                   \
      "Correct the line of the file that the detail names. For the node file, `gatehoused "        \
      "--check-config` tries it without starting.")                                                \
    X(E_IO, "io", "internal error",                                                                \
      "A file or socket could not be used. Check that it exists, its owner and mode, and free "    \
      "space.")                                                                                    \
    X(E_NOT_FOUND, "not-found", "not found",                                                       \
      "Check the name; the list commands show what exists.")                                       \
    X(E_EXISTS, "exists", "already exists", "Choose another name, or change the existing one.")    \
    X(E_DENIED, "denied", "not allowed",                                                           \
      "Not allowed to whoever asks, or by a file's mode; see the detail.")                         \
    X(E_BUSY, "busy", "busy, try again later",                                                     \
      "More is under way than the limits allow. It passes by itself; if it does not, raise the "   \
      "limit that the detail names.")                                                              \
    X(E_TIMEOUT, "timeout", "timed out", "Something took longer than its limit; see the detail.")
DECLARE_PROBLEMS(base_problems, BASE_PROBLEMS)

#endif
