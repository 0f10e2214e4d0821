/* Calls to the daemon's admin API over its Unix socket. */
#ifndef GATEHOUSE_WEB_CTL_CALL_H
#define GATEHOUSE_WEB_CTL_CALL_H

#include "core/base/json.h"
#include "web/ctl/command.h"

/*
 * One call; the answer's JSON, released with the arena.  An answer that is a problem fails with the
 * daemon's own kind, detail and hint; no daemon is E_CTL_UNREACHABLE.  `body` may be NULL.
 */
MUST_USE bool ctl_call(struct task *t, const struct ctl *ctl, const char *method, const char *path,
                       json_t *body, json_t **ret);
/* The same with a body that is no JSON. */
MUST_USE bool ctl_send(struct task *t, const struct ctl *ctl, const char *method, const char *path,
                       const char *media_type, struct bytes body, json_t **ret);
/*
 * Everything that a listing holds, page after page, into one array.  `query` is what ctl_query()
 * made, or "".
 */
MUST_USE bool ctl_list(struct task *t, const struct ctl *ctl, const char *path, const char *query,
                       json_t **ret);
/*
 * The kind that the daemon named: the members `name`, "title" and "hint" of what it sent; in the
 * task's arena.
 */
const struct problem_kind *ctl_problem(struct task *t, json_t *object, const char *name);
/* `path`, "/" and a segment in which nothing has a meaning of its own (RFC 3986 2.1). */
char *ctl_path(struct arena *arena, const char *path, const char *segment);
/*
 * `query` (or a URL that has one) with "?name=value" or "&name=value" behind it; as it is when the
 * value is NULL.
 */
char *ctl_query(struct arena *arena, const char *query, const char *name, const char *value);

#endif
