/*
 * A cloud that speaks something else: a program of the owner's does, from a folder that the node
 * file names.  It gets the operation as its one argument and JSON on standard input; JSON on
 * standard output and the exit status are the answer.  No shell, an empty environment, bounded time
 * and output.
 *
 *     PROGRAM claim|register|withdraw|devices|release
 *
 * Exit status 0: done.  75 (EX_TEMPFAIL): try again later.  77 (EX_NOPERM): we are not taken for
 * the owner.  Others: it will not be done.
 */
#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/http/body.h"
#include "registrar/cloud/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#define OUTPUT_MAX ((size_t)4 * 1024 * 1024)
#define ERRORS_MAX ((size_t)64 * 1024)
#define PIECE      ((size_t)64 * 1024)

static const char *const operation_words[] = {
    [CLOUD_OP_CLAIM] = "claim",       [CLOUD_OP_REGISTER] = "register",
    [CLOUD_OP_WITHDRAW] = "withdraw", [CLOUD_OP_DEVICES] = "devices",
    [CLOUD_OP_RELEASE] = "release",
};

enum { INPUT, OUTPUT, ERRORS, STREAMS };

/* The program while it runs, seen from here. */
struct program {
    pid_t pid;
    int fds[STREAMS]; /* our ends; -1: closed */
    struct bytes input;
    struct body gathered[STREAMS];
    uint8_t *piece;   /* PIECE octets */
    int64_t deadline; /* clock_monotonic() ms */
};

static void close_fd(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}

/* ---- Starting it ---- */

static bool make_pipes(struct task *t, int theirs[STREAMS], int ours[STREAMS])
{
    for (int i = 0; i < STREAMS; i++) {
        int ends[2];
        if (pipe2(ends, O_CLOEXEC) != 0)
            return fail_errno(t, E_CLOUD_FAILED, errno, "no pipe");
        theirs[i] = ends[i == INPUT ? 0 : 1];
        ours[i] = ends[i == INPUT ? 1 : 0];
        (void)fcntl(ours[i], F_SETFL, O_NONBLOCK);
    }
    return true;
}

/* A process group of its own, no signal of ours blocked or ignored. */
static void spawn_settings(posix_spawnattr_t *attributes, posix_spawn_file_actions_t *actions,
                           const int theirs[STREAMS])
{
    sigset_t none;
    sigset_t all;
    (void)sigemptyset(&none);
    (void)sigfillset(&all);
    (void)posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
                                                   POSIX_SPAWN_SETSIGDEF);
    (void)posix_spawnattr_setsigmask(attributes, &none);
    (void)posix_spawnattr_setsigdefault(attributes, &all);
    for (int i = 0; i < STREAMS; i++)
        (void)posix_spawn_file_actions_adddup2(actions, theirs[i], i);
}

static bool spawn(struct task *t, const char *path, const char *operation,
                  const int theirs[STREAMS], pid_t *ret)
{
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_t actions;
    char *const arguments[] = {(char *)path, (char *)operation, NULL};
    char *const environment[] = {(char *)"PATH=/usr/bin:/bin", NULL};
    (void)posix_spawnattr_init(&attributes);
    (void)posix_spawn_file_actions_init(&actions);
    spawn_settings(&attributes, &actions, theirs);
    int error = posix_spawn(ret, path, &actions, &attributes, arguments, environment);
    (void)posix_spawn_file_actions_destroy(&actions);
    (void)posix_spawnattr_destroy(&attributes);
    if (error != 0)
        return fail_errno(t, E_CLOUD_PROGRAM, error, "%s", path);
    return true;
}

static bool start(struct task *t, const struct cloud_agent *agent, const char *path,
                  const char *operation, struct bytes input, struct program *ret)
{
    int theirs[STREAMS] = {-1, -1, -1};
    int64_t left = task_time_left(t, agent->patience);
    int64_t patience = left < agent->patience ? left : agent->patience;
    struct program program = {
        .pid = -1,
        .fds = {-1, -1, -1},
        .input = input,
        .deadline = clock_monotonic() + patience,
    };
    bool started =
        make_pipes(t, theirs, program.fds) && spawn(t, path, operation, theirs, &program.pid);
    for (int i = 0; i < STREAMS; i++) {
        close_fd(&theirs[i]);
        if (!started)
            close_fd(&program.fds[i]);
    }
    TRY(started);
    program.piece = arena_alloc(t->arena, PIECE);
    *ret = program;
    return true;
}

/* ---- Talking to it ---- */

static void feed(struct program *p)
{
    ssize_t wrote = write(p->fds[INPUT], p->input.data, p->input.len);
    if (wrote > 0)
        p->input = bytes_make(p->input.data + wrote, p->input.len - (size_t)wrote);
    else if (wrote < 0 && errno != EAGAIN && errno != EINTR)
        p->input.len = 0; /* it does not read on */
    if (p->input.len == 0)
        close_fd(&p->fds[INPUT]);
}

/* What is too much of its complaints is read and forgotten. */
static bool gather(struct task *t, struct program *p, int stream)
{
    static const size_t most[STREAMS] = {[OUTPUT] = OUTPUT_MAX, [ERRORS] = ERRORS_MAX};
    struct body *gathered = &p->gathered[stream];
    ssize_t got = read(p->fds[stream], p->piece, PIECE);
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
        close_fd(&p->fds[stream]);
    if (got <= 0)
        return true;
    bool fits = (size_t)got <= most[stream] - gathered->len;
    ENSURE(t, fits || stream == ERRORS, E_CLOUD_PROGRAM, "it writes more than %zu octets",
           most[stream]);
    if (fits)
        body_append(t->arena, gathered, p->piece, (size_t)got);
    return true;
}

static bool serve_streams(struct task *t, struct program *p)
{
    struct pollfd polled[STREAMS];
    for (int i = 0; i < STREAMS; i++)
        polled[i] = (struct pollfd){.fd = p->fds[i], .events = i == INPUT ? POLLOUT : POLLIN};
    int64_t left = p->deadline - clock_monotonic();
    ENSURE(t, left > 0, E_CLOUD_PROGRAM, "it did not end in time");
    if (poll(polled, STREAMS, (int)left) < 0)
        return true;
    if (polled[INPUT].revents != 0)
        feed(p);
    for (int i = OUTPUT; i < STREAMS; i++) {
        if (polled[i].revents != 0)
            TRY(gather(t, p, i));
    }
    return true;
}

static bool converse(struct task *t, struct program *p)
{
    while (p->fds[OUTPUT] >= 0 || p->fds[ERRORS] >= 0)
        TRY(serve_streams(t, p));
    return true;
}

/* It has closed its outputs; what is left of it, and of its children, ends at the deadline. */
static int wait_for_end(struct program *p)
{
    int status = 0;
    pid_t ended;
    while ((ended = waitpid(p->pid, &status, WNOHANG)) == 0 && clock_monotonic() < p->deadline)
        (void)poll(NULL, 0, 5);
    (void)kill(-p->pid, SIGKILL);
    if (ended == 0)
        (void)waitpid(p->pid, &status, 0);
    return status;
}

/* ---- What came of it ---- */

static bool judge(struct task *t, const struct program *p, int status)
{
    const char *words =
        bytes_to_printable(t->arena, body_octets(&p->gathered[ERRORS]), CLOUD_WORDS_MAX);
    ENSURE(t, WIFEXITED(status), E_CLOUD_PROGRAM, "signal %d ended it: %s", WTERMSIG(status),
           words);
    int code = WEXITSTATUS(status);
    ENSURE(t, code != EX_TEMPFAIL, E_CLOUD_FAILED, "exit status %d: %s", code, words);
    ENSURE(t, code != EX_NOPERM, E_CLOUD_REFUSED, "exit status %d: %s", code, words);
    ENSURE(t, code == 0, E_CLOUD_PROGRAM, "exit status %d: %s", code, words);
    return true;
}

static bool run(struct task *t, const struct cloud_agent *agent, const char *path,
                const char *operation, struct bytes input, struct bytes *ret)
{
    struct program p;
    TRY(start(t, agent, path, operation, input, &p));
    bool talked = converse(t, &p);
    if (!talked)
        p.deadline = 0;
    int status = wait_for_end(&p);
    for (int i = 0; i < STREAMS; i++)
        close_fd(&p.fds[i]);
    TRY(talked && judge(t, &p, status));
    *ret = body_octets(&p.gathered[OUTPUT]);
    return true;
}

/* Operations without a body say whose account it is, and where a page begins. */
static bool input_of(struct task *t, const struct cloud *cloud, const struct cloud_call *call,
                     struct bytes *ret)
{
    if (bytes_present(call->body)) {
        *ret = call->body;
        return true;
    }
    json_t *body = json_in_arena(t, json_pack("{s:s}", "owner", cloud->owner));
    if (call->after != NULL)
        (void)json_object_set_new(body, "after", json_string(call->after));
    return json_write(t, body, ret);
}

static bool call_command(struct task *t, const struct cloud_agent *agent, const struct cloud *cloud,
                         const struct cloud_call *call, struct bytes *ret)
{
    struct bytes input;
    struct bytes output;
    ENSURE(t, agent->programs != NULL, E_CLOUD_PROGRAM, "the node file names no cloud-programs");
    const char *path = arena_printf(t->arena, "%s/%s", agent->programs, cloud->program);
    TRY(input_of(t, cloud, call, &input));
    if (!run(t, agent, path, operation_words[call->operation], input, &output))
        return fail_context(t, "%s %s", cloud->program, operation_words[call->operation]);
    *ret = output.len == 0 ? BYTES_LITERAL("{}") : output;
    return true;
}

const struct cloud_backend_kind cloud_backend_command = {.call = call_command};
