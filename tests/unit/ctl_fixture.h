/* gatehousectl as tests run it, and what it prints. */
#ifndef GATEHOUSE_TESTS_UNIT_CTL_FIXTURE_H
#define GATEHOUSE_TESTS_UNIT_CTL_FIXTURE_H

#include "core/base/json.h"
#include "tests/unit/pki_fixture.h"

/* The program beside this test. */
const char *gatehousectl(struct task *t);
/* Runs it against the socket of an API fixture; both outputs go to *ret_output. */
#define CTL(state, f, ret_output, ...)                                                             \
    RUN((state), (ret_output), gatehousectl((f)->t), "--socket", (f)->socket, __VA_ARGS__)

json_t *json_of(struct task *t, const char *output);
void assert_says(const char *output, const char *part);

#endif
