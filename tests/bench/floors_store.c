/* A durable record in LMDB, written in company as a busy server would. */
#include "tests/bench/floors.h"

#include <stdlib.h>
#include <string.h>

#include <lmdb.h>

#define GROUP       32   /* records made durable together */
#define RECORD_SIZE 1024 /* octets */
#define MAP_SIZE    ((size_t)64 * 1024 * 1024)

struct book {
    MDB_env *env;
    MDB_dbi dbi;
    uint64_t next; /* the next record's key */
    uint8_t record[RECORD_SIZE];
};

static int put_group(struct book *book)
{
    MDB_txn *txn;
    int error = mdb_txn_begin(book->env, NULL, 0, &txn);
    if (error != 0)
        return error;
    for (int i = 0; i < GROUP && error == 0; i++) {
        uint64_t number = book->next++;
        MDB_val key = {sizeof(number), &number};
        MDB_val value = {sizeof(book->record), book->record};
        error = mdb_put(txn, book->dbi, &key, &value, 0);
    }
    if (error == 0)
        return mdb_txn_commit(txn);
    mdb_txn_abort(txn);
    return error;
}

static bool write_group(struct task *t, void *arg, struct stopwatch *watch)
{
    stopwatch_go(watch);
    int error = put_group(arg);
    stopwatch_halt(watch);
    ENSURE(t, error == 0, E_INTERNAL, "LMDB: %s", mdb_strerror(error));
    return true;
}

static int open_book(struct book *book, const char *folder)
{
    MDB_txn *txn;
    int error = mdb_env_create(&book->env);
    if (error == 0)
        error = mdb_env_set_mapsize(book->env, MAP_SIZE);
    if (error == 0)
        error = mdb_env_open(book->env, folder, 0, 0600);
    if (error == 0)
        error = mdb_txn_begin(book->env, NULL, 0, &txn);
    if (error != 0)
        return error;
    error = mdb_dbi_open(txn, NULL, 0, &book->dbi);
    if (error == 0)
        return mdb_txn_commit(txn);
    mdb_txn_abort(txn);
    return error;
}

static bool prepare(struct task *t, const struct scene *scene, void **ret)
{
    struct book *book = arena_alloc(t->arena, sizeof(*book));
    char *folder = arena_printf(t->arena, "%s/floors-XXXXXX", scene->folder);
    ENSURE(t, mkdtemp(folder) != NULL, E_INTERNAL, "cannot make %s", folder);
    memset(book->record, 'r', sizeof(book->record));
    int error = open_book(book, folder);
    ENSURE(t, error == 0, E_INTERNAL, "LMDB: %s", mdb_strerror(error));
    ARENA_DEFER(t->arena, mdb_env_close, book->env);
    *ret = book;
    return true;
}

const struct part part_store = {
    .name = "store",
    .of_library = true,
    .at_once = GROUP,
    .prepare = prepare,
    .once = write_group,
};
