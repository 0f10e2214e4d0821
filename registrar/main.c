/* gatehoused: reads the node file, opens the house, serves until it is told to stop. */
#include "registrar/house.h"

#include "core/base/clock.h"
#include "core/base/config.h"
#include "core/base/failpoint.h"
#include "core/base/log.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>
#include <systemd/sd-daemon.h>

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_CONFIG = 3 };

static const char usage[] =
    "usage: gatehoused [--config FILE] [--check-config]\n"
    "\n"
    "The owner's BRSKI registrar (RFC 8995) and EST server (RFC 7030).\n"
    "\n"
    "  --config FILE      node file (default " NODE_FILE_DEFAULT ")\n"
    "  --check-config     read the node file, say what is wrong with it, and exit\n"
    "  --example-config   print a node file with every item, its default and its meaning\n"
    "  --version          print the version\n"
    "  --help             print this\n"
    "\n"
    "Exit status: 0 stopped as asked (or the node file is good), 1 could not start or go on,\n"
    "2 wrong use, 3 the node file is wrong, or a file that it names.\n"
    "\n"
    "The store and keys are made by `gatehousectl init`.  See gatehoused(8).\n";

enum action { SERVE, CHECK_CONFIG };

struct arguments {
    const char *config;
    enum action action;
};

static int print_example(void)
{
    struct task t;
    CLEANUP(arena_cleanup) struct arena *arena = arena_create();
    task_init(&t, arena, NULL);
    (void)fputs(config_example(&t, &node_type), stdout);
    return EXIT_OK;
}

/* An exit status when there is nothing to run, or -1. */
static int read_arguments(int argc, char **argv, struct arguments *ret)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'},
        {"check-config", no_argument, NULL, 'k'},
        {"example-config", no_argument, NULL, 'e'},
        {"failpoints", no_argument, NULL, 'f'},
        {"version", no_argument, NULL, 'v'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    *ret = (struct arguments){NODE_FILE_DEFAULT, SERVE};
    for (;;) {
        /* NOLINTNEXTLINE(concurrency-mt-unsafe): there is one thread yet */
        int c = getopt_long(argc, argv, "c:h", options, NULL);
        if (c == -1)
            break;
        switch (c) {
        case 'c':
            ret->config = optarg;
            break;
        case 'k':
            ret->action = CHECK_CONFIG;
            break;
        case 'e':
            return print_example();
        case 'f':
            failpoints_list(stdout);
            return EXIT_OK;
        case 'v':
            (void)puts("gatehoused " GATEHOUSE_VERSION);
            return EXIT_OK;
        case 'h':
            (void)fputs(usage, stdout);
            return EXIT_OK;
        default:
            (void)fputs(usage, stderr);
            return EXIT_USAGE;
        }
    }
    if (optind < argc) {
        (void)fprintf(stderr, "gatehoused: unexpected argument %s\n%s", argv[optind], usage);
        return EXIT_USAGE;
    }
    return -1;
}

/* The main thread waits for these; every other thread inherits them blocked. */
static sigset_t block_signals(void)
{
    sigset_t signals;
    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGTERM);
    (void)sigaddset(&signals, SIGINT);
    (void)sigaddset(&signals, SIGHUP);
    (void)pthread_sigmask(SIG_BLOCK, &signals, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    return signals;
}

/* Our certificates may have been changed beside us. */
static void read_again(struct house *house, const struct log *log)
{
    CLEANUP(arena_cleanup) struct arena *arena = arena_create();
    struct task t;
    task_init(&t, arena, log);
    if (house_refresh_identities(&t, house))
        log_info(&t, "our certificates were read again");
    else
        log_problem(&t, "our certificates were not read again");
}

/* Beats systemd's watchdog while the house is alive; returns the signal that ends it. */
static int wait_for_signal(struct house *house, const sigset_t *signals, const struct log *log)
{
    const struct timespec beat = {.tv_sec = 1};
    for (;;) {
        int signal_number = sigtimedwait(signals, NULL, &beat);
        if (signal_number == SIGTERM || signal_number == SIGINT)
            return signal_number;
        if (signal_number == SIGHUP)
            read_again(house, log);
        if (house_alive(house))
            (void)sd_notify(0, "WATCHDOG=1");
    }
}

static int serve(struct task *t, struct house *house, const sigset_t *signals)
{
    int status = EXIT_OK;
    if (house_open(t, house)) {
        log_info(t, "ready", LOG_NUMBER("port", http_server_port(house->pledges)),
                 LOG_TEXT("admin", house->node.listen.admin),
                 LOG_TEXT("version", GATEHOUSE_VERSION));
        (void)sd_notifyf(0, "READY=1\nSTATUS=serving on port %u", http_server_port(house->pledges));
        int signal_number = wait_for_signal(house, signals, t->log);
        log_info(t, "stopping", LOG_TEXT("signal", strsignal(signal_number))); /* NOLINT */
        (void)sd_notify(0, "STOPPING=1");
    } else {
        log_problem(t, "could not start");
        status = EXIT_FAILED;
    }
    task_forgive(t);
    if (!house_close(t, house))
        _exit(status); /* threads are still at it: nothing may be freed under them */
    log_info(t, "stopped", LOG_NUMBER("status", status));
    return status;
}

int main(int argc, char **argv)
{
    struct arguments arguments;
    int done = read_arguments(argc, argv, &arguments);
    if (done >= 0)
        return done;
    if (sodium_init() < 0)
        return EXIT_FAILED;

    struct log log = log_make("gatehoused", LOG_LEVEL_INFO);
    struct house house = {.store = NULL};
    struct task t;
    CLEANUP(arena_cleanup) struct arena *arena = arena_create();
    task_init(&t, arena, &log);
    if (!node_read(&t, arguments.config, &house.node)) {
        (void)fprintf(stderr, "gatehoused: %s\n", t.detail);
        return EXIT_CONFIG;
    }
    if (!house_check_node(&t, &house)) {
        (void)fprintf(stderr, "gatehoused: %s: %s\n", arguments.config, t.detail);
        return EXIT_CONFIG;
    }
    if (arguments.action == CHECK_CONFIG) {
        (void)printf("%s is good\n", arguments.config);
        return EXIT_OK;
    }
    if (!log_level_from_text(house.node.log_level, &log.level))
        log.level = LOG_LEVEL_INFO;
    sigset_t signals = block_signals();
    return serve(&t, &house, &signals);
}
