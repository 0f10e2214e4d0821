/*
 * Records: structures described by a field table, as CBOR (the store), JSON (the API) and text.
 * Everything that is read goes to the task's arena.  Ranges, lengths, names and required members
 * are checked when reading JSON, text or YAML, and again when writing CBOR.
 */
#ifndef GATEHOUSE_CORE_BASE_RECORD_H
#define GATEHOUSE_CORE_BASE_RECORD_H

#include "core/base/field.h"
#include "core/base/json.h"
#include "core/base/task.h"

/*
 * Sets every member to its preset; the structure is zeroed first.  A preset that breaks the rules
 * of its own table is a defect and ends the process.
 */
void record_init(struct task *t, const struct record_type *type, void *record);
/* Every rule of the table; fails with E_INVALID naming the member. */
MUST_USE bool record_check(struct task *t, const struct record_type *type, const void *record);

/*
 * A CBOR map with ascending integer keys (0: schema version, the greater of ours and the one that
 * was read); those that were not understood when reading are put back where they belong.  Absent
 * members are left out, or null where they would otherwise be read as their preset.  Deterministic
 * (RFC 8949 section 4.2.1).  Fails as record_check does.
 */
MUST_USE bool record_encode(struct task *t, const struct record_type *type, const void *record,
                            struct bytes *ret);
/*
 * Fails with E_MALFORMED on anything that record_encode of any version could not have written.
 * Members that are not there have their preset.  Ranges and required members are not checked: they
 * may have been others when the record was written.
 */
MUST_USE bool record_decode(struct task *t, const struct record_type *type, struct bytes cbor,
                            void *record);

/*
 * A JSON object; FIELD_SECRET and absent members are left out, lists are there even when empty.
 * A new reference, released with the arena.  Fails with E_INVALID on text that is not UTF-8.
 */
MUST_USE bool record_to_json(struct task *t, const struct record_type *type, const void *record,
                             json_t **ret);
/*
 * Reads the members that are there over what `record` holds (record_init it first, or start from
 * the stored record to change it); null puts a member back to its preset.  Unknown members,
 * read-only members and wrong types fail with E_INVALID and the member's path, as does what breaks
 * a rule of the table afterwards.
 */
MUST_USE bool record_from_json(struct task *t, const struct record_type *type, json_t *object,
                               void *record);

/* One field from its text form, as on a command line; errors name the field. */
MUST_USE bool field_from_text(struct task *t, const struct field *f, const char *text,
                              void *record);
/* The text form of one field; NULL when absent.  Lists are joined with ", ". */
char *field_to_text(struct task *t, const struct field *f, const void *record);
/* NULL when there is none. */
const struct field *record_field(const struct record_type *type, const char *json_name);

/* "64 KiB" and the like, for FIELD_SIZE: a number and one of B, KiB, MiB, GiB, TiB. */
MUST_USE bool size_from_text(const char *text, uint64_t *ret);
char *size_to_text(struct arena *arena, uint64_t size);

#endif
