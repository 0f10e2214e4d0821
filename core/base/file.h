/* Small files, read and written whole. */
#ifndef GATEHOUSE_CORE_BASE_FILE_H
#define GATEHOUSE_CORE_BASE_FILE_H

#include "core/base/task.h"

/* Fails with E_IO (cannot) or E_TOO_LARGE (more than `max` octets). */
MUST_USE bool file_read(struct task *t, const char *path, size_t max, struct bytes *ret);
/*
 * A secret kept in a file: wiped from memory with the arena, one trailing newline dropped.  Refused
 * (E_DENIED) when the file may be read by users other than its owner and group.
 */
MUST_USE bool file_read_secret(struct task *t, const char *path, size_t max, struct bytes *ret);
/*
 * Written beside its place, synced, renamed over it, and the folder synced: a crash leaves the old
 * or the new file whole.  `mode` as for open(2).
 */
MUST_USE bool file_write(struct task *t, const char *path, struct bytes content, unsigned mode);
/* Makes the folder and those above it; existing ones are left as they are. */
MUST_USE bool folder_make(struct task *t, const char *path, unsigned mode);

#endif
