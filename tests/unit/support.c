#include "tests/unit/support.h"

#include "core/base/file.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define VECTOR_MAX ((size_t)1024 * 1024)

struct fixture {
    struct task task;
    const char *folder; /* NULL until asked for */
};

int test_setup(void **state)
{
    struct arena *arena = arena_create();
    struct fixture *fixture = arena_alloc(arena, sizeof(*fixture));
    task_init(&fixture->task, arena, NULL);
    *state = fixture;
    return 0;
}

static int remove_one(const char *path, const struct stat *facts, int kind, struct FTW *place)
{
    (void)facts;
    (void)kind;
    (void)place;
    return remove(path);
}

static int remove_folder(const char *folder)
{
    const int open_at_once = 16;
    /* NOLINTNEXTLINE(concurrency-mt-unsafe) */
    return nftw(folder, remove_one, open_at_once, FTW_DEPTH | FTW_PHYS);
}

int test_teardown(void **state)
{
    struct fixture *fixture = *state;
    int failed = 0;
    if (fixture->folder != NULL)
        failed = remove_folder(fixture->folder);
    arena_destroy(fixture->task.arena);
    *state = NULL;
    return failed;
}

struct task *test_task(void **state)
{
    struct fixture *fixture = *state;
    return &fixture->task;
}

const char *test_folder(void **state)
{
    struct fixture *fixture = *state;
    if (fixture->folder == NULL) {
        const char *base = getenv("TMPDIR"); /* NOLINT(concurrency-mt-unsafe) */
        char *folder = arena_printf(fixture->task.arena, "%s/gatehouse-unit-XXXXXX",
                                    base == NULL || *base == '\0' ? "/tmp" : base);
        if (mkdtemp(folder) == NULL)
            fail_msg("cannot make a folder like %s", folder);
        fixture->folder = folder;
    }
    return fixture->folder;
}

static const char *vectors_folder(void)
{
    const char *folder = getenv("GATEHOUSE_VECTORS"); /* NOLINT(concurrency-mt-unsafe) */
    return folder == NULL || *folder == '\0' ? GATEHOUSE_DEFAULT_VECTORS : folder;
}

bool vectors_present(void)
{
    struct stat facts;
    return stat(vectors_folder(), &facts) == 0 && S_ISDIR(facts.st_mode);
}

const char *vector_path(struct task *t, const char *name)
{
    return arena_printf(t->arena, "%s/%s", vectors_folder(), name);
}

struct bytes vector_read(struct task *t, const char *name)
{
    struct bytes content = BYTES_ABSENT;
    assert_ok(t, file_read(t, vector_path(t, name), VECTOR_MAX, &content));
    return content;
}

static void print_problem(const struct task *t)
{
    if (t->problem != NULL)
        print_error("    %s: %s\n", t->problem->name, t->detail);
}

void test_check_ok(const struct task *t, bool ok, const char *call, const char *file, int line)
{
    if (ok)
        return;
    print_error("%s should have succeeded\n", call);
    print_problem(t);
    _fail(file, line);
}

void test_check_fails(const struct task *t, bool ok, const struct problem_kind *kind,
                      const char *call, const char *file, int line)
{
    if (!ok && t->problem == kind)
        return;
    print_error("%s should have failed with %s\n", call, kind->name);
    print_problem(t);
    _fail(file, line);
}

void test_check_detail(const struct task *t, const char *text, const char *file, int line)
{
    if (t->detail != NULL && strstr(t->detail, text) != NULL)
        return;
    print_error("the detail should contain \"%s\"\n", text);
    print_problem(t);
    _fail(file, line);
}

void test_check_bytes(struct task *t, struct bytes actual, struct bytes expected, const char *file,
                      int line)
{
    if (bytes_equal(actual, expected))
        return;
    print_error("octets  %s\nshould be %s\n", bytes_to_hex(t->arena, actual),
                bytes_to_hex(t->arena, expected));
    _fail(file, line);
}
