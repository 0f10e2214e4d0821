#include "core/base/config.h"

#include "core/base/field_value.h"
#include "core/base/file.h"

#include <string.h>

#include <yaml.h>

#define CONFIG_SIZE_MAX ((size_t)1024 * 1024)

/* One event of libyaml, as far as configuration has a use for it. */
enum node_kind {
    NODE_SCALAR,
    NODE_MAPPING,
    NODE_SEQUENCE,
    NODE_END, /* of a mapping, a sequence, the document or the file */
};

struct node {
    enum node_kind kind;
    size_t line;
    const char *text; /* NODE_SCALAR */
    bool is_null;     /* NODE_SCALAR: nothing, "~" or "null", unquoted */
};

struct parser {
    const char *name; /* of the file */
    struct bytes text;
    yaml_parser_t yaml;
    bool document_seen;
};

static void delete_parser(void *object)
{
    struct parser *p = object;
    yaml_parser_delete(&p->yaml);
}

/* "FILE:LINE: detail of the problem at hand", as E_CONFIG. */
static bool fail_at_line(struct task *t, const struct parser *p, size_t line)
{
    return fail(t, E_CONFIG, "%s:%zu: %s", p->name, line, t->detail);
}

static bool refuse(struct task *t, const struct parser *p, size_t line, const char *what)
{
    return fail(t, E_CONFIG, "%s:%zu: %s", p->name, line, what);
}

static bool refuse_value(struct task *t, const struct parser *p, size_t line,
                         const struct field_path *path, const char *what)
{
    (void)field_fail(t, path, "%s", what);
    return fail_at_line(t, p, line);
}

/* ---- libyaml's events as nodes ---- */

/* Octets that are no text have an offset; what breaks the grammar has a line. */
static size_t syntax_error_line(const struct parser *p)
{
    if (p->yaml.error != YAML_READER_ERROR)
        return p->yaml.problem_mark.line + 1;
    size_t line = 1;
    for (size_t i = 0; i < p->text.len && i < p->yaml.problem_offset; i++)
        line += p->text.data[i] == '\n';
    return line;
}

static bool syntax_error(struct task *t, const struct parser *p)
{
    const char *problem = p->yaml.problem;
    return refuse(t, p, syntax_error_line(p), problem == NULL ? "not YAML" : problem);
}

static bool scalar_node(struct task *t, const struct parser *p, const yaml_event_t *event,
                        struct node *node)
{
    struct bytes value = bytes_make(event->data.scalar.value, event->data.scalar.length);
    node->kind = NODE_SCALAR;
    node->text = bytes_to_text(t->arena, value);
    if (node->text == NULL)
        return refuse(t, p, node->line, "NUL in a value");
    node->is_null =
        event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
        (value.len == 0 || strcmp(node->text, "~") == 0 || strcmp(node->text, "null") == 0);
    return true;
}

static bool has_anchor_or_tag(const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_ALIAS_EVENT:
        return true;
    case YAML_SCALAR_EVENT:
        return event->data.scalar.anchor != NULL || event->data.scalar.tag != NULL;
    case YAML_MAPPING_START_EVENT:
        return event->data.mapping_start.anchor != NULL || event->data.mapping_start.tag != NULL;
    case YAML_SEQUENCE_START_EVENT:
        return event->data.sequence_start.anchor != NULL || event->data.sequence_start.tag != NULL;
    default:
        return false;
    }
}

/* False in `ret_is_node` for events that are none: the starts of stream and document. */
static bool node_of_event(struct task *t, struct parser *p, const yaml_event_t *event,
                          struct node *node, bool *ret_is_node)
{
    node->line = event->start_mark.line + 1;
    if (has_anchor_or_tag(event))
        return refuse(t, p, node->line, "anchors, aliases and tags have no place here");
    *ret_is_node = true;
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return scalar_node(t, p, event, node);
    case YAML_MAPPING_START_EVENT:
        node->kind = NODE_MAPPING;
        return true;
    case YAML_SEQUENCE_START_EVENT:
        node->kind = NODE_SEQUENCE;
        return true;
    case YAML_DOCUMENT_START_EVENT:
        if (p->document_seen)
            return refuse(t, p, node->line, "a second document begins");
        p->document_seen = true;
        *ret_is_node = false;
        return true;
    case YAML_STREAM_START_EVENT:
    case YAML_NO_EVENT:
        *ret_is_node = false;
        return true;
    default:
        node->kind = NODE_END;
        return true;
    }
}

static bool next_node(struct task *t, struct parser *p, struct node *ret)
{
    for (;;) {
        yaml_event_t event;
        struct node node = {.kind = NODE_END};
        bool is_node = false;
        if (yaml_parser_parse(&p->yaml, &event) == 0)
            return syntax_error(t, p);
        bool good = node_of_event(t, p, &event, &node, &is_node);
        yaml_event_delete(&event);
        if (!good)
            return false;
        if (is_node) {
            *ret = node;
            return true;
        }
    }
}

/* ---- Nodes into fields ---- */

static bool read_value(struct task *t, struct parser *p, const struct field_path *path,
                       const struct field *f, const struct node *node, void *value);

static bool read_scalar(struct task *t, struct parser *p, const struct field_path *path,
                        const struct field *f, const struct node *node, void *value)
{
    if (node->kind != NODE_SCALAR)
        return refuse_value(t, p, node->line, path, scalar_form(f->kind));
    if (node->is_null)
        return refuse_value(t, p, node->line, path,
                            "has no value; leave the item out to have its default");
    return scalar_from_text(t, path, f, node->text, value) || fail_at_line(t, p, node->line);
}

static bool read_list(struct task *t, struct parser *p, const struct field_path *path,
                      const struct field *f, const struct node *node, void *list)
{
    if (node->kind != NODE_SEQUENCE)
        return refuse_value(t, p, node->line, path, "must be a list");
    struct field element = list_element(f);
    value_clear(f, list);
    for (size_t i = 0;; i++) {
        struct node item;
        struct field_path at = {.within = path, .index = i};
        TRY(next_node(t, p, &item));
        if (item.kind == NODE_END)
            return true;
        void *place = list_append(t->arena, f, list);
        value_init(t, &element, place);
        TRY(read_value(t, p, &at, &element, &item, place));
    }
}

/* Which member a key names; `lines` says where each was given before. */
static bool find_member(struct task *t, const struct parser *p, const struct field_path *within,
                        const struct record_type *type, const struct node *key, size_t *lines,
                        const struct field **ret)
{
    if (key->kind != NODE_SCALAR)
        return refuse(t, p, key->line, "the name of an item must be plain text");
    struct field_path path = {.within = within, .name = key->text};
    const struct field *f = record_field(type, key->text);
    if (f == NULL) {
        (void)field_fail(t, &path, "unknown item%s", field_did_you_mean(t->arena, type, key->text));
        return fail_at_line(t, p, key->line);
    }
    if ((f->flags & FIELD_READ_ONLY) != 0)
        return refuse_value(t, p, key->line, &path, "is set by Gatehouse, not here");
    size_t *line = &lines[f - type->fields];
    if (*line != 0) {
        (void)field_fail(t, &path, "given before, on line %zu", *line);
        return fail_at_line(t, p, key->line);
    }
    *line = key->line;
    *ret = f;
    return true;
}

/* What is wrong with a member is wrong where it stands; what is missing, where its mapping does. */
static bool check_members(struct task *t, const struct parser *p, const struct field_path *within,
                          const struct record_type *type, const size_t *lines, size_t line,
                          const void *record)
{
    for (size_t i = 0; i < type->count; i++) {
        const struct field *f = &type->fields[i];
        struct field_path path = {.within = within, .name = f->name};
        if (!value_check(t, &path, f, field_value(f, record)))
            return fail_at_line(t, p, lines[i] != 0 ? lines[i] : line);
    }
    return true;
}

/* The members of a mapping whose start, on `line`, has been read. */
static bool read_mapping(struct task *t, struct parser *p, const struct field_path *path,
                         const struct record_type *type, size_t line, void *record)
{
    size_t *lines = arena_array(t->arena, type->count, sizeof(*lines));
    for (;;) {
        struct node key = {.kind = NODE_END};
        struct node node = {.kind = NODE_END};
        const struct field *f;
        TRY(next_node(t, p, &key));
        if (key.kind == NODE_END)
            return check_members(t, p, path, type, lines, line, record);
        TRY(find_member(t, p, path, type, &key, lines, &f));
        struct field_path at = {.within = path, .name = f->name};
        TRY(next_node(t, p, &node));
        TRY(read_value(t, p, &at, f, &node, field_place(f, record)));
    }
}

static bool read_value(struct task *t, struct parser *p, const struct field_path *path,
                       const struct field *f, const struct node *node, void *value)
{
    if (field_is_list(f))
        return read_list(t, p, path, f, node, value);
    if (f->kind != FIELD_RECORD)
        return read_scalar(t, p, path, f, node, value);
    if (node->kind != NODE_MAPPING)
        return refuse_value(t, p, node->line, path, "must be a mapping with items of its own");
    return read_mapping(t, p, path, f->sub, node->line, value);
}

/* A file without any item has no document, or a document that is null. */
static bool read_document(struct task *t, struct parser *p, const struct record_type *type,
                          void *record)
{
    struct node node = {.kind = NODE_END};
    TRY(next_node(t, p, &node));
    bool is_empty = node.kind == NODE_END || (node.kind == NODE_SCALAR && node.is_null);
    if (is_empty) {
        size_t *lines = arena_array(t->arena, type->count, sizeof(*lines));
        TRY(check_members(t, p, NULL, type, lines, node.line, record));
    } else if (node.kind == NODE_MAPPING) {
        TRY(read_mapping(t, p, NULL, type, node.line, record));
    } else {
        return refuse(t, p, node.line, "the file must be a mapping of items to values");
    }
    if (node.kind == NODE_END)
        return true;
    TRY(next_node(t, p, &node)); /* the end of the document */
    return next_node(t, p, &node);
}

bool config_parse(struct task *t, const char *name, struct bytes yaml,
                  const struct record_type *type, void *record)
{
    struct parser *p = arena_alloc(t->arena, sizeof(*p));
    p->name = name;
    p->text = yaml.len == 0 ? BYTES_LITERAL("") : yaml;
    ENSURE(t, yaml_parser_initialize(&p->yaml) == 1, E_INTERNAL, "no YAML parser");
    arena_defer(t->arena, delete_parser, p);
    yaml_parser_set_encoding(&p->yaml, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&p->yaml, p->text.data, p->text.len);
    void *scratch = arena_alloc(t->arena, type->size);
    record_init(t, type, scratch);
    TRY(read_document(t, p, type, scratch));
    memcpy(record, scratch, type->size);
    return true;
}

bool config_read(struct task *t, const char *path, const struct record_type *type, void *record)
{
    struct bytes yaml;
    TRY(file_read(t, path, CONFIG_SIZE_MAX, &yaml));
    return config_parse(t, path, yaml, type, record);
}
