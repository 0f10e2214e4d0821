/*
 * Members of the JSON that commands send to the daemon.  What was not given on the command line
 * changes nothing: the daemon's preset holds, or what was there before.  An empty value takes away
 * what is there.
 */
#ifndef GATEHOUSE_WEB_CTL_MEMBERS_H
#define GATEHOUSE_WEB_CTL_MEMBERS_H

#include "core/base/field.h"
#include "core/base/json.h"

MUST_USE bool member_set_text(struct task *t, json_t *object, const char *name, const char *text);
MUST_USE bool member_set_texts(struct task *t, json_t *object, const char *name,
                               const struct text_list *texts);
/* A whole number.  Fails with E_CTL_USAGE. */
MUST_USE bool member_set_number(struct task *t, json_t *object, const char *name, const char *text);
/* The certificates of some files, PEM or DER, each as base64 of its DER. */
MUST_USE bool member_set_certificates(struct task *t, json_t *object, const char *name,
                                      const struct text_list *files);
/* "yes" or "no"; anything else fails with E_CTL_USAGE, naming the option. */
MUST_USE bool member_set_bool(struct task *t, json_t *object, const char *name, const char *text);
/*
 * What is in a file that nobody else may read, or comes on standard input ("-"): secrets are no
 * arguments, which everybody on the machine can see.  An empty name takes the secret away.
 */
MUST_USE bool member_set_secret(struct task *t, json_t *object, const char *name, const char *file);
/* The revocation lists of some files, PEM or DER, each as base64 of its DER; none: an empty list.
 */
MUST_USE bool member_set_crls(struct task *t, json_t *object, const char *name,
                              const struct text_list *files);
/* A record as the daemon shows it, without what only the daemon may write. */
void members_keep_writable(json_t *object, const struct record_type *type);

#endif
