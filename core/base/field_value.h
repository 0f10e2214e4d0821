/*
 * Values of fields: what records (CBOR, JSON) and configuration (YAML) share.  For core/base only.
 *
 * A value is where a field lies in its structure, or an element of a list.  It is a scalar, a list
 * or a record; lists and records are made of values again.
 */
#ifndef GATEHOUSE_CORE_BASE_FIELD_VALUE_H
#define GATEHOUSE_CORE_BASE_FIELD_VALUE_H

#include "core/base/field.h"
#include "core/base/task.h"

/* Where a value lies, for errors: "anchors[2].name".  Links of a chain on the stack. */
struct field_path {
    const struct field_path *within; /* NULL at the top */
    const char *name;                /* a member; NULL: an element of the list `within` */
    size_t index;
};

/* Fails with E_INVALID and "PATH: what is wrong". */
bool field_fail(struct task *t, const struct field_path *path, const char *format, ...)
    PRINTF_LIKE(3, 4);
#define field_fail(...) never_true(field_fail(__VA_ARGS__)) /* as fail() */
/* "; did you mean \"X\"?", or "" when no member has a similar name. */
const char *field_did_you_mean(struct arena *arena, const struct record_type *type,
                               const char *name);

void *field_place(const struct field *f, void *record);
const void *field_value(const struct field *f, const void *record);

/* Room for any scalar. */
union scalar {
    bool truth;
    unsigned choice;
    uint64_t number;
    int64_t millis;
    const char *text;
    struct bytes octets;
};
size_t scalar_size(enum field_kind kind);
/* Reads and checks; the value is untouched on failure. */
MUST_USE bool scalar_from_text(struct task *t, const struct field_path *path, const struct field *f,
                               const char *text, void *value);
/* The value must not be absent. */
char *scalar_to_text(struct arena *arena, const struct field *f, const void *value);
/* "must be ...": the form that the kind is written in. */
const char *scalar_form(enum field_kind kind);

bool field_is_list(const struct field *f);
/* The elements of a list, as a field of their own. */
struct field list_element(const struct field *f);
size_t list_count(const struct field *f, const void *list);
const void *list_at(const struct field *f, const void *list, size_t index);
/* A zeroed element after the last.  Elements may move; room grows with what is really there. */
void *list_append(struct arena *arena, const struct field *f, void *list);

/* Nothing there: no text, no octets, no time, an empty list.  Other values are never absent. */
bool value_is_absent(const struct field *f, const void *value);
void value_clear(const struct field *f, void *value);
/* The field's preset, or absent; a preset that its own table refuses ends the process. */
void value_init(struct task *t, const struct field *f, void *value);
/* Every rule of the table, down into lists and records. */
MUST_USE bool value_check(struct task *t, const struct field_path *path, const struct field *f,
                          const void *value);

#endif
