/* Putting what was found into a report.  What is absent is left out. */
#ifndef GATEHOUSE_WEB_CTL_FACTS_H
#define GATEHOUSE_WEB_CTL_FACTS_H

#include "core/base/json.h"

/* Octets that are no UTF-8 are shown as print_safe() shows them. */
void fact_text(struct task *t, json_t *object, const char *name, const char *text);
void fact_texts(struct task *t, json_t *object, const char *name, const struct text_list *texts);
void fact_bool(json_t *object, const char *name, bool value);
void fact_time(struct task *t, json_t *object, const char *name, int64_t wall); /* 0: absent */
void fact_base64(struct task *t, json_t *object, const char *name, struct bytes octets);
void fact_hex(struct task *t, json_t *object, const char *name, struct bytes octets);
/* The detail of the problem at hand, which is forgotten: the rest of the report goes on. */
void fact_problem(struct task *t, json_t *object, const char *name);
/* A new member that is an object or array; borrowed. */
json_t *fact_object(json_t *object, const char *name);
json_t *fact_array(json_t *object, const char *name);
/* A new object at the end of an array; borrowed. */
json_t *fact_element(json_t *array);

#endif
