/* YAML files described by a field table: the node file, and the lab programs' files. */
#ifndef GATEHOUSE_CORE_BASE_CONFIG_H
#define GATEHOUSE_CORE_BASE_CONFIG_H

#include "core/base/record.h"

/*
 * Reads the file over the presets of `type`.  Every problem fails with E_CONFIG and a detail
 * "FILE:LINE: item.path: what is wrong": unknown items, duplicates, wrong types, values out of
 * range, missing required items, anchors and tags.  A file that cannot be read, or is larger than
 * 1 MiB, fails as file_read() does.
 */
MUST_USE bool config_read(struct task *t, const char *path, const struct record_type *type,
                          void *record);
/* The same for text that is already there; `name` stands for the file in errors. */
MUST_USE bool config_parse(struct task *t, const char *name, struct bytes yaml,
                           const struct record_type *type, void *record);
/*
 * A commented example with every item, its preset and help, as YAML.  Items without a preset, and
 * secret ones, are commented out: as long as none is required, it reads back to the presets.
 */
char *config_example(struct task *t, const struct record_type *type);

#endif
