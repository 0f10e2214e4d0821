#include "registrar/voucher_ask.h"

#include "core/base/failpoint.h"
#include "core/store/records/episode.h"
#include "registrar/masa.h"
#include "registrar/voucher_accept.h"

#include <string.h>

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

/*
 * RFC 8995 5.6: the voucher comes in a form that the pledge takes.  RFC 8995 7.3: one that we
 * cannot read is passed on where the manufacturer's record says so, and nowhere else.
 */
static bool judge_form(struct task *t, const struct voucher_question *question,
                       const struct http_answer *answer, const struct voucher_form **ret)
{
    const char *type = answer->media_type;
    ENSURE(t, type != NULL && voucher_taken(question->accept, question->form, type), E_MASA_ANSWER,
           "Content-Type %s, which the pledge does not take", type == NULL ? "missing" : type);
    *ret = voucher_form_of(type);
    if (*ret != NULL)
        return true;
    ENSURE(t, question->maker->relay_unreadable, E_VOUCHER_UNREADABLE, "Content-Type %s", type);
    ENSURE(t, answer->body.len > 0 && strlen(type) <= EPISODE_MEDIA_TYPE_MAX, E_MASA_ANSWER,
           "%zu octets of Content-Type %s", answer->body.len, type);
    return true;
}

bool voucher_ask(struct task *t, const struct registrar *r, const struct voucher_question *question,
                 unsigned *used, struct http_answer *ret, const struct voucher_form **ret_form)
{
    const struct voucher_form *form = question->form;
    const char *accept =
        voucher_accept(t, question->accept, form, question->maker->relay_unreadable);
    ENSURE(t, accept != NULL, E_VOUCHER_UNREADABLE, "the pledge takes %s", question->accept);
    failpoint(FP_VOUCHER_BEFORE_SEND);
    TRY(masa_post(t, r, question->maker, question->masa_url, "requestvoucher", form->media_type,
                  accept, question->request, ret));
    failpoint(FP_VOUCHER_AFTER_MASA_ANSWER);
    TRY(judge_status(t, ret));
    TRY(masa_read_voucher(t, question->maker, form, ret, used));
    return judge_form(t, question, ret, ret_form);
}
