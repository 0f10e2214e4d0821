/* What a profile asks of requests, from the command line or a file. */
#ifndef GATEHOUSE_WEB_CTL_PROFILE_ASKS_H
#define GATEHOUSE_WEB_CTL_PROFILE_ASKS_H

#include "core/base/json.h"

/* Each sets a member as members.h has it: none given, none changed; an empty one takes all away. */

/* "O=Example Corp"; "serialNumber": for the device to fill. */
MUST_USE bool asks_set_subject(struct task *t, json_t *body, const struct text_list *words);
/* "uri=urn:dev:{device}", "other-name=1.2.3:text"; "ip": for the device to fill. */
MUST_USE bool asks_set_alt_names(struct task *t, json_t *body, const struct text_list *words);
/* "1.2.3=hex:0500", "critical,1.2.3=text:{serial}"; "1.2.3": for the device to fill. */
MUST_USE bool asks_set_extensions(struct task *t, json_t *body, const struct text_list *words);
/* A whole profile from a YAML file (NULL: none), whose name must be that in `body`. */
MUST_USE bool asks_set_file(struct task *t, json_t *body, const char *path);

#endif
