#include "registrar/voucher/voucher.h"

#include <strings.h>

DEFINE_PROBLEMS(voucher_problems, VOUCHER_PROBLEMS)

const struct voucher_form *const voucher_forms[] = {&voucher_form_cms, &voucher_form_jws,
                                                    &voucher_form_cose, NULL};

const struct voucher_form *voucher_form_of(const char *media_type)
{
    if (media_type == NULL)
        return NULL;
    for (size_t i = 0; voucher_forms[i] != NULL; i++) {
        if (strcasecmp(voucher_forms[i]->media_type, media_type) == 0)
            return voucher_forms[i];
    }
    return NULL;
}
