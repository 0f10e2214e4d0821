/* A store in the test's own folder, and the few steps that every test of it takes. */
#ifndef GATEHOUSE_TESTS_UNIT_STORE_FIXTURE_H
#define GATEHOUSE_TESTS_UNIT_STORE_FIXTURE_H

#include "core/store/engine.h"
#include "core/store/store.h"
#include "tests/unit/support.h"

/* Small and made when missing; change what the test is about. */
struct store_options store_fixture_options(void **state);
/* Opened with these options; the test fails when that does not work.  The test closes it. */
struct store *store_fixture_open(void **state);

/* Updates of one key, waited for; the test fails when they do. */
void store_fixture_put(struct task *t, struct store *store, const char *key, const char *value);
void store_fixture_delete(struct task *t, struct store *store, const char *key);
/* What stands under the key; NULL: nothing. */
const char *store_fixture_get(struct task *t, struct store *store, const char *key);

/* Puts (or, absent, deletes) octets behind the store's back, which must be closed. */
void store_fixture_damage(void **state, struct bytes key, struct bytes value);

void sleep_ms(long ms);

#endif
