/* The embedded engine: LMDB, one unnamed database in one folder. */
#include "core/store/engine.h"

#include "core/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <lmdb.h>

#define FOLDER_MODE 0700
#define FILE_MODE   0600
/* Dead processes' reader slots hold old pages back: they are looked for each so many commits. */
#define COMMITS_PER_READER_CHECK 1000
#define MACHINE_ID_MAX           64
/* LMDB keeps its list of free pages in the database of this number. */
#define FREE_LIST_DBI 0

/* Lives in an arena of its own, which closes the environment and the folder when it goes. */
struct lmdb {
    struct arena *arena;
    MDB_env *env;
    MDB_dbi dbi;
    const char *data_path;
    unsigned commits_since_check; /* the writer's only */
};

/* LMDB's own objects are the engine's: its transactions know their environment. */
static MDB_txn *txn_of(struct engine_tx *tx)
{
    return (MDB_txn *)tx;
}

static struct lmdb *lmdb_of(struct engine_tx *tx)
{
    return mdb_env_get_userctx(mdb_txn_env(txn_of(tx)));
}

static MDB_cursor *cursor_of(struct engine_cursor *cursor)
{
    return (MDB_cursor *)cursor;
}

static const struct problem_kind *kind_of(int error)
{
    switch (error) {
    case MDB_MAP_FULL:
        return E_STORE_FULL;
    case MDB_READERS_FULL:
        return E_BUSY;
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_INVALID:
    case MDB_VERSION_MISMATCH:
    case MDB_INCOMPATIBLE:
        return E_STORE_DAMAGED;
    default:
        return E_STORE;
    }
}

static bool fail_lmdb(struct task *t, int error, const char *what)
{
    if (error > 0)
        return fail_errno(t, E_STORE, error, "%s", what);
    if (error == MDB_READERS_FULL)
        return fail(t, E_BUSY, "%s: as many views as store.readers allows are open", what);
    return fail(t, kind_of(error), "%s: %s", what, mdb_strerror(error));
}

static MDB_val val_of(struct bytes b)
{
    return (MDB_val){b.len, (void *)b.data};
}

static struct bytes bytes_of(MDB_val val)
{
    return bytes_make(val.mv_data, val.mv_size);
}

static void close_fd(const int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
}

static void close_folder(void *fd)
{
    close_fd(fd);
}

static bool sync_folder(struct task *t, const char *path)
{
    CLEANUP(close_fd) int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0)
        return fail_errno(t, E_STORE, errno, "cannot sync folder %s", path);
    return true;
}

/* One process writes at a time: the committer's knowledge of the audit chain's head depends on it.
 */
static bool lock_folder(struct task *t, struct arena *arena, const char *path)
{
    int *fd = arena_alloc(arena, sizeof(*fd));
    *fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*fd < 0)
        return fail_errno(t, E_STORE, errno, "cannot open store folder %s", path);
    arena_defer(arena, close_folder, fd);
    if (flock(*fd, LOCK_EX | LOCK_NB) == 0)
        return true;
    if (errno == EWOULDBLOCK)
        return fail(t, E_STORE, "another process is writing to the store in %s", path);
    return fail_errno(t, E_STORE, errno, "cannot lock store folder %s", path);
}

static bool prepare_folder(struct task *t, struct lmdb *db, const struct store_options *options)
{
    struct stat facts;
    if (options->create && !options->read_only)
        TRY(folder_make(t, options->path, FOLDER_MODE));
    else if (stat(db->data_path, &facts) != 0)
        return fail_errno(t, E_STORE, errno, "there is no store in %s", options->path);
    return options->read_only || lock_folder(t, db->arena, options->path);
}

/* A reader takes the map's size from the file: what the writer configured is what matters. */
static bool open_environment(struct task *t, struct lmdb *db, const struct store_options *options)
{
    unsigned flags = MDB_NOTLS | (options->read_only ? MDB_RDONLY : 0);
    int error = mdb_env_create(&db->env);
    if (error != MDB_SUCCESS)
        return fail_lmdb(t, error, "cannot set up LMDB");
    ARENA_DEFER(db->arena, mdb_env_close, db->env);
    if (!options->read_only)
        error = mdb_env_set_mapsize(db->env, (size_t)options->size);
    if (error == MDB_SUCCESS)
        error = mdb_env_set_maxreaders(db->env, options->readers);
    if (error == MDB_SUCCESS)
        error = mdb_env_set_userctx(db->env, db);
    if (error == MDB_SUCCESS)
        error = mdb_env_open(db->env, options->path, flags, FILE_MODE);
    if (error != MDB_SUCCESS)
        return fail_lmdb(t, error,
                         arena_printf(t->arena, "cannot open the store in %s", options->path));
    return true;
}

static bool open_database(struct task *t, struct lmdb *db)
{
    int dead;
    MDB_txn *txn;
    int error = mdb_reader_check(db->env, &dead);
    if (error == MDB_SUCCESS)
        error = mdb_txn_begin(db->env, NULL, MDB_RDONLY, &txn);
    if (error != MDB_SUCCESS)
        return fail_lmdb(t, error, "cannot read the store");
    error = mdb_dbi_open(txn, NULL, 0, &db->dbi);
    mdb_txn_abort(txn);
    if (error != MDB_SUCCESS)
        return fail_lmdb(t, error, "cannot read the store");
    return true;
}

/*
 * A file cut short by a failed copy would end the process by SIGBUS where pages are missing; grown
 * back to its length it has empty pages there, which LMDB reports as damage.  Free pages at the
 * end may never have been written, so a short file alone says nothing.
 */
static bool extend_file(struct task *t, struct lmdb *db)
{
    MDB_envinfo info;
    MDB_stat stat_of_main;
    struct stat facts;
    int fd;
    (void)mdb_env_info(db->env, &info);
    (void)mdb_env_stat(db->env, &stat_of_main);
    (void)mdb_env_get_fd(db->env, &fd);
    off_t whole = (off_t)((info.me_last_pgno + 1) * stat_of_main.ms_psize);
    if (fstat(fd, &facts) != 0 || (facts.st_size < whole && ftruncate(fd, whole) != 0))
        return fail_errno(t, E_STORE, errno, "cannot extend %s", db->data_path);
    return true;
}

/* LMDB does not sync the folder in which it made its files. */
static bool sync_new_files(struct task *t, const char *path)
{
    TRY(sync_folder(t, path));
    return sync_folder(t, arena_printf(t->arena, "%s/..", path));
}

static bool lmdb_open(struct task *t, const struct store_options *options, void **ret)
{
    CLEANUP(arena_cleanup) struct arena *arena = arena_create();
    struct lmdb *db = arena_alloc(arena, sizeof(*db));
    db->arena = arena;
    db->data_path = arena_printf(arena, "%s/data.mdb", options->path);
    TRY(prepare_folder(t, db, options));
    TRY(open_environment(t, db, options));
    if (!options->read_only)
        TRY(extend_file(t, db));
    TRY(open_database(t, db));
    if (options->create && !options->read_only)
        TRY(sync_new_files(t, options->path));
    arena = NULL;
    *ret = db;
    return true;
}

static void lmdb_close(void *engine)
{
    struct lmdb *db = engine;
    arena_destroy(db->arena);
}

static bool lmdb_begin(struct task *t, void *engine, struct engine_tx *parent,
                       struct engine_tx **ret)
{
    struct lmdb *db = engine;
    MDB_txn *txn;
    int dead;
    if (parent == NULL && ++db->commits_since_check >= COMMITS_PER_READER_CHECK) {
        db->commits_since_check = 0;
        (void)mdb_reader_check(db->env, &dead);
    }
    int error = mdb_txn_begin(db->env, txn_of(parent), 0, &txn);
    if (error != MDB_SUCCESS)
        return fail_lmdb(t, error, "cannot begin a transaction");
    *ret = (struct engine_tx *)txn;
    return true;
}

static bool lmdb_commit(struct task *t, struct engine_tx *tx)
{
    int error = mdb_txn_commit(txn_of(tx));
    if (error != MDB_SUCCESS)
        return fail_lmdb(t, error, "cannot commit");
    return true;
}

static void lmdb_abort(struct engine_tx *tx)
{
    mdb_txn_abort(txn_of(tx));
}

static bool lmdb_view(struct task *t, void *engine, struct engine_tx **ret)
{
    struct lmdb *db = engine;
    MDB_txn *txn;
    int dead;
    int error = mdb_txn_begin(db->env, NULL, MDB_RDONLY, &txn);
    if (error == MDB_READERS_FULL && mdb_reader_check(db->env, &dead) == MDB_SUCCESS && dead > 0)
        error = mdb_txn_begin(db->env, NULL, MDB_RDONLY, &txn);
    if (error != MDB_SUCCESS)
        return fail_lmdb(t, error, "cannot open a view");
    *ret = (struct engine_tx *)txn;
    return true;
}

static bool lmdb_get(struct task *t, struct engine_tx *tx, struct bytes key, struct bytes *ret)
{
    MDB_val k = val_of(key);
    MDB_val v;
    int error = mdb_get(txn_of(tx), lmdb_of(tx)->dbi, &k, &v);
    if (error != MDB_SUCCESS && error != MDB_NOTFOUND)
        return fail_lmdb(t, error, "cannot read");
    *ret = error == MDB_NOTFOUND ? BYTES_ABSENT : bytes_of(v);
    return true;
}

static bool lmdb_put(struct task *t, struct engine_tx *tx, struct bytes key, struct bytes value)
{
    MDB_val k = val_of(key);
    MDB_val v = val_of(value);
    int error = mdb_put(txn_of(tx), lmdb_of(tx)->dbi, &k, &v, 0);
    if (error != MDB_SUCCESS)
        return fail_lmdb(t, error, "cannot write");
    return true;
}

static bool lmdb_del(struct task *t, struct engine_tx *tx, struct bytes key)
{
    MDB_val k = val_of(key);
    int error = mdb_del(txn_of(tx), lmdb_of(tx)->dbi, &k, NULL);
    if (error != MDB_SUCCESS && error != MDB_NOTFOUND)
        return fail_lmdb(t, error, "cannot delete");
    return true;
}

static bool lmdb_cursor(struct task *t, struct engine_tx *tx, struct engine_cursor **ret)
{
    MDB_cursor *cursor;
    int error = mdb_cursor_open(txn_of(tx), lmdb_of(tx)->dbi, &cursor);
    if (error != MDB_SUCCESS)
        return fail_lmdb(t, error, "cannot open a cursor");
    *ret = (struct engine_cursor *)cursor;
    return true;
}

static void lmdb_cursor_close(struct engine_cursor *cursor)
{
    mdb_cursor_close(cursor_of(cursor));
}

static bool hand_out(struct task *t, int error, MDB_val key, MDB_val value, struct bytes *ret_key,
                     struct bytes *ret_value)
{
    if (error != MDB_SUCCESS && error != MDB_NOTFOUND)
        return fail_lmdb(t, error, "cannot read on");
    *ret_key = error == MDB_NOTFOUND ? BYTES_ABSENT : bytes_of(key);
    *ret_value = error == MDB_NOTFOUND ? BYTES_ABSENT : bytes_of(value);
    return true;
}

static bool lmdb_seek(struct task *t, struct engine_cursor *cursor, struct bytes key,
                      bool backwards, struct bytes *ret_key, struct bytes *ret_value)
{
    MDB_cursor *c = cursor_of(cursor);
    MDB_val k = val_of(key);
    MDB_val v;
    /* LMDB takes no empty key; every key is at or after it. */
    int error = mdb_cursor_get(c, &k, &v, key.len == 0 ? MDB_FIRST : MDB_SET_RANGE);
    if (backwards && error == MDB_NOTFOUND)
        error = mdb_cursor_get(c, &k, &v, MDB_LAST);
    else if (backwards && error == MDB_SUCCESS && !bytes_equal(bytes_of(k), key))
        error = mdb_cursor_get(c, &k, &v, MDB_PREV);
    return hand_out(t, error, k, v, ret_key, ret_value);
}

static bool lmdb_step(struct task *t, struct engine_cursor *cursor, bool backwards,
                      struct bytes *ret_key, struct bytes *ret_value)
{
    MDB_val k = {0, NULL};
    MDB_val v = {0, NULL};
    int error = mdb_cursor_get(cursor_of(cursor), &k, &v, backwards ? MDB_PREV : MDB_NEXT);
    return hand_out(t, error, k, v, ret_key, ret_value);
}

/* Pages in LMDB's list of free ones: each entry is a count and that many page numbers. */
static uint64_t free_pages(MDB_env *env)
{
    MDB_txn *txn;
    MDB_cursor *cursor;
    MDB_val key;
    MDB_val pages;
    uint64_t sum = 0;
    if (mdb_txn_begin(env, NULL, MDB_RDONLY, &txn) != MDB_SUCCESS)
        return 0;
    if (mdb_cursor_open(txn, FREE_LIST_DBI, &cursor) == MDB_SUCCESS) {
        while (mdb_cursor_get(cursor, &key, &pages, MDB_NEXT) == MDB_SUCCESS) {
            size_t count;
            memcpy(&count, pages.mv_data, sizeof(count));
            sum += count;
        }
        mdb_cursor_close(cursor);
    }
    mdb_txn_abort(txn);
    return sum;
}

static void lmdb_figures(void *engine, struct store_figures *ret)
{
    struct lmdb *db = engine;
    MDB_envinfo info;
    MDB_stat stat_of_main;
    uint64_t free = free_pages(db->env); /* first: pages are only ever added */
    (void)mdb_env_info(db->env, &info);
    (void)mdb_env_stat(db->env, &stat_of_main);
    ret->size = info.me_mapsize;
    ret->used = (info.me_last_pgno + 1 - free) * stat_of_main.ms_psize;
}

/* Inode and time of birth change when the file is copied, the machine id when a disk is. */
static bool lmdb_home(struct task *t, void *engine, struct bytes *ret)
{
    struct lmdb *db = engine;
    struct statx facts;
    struct bytes machine = BYTES_ABSENT;
    if (statx(AT_FDCWD, db->data_path, 0, STATX_INO | STATX_BTIME, &facts) != 0)
        return fail_errno(t, E_STORE, errno, "cannot examine %s", db->data_path);
    if (!file_read(t, "/etc/machine-id", MACHINE_ID_MAX, &machine))
        task_forgive(t); /* containers often have none */
    const char *born = (facts.stx_mask & STATX_BTIME) == 0
                           ? ""
                           : arena_printf(t->arena, "%lld.%09u", (long long)facts.stx_btime.tv_sec,
                                          facts.stx_btime.tv_nsec);
    const char *place =
        arena_printf(t->arena, "\n%llu\n%s", (unsigned long long)facts.stx_ino, born);
    const struct bytes parts[] = {machine, bytes_of_text(place)};
    *ret = bytes_sha256(t->arena, bytes_concat(t->arena, parts, ARRAY_SIZE(parts)));
    return true;
}

const struct engine lmdb_engine = {
    .name = "lmdb",
    .open = lmdb_open,
    .close = lmdb_close,
    .begin = lmdb_begin,
    .commit = lmdb_commit,
    .abort = lmdb_abort,
    .view = lmdb_view,
    .get = lmdb_get,
    .put = lmdb_put,
    .del = lmdb_del,
    .cursor = lmdb_cursor,
    .cursor_close = lmdb_cursor_close,
    .seek = lmdb_seek,
    .step = lmdb_step,
    .figures = lmdb_figures,
    .home = lmdb_home,
};
