/*
 * Runs in the guest of tests/bench/disk.sh: reads and writes /dev/sda past the guest's cache, in order with 1 MiB and
 * at random with 4 KiB, one request at a time. Each step prints a line when it begins, and "END name bytes requests
 * seconds" (by the guest's clock).
 *   disk MEBIBYTES REQUESTS     so much in order; so many at random
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LARGE = 1 << 20, SMALL = 4096 };

static double now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void step(const char *name, int write, int at_random, uint64_t disk_bytes, unsigned count)
{
    static uint64_t random = 12345;
    size_t bytes = at_random ? SMALL : LARGE;
    uint8_t *buffer = aligned_alloc(SMALL, LARGE);
    int fd = open("/dev/sda", O_RDWR | O_DIRECT);

    if (fd < 0 || buffer == NULL) {
        perror("/dev/sda");
        exit(1);
    }
    memset(buffer, 0x5a, LARGE);
    printf("BEGIN %s\n", name);
    fflush(stdout);
    double start = now();
    for (unsigned i = 0; i < count; i++) {
        uint64_t unit = i;
        if (at_random) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            unit = (random >> 20) % (disk_bytes / SMALL);
        }
        ssize_t n = write ? pwrite(fd, buffer, bytes, (off_t)(unit * bytes))
                          : pread(fd, buffer, bytes, (off_t)(unit * bytes));
        if (n != (ssize_t)bytes) {
            perror(name);
            exit(1);
        }
    }
    printf("END %s %llu %u %.4f\n", name, (unsigned long long)bytes * count, count, now() - start);
    fflush(stdout);
    close(fd);
    free(buffer);
}

int main(int argc, char **argv)
{
    unsigned mib = argc > 1 ? (unsigned)atoi(argv[1]) : 64;
    unsigned requests = argc > 2 ? (unsigned)atoi(argv[2]) : 4000;
    uint64_t bytes = (uint64_t)mib << 20;

    step("read-1M", 0, 0, bytes, mib);
    step("write-1M", 1, 0, bytes, mib);
    step("read-4k", 0, 1, bytes, requests);
    step("write-4k", 1, 1, bytes, requests);
    return 0;
}
