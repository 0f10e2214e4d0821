/* What the files that compile a profile share. */
#ifndef GATEHOUSE_CORE_ASKING_COMPILING_H
#define GATEHOUSE_CORE_ASKING_COMPILING_H

#include "core/asking/values.h"

struct compiling {
    struct values values;
    struct text_list claims; /* with room for one for each name of the profile */
};

/* Extensions as the template has them, and those among them that can be asked for without it. */
struct wished_extensions {
    struct extension_list all;
    struct extension_list whole; /* without anything to be filled */
};

/* The name that dns-pattern makes, which {name} stands for. */
MUST_USE bool wish_name(struct task *t, struct compiling *c);
MUST_USE bool wish_extensions(struct task *t, struct compiling *c, struct wished_extensions *ret);
MUST_USE bool wish_subject(struct task *t, struct compiling *c, struct csr_template *template);

#endif
