/*
 * vmm-img bench: how long a number of requests takes. They go through the image's engine as a
 * guest's do, up to -d of them in flight.
 */
#include "block/img.h"
#include "block/size.h"
#include "core/event.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { OPT_FLUSH = 256, OPT_PATTERN, OPT_NO_DRAIN, OPT_ALLOW_BACKING };

struct bench {
    struct block_options options;
    bool write;
    uint64_t count, depth, bytes, step, offset, flush_interval;
    uint64_t pattern;

    struct block *block;
    uint64_t started, finished, next, since_flush;
    bool flushing;
    int error;
};

struct job {
    struct block_request request;
    struct iovec iov;
    struct bench *bench;
};

static void start(struct job *job);

static void done(struct block_request *request, int result)
{
    struct job *job = request->arg;
    struct bench *bench = job->bench;

    bench->error = result < 0 ? result : bench->error;
    if (request->op != BLOCK_FLUSH) {
        bench->finished++;
        bench->since_flush++;
        if (bench->flush_interval > 0 && bench->since_flush >= bench->flush_interval) {
            bench->since_flush = 0;
            request->op = BLOCK_FLUSH;
            block_submit(bench->block, request);
            return;
        }
    }
    start(job);
}

/* Sends the job's next request off, if any is left. */
static void start(struct job *job)
{
    struct bench *bench = job->bench;

    if (bench->started >= bench->count || bench->error < 0) {
        return;
    }
    job->request.op = bench->write ? BLOCK_WRITE : BLOCK_READ;
    job->request.offset = bench->next;
    bench->started++;
    bench->next += bench->step;
    if (bench->next > block_size(bench->block) - bench->bytes) {
        bench->next = bench->offset;
    }
    block_submit(bench->block, &job->request);
}

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int run(struct bench *bench)
{
    struct job *jobs = g_new0(struct job, bench->depth);
    void *memory = NULL;
    size_t stride = (bench->bytes + 4095) & ~(size_t)4095;

    if (posix_memalign(&memory, 4096, stride * bench->depth) != 0) {
        g_free(jobs);
        return img_fail("out of memory");
    }
    memset(memory, (int)bench->pattern, stride * bench->depth);
    double before = now();
    bench->next = bench->offset;
    for (uint64_t i = 0; i < bench->depth; i++) {
        jobs[i].iov = (struct iovec){(uint8_t *)memory + i * stride, bench->bytes};
        jobs[i].request = (struct block_request){.bytes = bench->bytes,
                                                 .iov = &jobs[i].iov,
                                                 .iov_count = 1,
                                                 .done = done,
                                                 .arg = &jobs[i]};
        jobs[i].bench = bench;
        start(&jobs[i]);
    }
    block_drain(bench->block);
    double taken = now() - before;
    free(memory);
    g_free(jobs);
    if (bench->error < 0) {
        return img_fail("Failed request: %s", g_strerror(-bench->error));
    }
    printf("Run completed in %3.3f seconds.\n", taken);
    return 0;
}

static int open_and_run(struct bench *bench, const char *path)
{
    struct event_queue *queue = event_queue_create();
    GError *error = NULL;
    int status;

    bench->options.read_only = !bench->write;
    bench->block = img_open(path, &bench->options, queue, &error);
    if (bench->block == NULL) {
        event_queue_destroy(queue);
        return img_fail_error(&error);
    }
    if (bench->offset > block_size(bench->block) ||
        bench->bytes > block_size(bench->block) - bench->offset) {
        status = img_fail("The requests do not fit into the disk");
    } else {
        printf("Sending %" G_GUINT64_FORMAT " %s requests, %" G_GUINT64_FORMAT
               " bytes each, %" G_GUINT64_FORMAT
               " in parallel (starting at offset %" G_GUINT64_FORMAT
               ", step size %" G_GUINT64_FORMAT ")\n",
               bench->count, bench->write ? "write" : "read", bench->bytes, bench->depth,
               bench->offset, bench->step);
        if (bench->flush_interval > 0) {
            printf("Sending flush every %" G_GUINT64_FORMAT " requests\n", bench->flush_interval);
        }
        fflush(stdout);
        status = run(bench);
    }
    block_close(bench->block);
    event_queue_destroy(queue);
    return status;
}

static const char *value_name(int option)
{
    static const struct {
        int option;
        const char *name;
    } names[] = {{'c', "request count"},  {'d', "queue depth"},       {'o', "offset"},
                 {'s', "buffer size"},    {'S', "step size"},         {'t', "cache mode"},
                 {OPT_FLUSH, "flush interval"}, {OPT_PATTERN, "pattern byte"}};
    unsigned i = 0;

    while (i + 1 < G_N_ELEMENTS(names) && names[i].option != option) {
        i++;
    }
    return names[i].name;
}

static int run_bench(int argc, char **argv)
{
    static const struct option longs[] = {{"help", no_argument, NULL, 'h'},
                                          {"flush-interval", required_argument, NULL, OPT_FLUSH},
                                          {"pattern", required_argument, NULL, OPT_PATTERN},
                                          {"no-drain", no_argument, NULL, OPT_NO_DRAIN},
                                          {"force-share", no_argument, NULL, 'U'},
                                          {"allow-backing", no_argument, NULL, OPT_ALLOW_BACKING},
                                          {0}};
    struct bench bench = {.count = 75000, .depth = 64, .bytes = 4096};
    bool quiet = false;

    for (int c; (c = getopt_long(argc, argv, ":hc:d:f:ni:o:qs:S:t:wU", longs, NULL)) != -1;) {
        bool ok = true;
        switch (c) {
        case 'h':
            return img_help(&img_bench_command);
        case 'c':
            ok = block_size_parse(optarg, &bench.count);
            break;
        case 'd':
            ok = block_size_parse(optarg, &bench.depth) && bench.depth > 0 && bench.depth <= 4096;
            break;
        case 'f':
            bench.options.format = optarg;
            break;
        case 'o':
            ok = block_size_parse(optarg, &bench.offset);
            break;
        case 's':
            ok = block_size_parse(optarg, &bench.bytes) && bench.bytes > 0 &&
                 bench.bytes <= 16 << 20;
            break;
        case 'S':
            ok = block_size_parse(optarg, &bench.step);
            break;
        case 't':
            ok = block_cache_parse(optarg, &bench.options.cache);
            break;
        case 'n':
            bench.options.cache = BLOCK_CACHE_NONE;
            break;
        case 'i':
            if (strcmp(optarg, "threads") != 0 && strcmp(optarg, "native") != 0 &&
                strcmp(optarg, "io_uring") != 0) {
                return img_fail("Invalid aio option: %s", optarg);
            }
            /* Else the engine that suits the image. */
            bench.options.aio = strcmp(optarg, "threads") == 0 ? BLOCK_AIO_THREADS : BLOCK_AIO_AUTO;
            break;
        case 'q':
            quiet = true;
            break;
        case OPT_NO_DRAIN:
            break;
        case 'w':
            bench.write = true;
            break;
        case 'U':
            bench.options.no_lock = true;
            break;
        case OPT_FLUSH:
            ok = block_size_parse(optarg, &bench.flush_interval);
            break;
        case OPT_PATTERN:
            ok = block_size_parse(optarg, &bench.pattern) && bench.pattern < 256;
            break;
        case OPT_ALLOW_BACKING:
            bench.options.allow_backing = true;
            break;
        default:
            return img_bad_option(&img_bench_command, c, argv);
        }
        if (!ok) {
            return img_fail("Invalid %s specified", value_name(c));
        }
    }
    if (argc - optind != 1) {
        return img_fail_usage(&img_bench_command, "Expecting one image file name");
    }
    if (!bench.write && bench.flush_interval > 0) {
        return img_fail("--flush-interval is only available in write tests");
    }
    if (bench.flush_interval > 0 && bench.flush_interval < bench.depth) {
        return img_fail("Flush interval can't be smaller than depth");
    }
    (void)quiet; /* as in qemu-img, what -q leaves out is nothing */
    bench.step = bench.step != 0 ? bench.step : bench.bytes;
    return open_and_run(&bench, argv[optind]);
}

const struct img_command img_bench_command = {
    .name = "bench",
    .run = run_bench,
    .usage = "[-f FORMAT] [-c COUNT] [-d DEPTH] [-s SIZE] [-S STEP] [-o OFFSET] [-t CACHE] [-n] "
             "[-w] [-i AIO] [-q] [--flush-interval=N] [--no-drain] [--pattern=BYTE] [-U] FILE",
};
