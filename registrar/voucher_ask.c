#include "registrar/voucher_ask.h"

#include "core/base/failpoint.h"
#include "registrar/masa.h"

/* RFC 8995 5.6: what the MASA's status means. */
static bool judge_status(struct task *t, const struct http_answer *answer)
{
    switch (answer->status) {
    case 200:
        return true;
    case 202:
        return fail(t, E_MASA_WORKING, "the MASA answered 202");
    case 401:
        return fail(t, E_MASA_CREDENTIALS, "%s", masa_words(t, answer));
    case 403:
        return fail(t, E_MASA_REFUSED, "%s", masa_words(t, answer));
    case 404:
        return fail(t, E_MASA_UNKNOWN, "%s", masa_words(t, answer));
    case 406:
        return fail(t, E_MASA_FORM, "%s", masa_words(t, answer));
    case 415:
        return fail(t, E_MASA_MEDIA_TYPE, "%s", masa_words(t, answer));
    case 408: /* RFC 9110 15.5.9, RFC 6585 4, RFC 8470 5.2: to be asked again */
    case 425:
    case 429:
        return fail(t, E_MASA_FAILED, "%s", masa_words(t, answer));
    default:
        return fail(t, answer->status >= 500 ? E_MASA_FAILED : E_MASA_ANSWER, "%s",
                    masa_words(t, answer));
    }
}

bool voucher_ask(struct task *t, const struct registrar *r, const struct voucher_question *question,
                 unsigned *used, struct http_answer *ret)
{
    const struct voucher_form *form = question->form;
    failpoint(FP_VOUCHER_BEFORE_SEND);
    TRY(masa_post(t, r, question->maker, question->masa_url, "requestvoucher", form->media_type,
                  form->media_type, question->request, ret));
    failpoint(FP_VOUCHER_AFTER_MASA_ANSWER);
    TRY(judge_status(t, ret));
    return masa_read_voucher(t, question->maker, form, ret, used);
}
