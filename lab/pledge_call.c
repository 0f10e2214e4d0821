/* How the pledge asks: patiently, and telling about it. */
#include "core/base/clock.h"
#include "core/base/json.h"
#include "lab/pledge.h"
#include "lab/problems.h"

#include <string.h>

#define SAID_MAX    200 /* characters of an error's body in the report */
#define TELL_PATH   PATH_BRSKI "/"
#define TELL_FORMAT 1 /* RFC 8995 5.7: "version" */

bool pledge_pause(struct task *t, struct pledge *p, int64_t wait)
{
    ENSURE(t, wait < task_time_left(t, INT64_MAX), E_TIMEOUT,
           "the next try would come after the time limit");
    return leash_rest(t, p->leash, wait);
}

static void report_answer(struct task *t, const struct pledge *p, const struct patient_call *call,
                          const struct response *answer)
{
    const char *note = NULL;
    if (journey_is_redirect(answer->status))
        note = call->discreet ? NULL : answer->location;
    else if (answer->retry_after >= 0)
        note = arena_printf(t->arena, "Retry-After: %d", answer->retry_after);
    report_step(t, &p->line, p->step, call->action, answer->status, note);
}

static int64_t waiting_time(struct task *t, const struct pledge *p, const struct response *answer)
{
    if (pledge_fault(t, p, OP_WAIT) == PF_IMPATIENT)
        return 0;
    int64_t longest = p->world->settings.max_wait;
    int64_t asked = answer->retry_after * SECOND_MS;
    return answer->retry_after >= 0 && asked < longest ? asked : longest;
}

bool pledge_call(struct task *t, struct pledge *p, const struct patient_call *call,
                 struct response *ret)
{
    uint64_t limit = p->world->settings.retry_limit;
    struct link_request request = call->request;
    for (uint64_t retries = 0;; retries++) {
        struct response answer;
        TRY(link_ready(t, call->link));
        if (call->prepare != NULL)
            TRY(call->prepare(t, p, call->context, &request));
        /* Days of asking once a minute must not fill the memory. */
        struct arena_mark mark = arena_mark(t->arena);
        TRY(link_call(t, call->link, &request, &answer));
        report_answer(t, p, call, &answer);
        if (answer.status != 202) {
            leash_move(p->leash);
            *ret = answer;
            return true;
        }
        p->status = answer.status;
        ENSURE(t, limit == 0 || retries < limit, E_STATUS, "%s: still 202 after %llu repetitions",
               call->action, (unsigned long long)limit);
        int64_t wait = waiting_time(t, p, &answer);
        arena_rewind(t->arena, mark);
        TRY(pledge_pause(t, p, wait));
    }
}

bool pledge_status_failure(struct task *t, struct pledge *p, const struct response *answer,
                           const char *action)
{
    p->status = answer->status;
    struct bytes said = answer->body;
    if (said.len > SAID_MAX)
        said.len = SAID_MAX;
    while (said.len > 0 && strchr(" \r\n", said.data[said.len - 1]) != NULL)
        said.len--;
    if (said.len == 0 || !bytes_are_utf8(said))
        return fail(t, E_STATUS, "%s: %d", action, answer->status);
    return fail(t, E_STATUS, "%s: %d: %s", action, answer->status, bytes_to_text(t->arena, said));
}

static bool tell(struct task *t, struct pledge *p, struct link *link, const char *resource,
                 bool status, const char *reason, enum pledge_fault fault)
{
    struct link_request request = {
        .method = "POST",
        .path = arena_printf(t->arena, TELL_PATH "%s", resource),
        .media_type = "application/json",
    };
    struct response answer;
    json_t *message = json_in_arena(t, json_object());
    (void)json_object_set_new(message, "version", json_integer(TELL_FORMAT));
    (void)json_object_set_new(message, "status", json_boolean(status));
    if (reason != NULL)
        (void)json_object_set_new(message, "reason", json_string(reason));
    TRY(json_write(t, message, &request.body));
    TRY(fault_spoils_report(t, fault, &request.body));
    TRY(link_call(t, link, &request, &answer));
    report_step(t, &p->line, resource, arena_printf(t->arena, "POST %s", resource), answer.status,
                status ? "status true" : "status false");
    return true;
}

bool pledge_tell_success(struct task *t, struct pledge *p, struct link *link, const char *resource)
{
    bool of_voucher = strcmp(resource, "voucher_status") == 0;
    enum pledge_fault fault = pledge_fault(t, p, of_voucher ? OP_VOUCHER_STATUS : OP_ENROL_STATUS);
    if (fault == PF_NO_VOUCHER_STATUS || fault == PF_NO_ENROL_STATUS)
        return true;
    bool declines = fault == PF_FALSE_VOUCHER_STATUS || fault == PF_FALSE_ENROL_STATUS;
    return tell(t, p, link, resource, !declines, declines ? "a fault, as told" : NULL, fault);
}

void pledge_tell_failure(struct task *t, struct pledge *p, struct link *link, const char *resource)
{
    const struct problem_kind *problem = t->problem;
    const char *detail = t->detail;
    task_forgive(t);
    if (!tell(t, p, link, resource, false, detail, PF_NONE))
        report_note(t, &p->line, resource, t->detail);
    t->problem = problem;
    t->detail = detail;
}
