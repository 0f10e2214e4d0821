/*
 * Field tables: the one description of a structure, from which come its CBOR in the store, its
 * JSON in the API, its YAML in the node file, and its documentation.
 *
 *     static const struct field device_fields[] = {
 *         FIELD(1, struct device, serial, "serial-number", FIELD_TEXT, .max = 128,
 *               .flags = FIELD_REQUIRED, .help = "Serial number as the IDevID states it."),
 *     };
 *     const struct record_type device_type =
 *         RECORD_TYPE("device", 1, struct device, device_fields);
 *
 * The structure holds a `struct record_rest rest`, where keys that this version does not know are
 * kept and written back (a newer node's fields survive an older one's update).
 */
#ifndef GATEHOUSE_CORE_BASE_FIELD_H
#define GATEHOUSE_CORE_BASE_FIELD_H

#include "core/base/bytes.h"

enum field_kind {
    FIELD_BOOL,        /* bool                                                              */
    FIELD_UINT,        /* uint64_t                                                          */
    FIELD_TIME,        /* int64_t: wall-clock ms; text: RFC 3339; 0 is absent               */
    FIELD_DURATION,    /* int64_t: ms; text: "90 s"                                         */
    FIELD_SIZE,        /* uint64_t: octets; text: "64 KiB"                                  */
    FIELD_TEXT,        /* const char *: UTF-8; NULL is absent                               */
    FIELD_OCTETS,      /* struct bytes; text: base64                                        */
    FIELD_HEX,         /* struct bytes; text: hexadecimal (digests, identifiers, serials)   */
    FIELD_ENUM,        /* unsigned int: index into `names`; text: the name                  */
    FIELD_TEXTS,       /* struct text_list                                                  */
    FIELD_OCTETS_LIST, /* struct bytes_list                                                 */
    FIELD_RECORD,      /* a structure of type `sub` embedded at the offset                  */
    FIELD_RECORDS,     /* struct record_list of `sub`                                       */
};

enum field_flags {
    FIELD_REQUIRED = 1,  /* may not be absent (text, octets: not empty)                     */
    FIELD_SECRET = 2,    /* never in JSON that leaves, logs or --help defaults              */
    FIELD_LIVE = 4,      /* a change takes effect without a restart                         */
    FIELD_READ_ONLY = 8, /* set by Gatehouse; refused when a client sends it                */
};

struct record_list {
    void *items; /* array of structures of the sub type */
    size_t count;
};

/* What was read and not understood: `pairs` CBOR key/value pairs, octet for octet. */
struct record_rest {
    uint64_t version; /* schema version found; 0 in a new record */
    size_t pairs;
    struct bytes raw;
};

struct field {
    unsigned key;     /* CBOR map key, 1..; never reused */
    const char *name; /* JSON and YAML member, kebab-case */
    enum field_kind kind;
    unsigned flags;
    size_t offset;
    int64_t min;        /* numbers: least value; text and octets: least length; lists: count */
    int64_t max;        /* greatest; 0: no bound but those of the surrounding message       */
    const char *preset; /* default, in the text form; NULL: absent or zero                  */
    const char *const *names; /* FIELD_ENUM: NULL-terminated                                      */
    const struct record_type *sub;
    const char *help; /* one or two sentences; the unit where it is not in the kind */
};

struct record_type {
    const char *name;
    unsigned version; /* CBOR map key 0; raised when the meaning of a key changes */
    size_t size;
    size_t rest_offset;         /* of the `struct record_rest` */
    const struct field *fields; /* ascending keys */
    size_t count;
};

#define FIELD(key_, structure, member, name_, kind_, ...)                                          \
    {                                                                                              \
        .key = (key_), .name = (name_), .kind = (kind_), .offset = offsetof(structure, member),    \
        __VA_ARGS__                                                                                \
    }
#define RECORD_TYPE(name_, version_, structure, table)                                             \
    {                                                                                              \
        .name = (name_), .version = (version_), .size = sizeof(structure),                         \
        .rest_offset = offsetof(structure, rest), .fields = (table), .count = ARRAY_SIZE(table)    \
    }

#endif
