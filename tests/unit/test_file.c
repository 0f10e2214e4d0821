#include "tests/unit/support.h"

#include "core/base/file.h"

#include <dirent.h>
#include <string.h>
#include <sys/stat.h>

static const char *in_folder(void **state, const char *name)
{
    return arena_printf(test_task(state)->arena, "%s/%s", test_folder(state), name);
}

static size_t entries_in(const char *path)
{
    DIR *folder = opendir(path);
    assert_non_null(folder);
    size_t count = 0;
    while (readdir(folder) != NULL) /* NOLINT(concurrency-mt-unsafe) */
        count++;
    (void)closedir(folder);
    return count - 2; /* "." and ".." */
}

static unsigned mode_of(const char *path)
{
    struct stat facts;
    assert_int_equal(stat(path, &facts), 0);
    return facts.st_mode & 07777U;
}

static void written_file_is_read_back(void **state)
{
    struct task *t = test_task(state);
    const char *path = in_folder(state, "f");
    struct bytes content;
    assert_ok(t, file_write(t, path, BYTES_LITERAL("one\0two"), 0600));
    assert_ok(t, file_read(t, path, 7, &content));
    assert_bytes_equal(t, content, BYTES_LITERAL("one\0two"));
    assert_int_equal(mode_of(path), 0600);
}

static void writing_replaces_the_file_and_leaves_nothing_beside_it(void **state)
{
    struct task *t = test_task(state);
    const char *path = in_folder(state, "f");
    struct bytes content;
    assert_ok(t, file_write(t, path, BYTES_LITERAL("a longer old content"), 0600));
    assert_ok(t, file_write(t, path, BYTES_LITERAL("new"), 0600));
    assert_ok(t, file_read(t, path, 100, &content));
    assert_bytes_equal(t, content, BYTES_LITERAL("new"));
    assert_int_equal(entries_in(test_folder(state)), 1);
}

static void failed_write_leaves_nothing_behind(void **state)
{
    struct task *t = test_task(state);
    assert_ok(t, folder_make(t, in_folder(state, "d/e"), 0700));
    assert_fails(t, file_write(t, in_folder(state, "d"), BYTES_LITERAL("x"), 0600), E_IO);
    assert_detail(t, "cannot rename onto");
    assert_int_equal(entries_in(test_folder(state)), 1);
    assert_fails(t, file_write(t, in_folder(state, "none/f"), BYTES_LITERAL("x"), 0600), E_IO);
    assert_detail(t, "No such file");
}

static void file_larger_than_the_limit_is_refused(void **state)
{
    struct task *t = test_task(state);
    const char *path = in_folder(state, "f");
    struct bytes content = BYTES_LITERAL("untouched");
    assert_ok(t, file_write(t, path, BYTES_LITERAL("12345678"), 0600));
    assert_fails(t, file_read(t, path, 7, &content), E_TOO_LARGE);
    assert_detail(t, "larger than 7 octets");
    assert_bytes_equal(t, content, BYTES_LITERAL("untouched"));
    assert_fails(t, file_read_secret(t, path, 7, &content), E_TOO_LARGE);
    assert_ok(t, file_read(t, path, 8, &content));
    assert_int_equal(content.len, 8);
}

static void missing_file_and_folder_are_not_read(void **state)
{
    struct task *t = test_task(state);
    struct bytes content;
    assert_fails(t, file_read(t, in_folder(state, "none"), 10, &content), E_IO);
    assert_detail(t, "No such file");
    assert_fails(t, file_read(t, test_folder(state), 10000, &content), E_IO);
}

static void secret_loses_one_newline_only(void **state)
{
    struct task *t = test_task(state);
    const char *path = in_folder(state, "pin");
    struct bytes pin;
    assert_ok(t, file_write(t, path, BYTES_LITERAL("1234\n\n"), 0640));
    assert_ok(t, file_read_secret(t, path, 100, &pin));
    assert_bytes_equal(t, pin, BYTES_LITERAL("1234\n"));
}

static void secret_open_to_everybody_is_refused(void **state)
{
    static const unsigned modes[] = {0604, 0602, 0601, 0644};
    struct task *t = test_task(state);
    const char *path = in_folder(state, "pin");
    struct bytes pin = BYTES_LITERAL("untouched");
    for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
        assert_ok(t, file_write(t, path, BYTES_LITERAL("1234"), 0600));
        assert_int_equal(chmod(path, modes[i]), 0);
        assert_fails(t, file_read_secret(t, path, 100, &pin), E_DENIED);
        assert_null(strstr(t->detail, "1234"));
    }
    assert_bytes_equal(t, pin, BYTES_LITERAL("untouched"));
}

static void folders_are_made_with_those_above(void **state)
{
    struct task *t = test_task(state);
    assert_ok(t, folder_make(t, in_folder(state, "a/b/c"), 0700));
    assert_int_equal(mode_of(in_folder(state, "a/b/c")), 0700);
    assert_ok(t, folder_make(t, in_folder(state, "a/b/c"), 0700));
    assert_ok(t, folder_make(t, in_folder(state, "a/b/d/"), 0700));
    assert_int_equal(entries_in(in_folder(state, "a/b")), 2);
}

static void file_in_the_place_of_a_folder_is_an_error(void **state)
{
    struct task *t = test_task(state);
    assert_ok(t, file_write(t, in_folder(state, "f"), BYTES_LITERAL("x"), 0600));
    assert_fails(t, folder_make(t, in_folder(state, "f"), 0700), E_IO);
    assert_fails(t, folder_make(t, in_folder(state, "f/g"), 0700), E_IO);
    assert_fails(t, folder_make(t, "", 0700), E_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(written_file_is_read_back),
        UNIT_TEST(writing_replaces_the_file_and_leaves_nothing_beside_it),
        UNIT_TEST(failed_write_leaves_nothing_behind),
        UNIT_TEST(file_larger_than_the_limit_is_refused),
        UNIT_TEST(missing_file_and_folder_are_not_read),
        UNIT_TEST(secret_loses_one_newline_only),
        UNIT_TEST(secret_open_to_everybody_is_refused),
        UNIT_TEST(folders_are_made_with_those_above),
        UNIT_TEST(file_in_the_place_of_a_folder_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
