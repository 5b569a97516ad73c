/*
 * Both ends of the network tests, as one static program: `serve` on the host, `run` in the guest.
 *
 *   net_peer serve PORT        listens on 127.0.0.1 (port 0: any), prints "PORT n" and then one line a test
 *   net_peer listen PORT       the same on all addresses, for guests that talk to each other
 *   net_peer run HOST PORT TEST [N]
 *   net_peer dns ADDRESS NAME NUMBERS   a name server at port 53 of ADDRESS that knows one name's IPv4 address
 *   net_peer tap NAME FD SCRIPT COMMAND..   opens a tap device as descriptor FD, runs SCRIPT NAME, then becomes COMMAND
 *
 * TEST: send, receive = N MiB of pseudo-random data whose sum is checked; out, in = the same of data that cost nothing
 * to make and are not looked at; ping = N round trips of one byte; connect = N connections, one after the other.
 * Times are taken by the server alone: a guest's clock is not trusted. A first message says test and N.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CHUNK   (256u << 10)
#define MIB     (1u << 20)
#define SEED    0x9e3779b97f4a7c15ull
#define TIMEOUT 300 /* seconds without a byte */
#define DNS_HEADER 12u

struct request {
    char test; /* first letter of the test */
    uint8_t pad[3];
    uint32_t n;
};

static void fail(const char *what)
{
    printf("net_peer: %s: %s\n", what, strerror(errno));
    exit(1);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void write_all(int fd, const void *data, size_t size)
{
    const uint8_t *p = data;
    while (size > 0) {
        ssize_t n = write(fd, p, size);
        if (n < 0 && errno == EINTR) {
            continue; /* stopped and continued */
        }
        if (n <= 0) {
            fail("write");
        }
        p += n;
        size -= (size_t)n;
    }
}

static void read_all(int fd, void *data, size_t size)
{
    uint8_t *p = data;
    while (size > 0) {
        ssize_t n = read(fd, p, size);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            errno = n == 0 ? ECONNRESET : errno;
            fail("read");
        }
        p += n;
        size -= (size_t)n;
    }
}

/* One chunk, different for each number: cheap to make even under an interpreter. */
static void fill(uint64_t *chunk, uint64_t number)
{
    uint64_t x = SEED * (number + 1);
    for (unsigned i = 0; i < CHUNK / 8; i++) {
        chunk[i] = x += SEED;
    }
}

static uint64_t sum(const uint64_t *chunk, uint64_t before)
{
    uint64_t a = before;
    for (unsigned i = 0; i < CHUNK / 8; i++) {
        a = (a << 1 | a >> 63) ^ chunk[i];
    }
    return a;
}

static uint64_t chunk_buffer[CHUNK / 8];

/* The data goes out; then the other side's sum comes back. */
static bool data_out(int fd, uint32_t mib, bool checked)
{
    uint64_t mine = 0, theirs;
    for (uint64_t i = 0; i < (uint64_t)mib * (MIB / CHUNK); i++) {
        if (checked) {
            fill(chunk_buffer, i);
            mine = sum(chunk_buffer, mine);
        }
        write_all(fd, chunk_buffer, CHUNK);
    }
    read_all(fd, &theirs, sizeof(theirs));
    return mine == theirs;
}

static bool data_in(int fd, uint32_t mib, bool checked)
{
    uint64_t mine = 0, right = 0;
    static uint64_t expected[CHUNK / 8];
    for (uint64_t i = 0; i < (uint64_t)mib * (MIB / CHUNK); i++) {
        read_all(fd, chunk_buffer, CHUNK);
        if (checked) {
            mine = sum(chunk_buffer, mine);
            fill(expected, i);
            right = sum(expected, right);
        }
    }
    write_all(fd, &mine, sizeof(mine));
    return mine == right;
}

static void set_options(int fd)
{
    int one = 1;
    struct timeval limit = {.tv_sec = TIMEOUT};
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
}

static void serve_connections(int fd, int listener, uint32_t n)
{
    uint8_t ready = 1;
    write_all(fd, &ready, 1);
    double start = now();
    for (uint32_t i = 0; i < n; i++) {
        int one = accept(listener, NULL, NULL);
        if (one < 0) {
            fail("accept");
        }
        set_options(one);
        read_all(one, &ready, 1);
        write_all(one, &ready, 1);
        close(one);
    }
    printf("connect %.0f per s\n", n / (now() - start));
}

static void serve_one(int fd, int listener)
{
    struct request request;
    uint8_t byte = 1;
    set_options(fd);
    read_all(fd, &request, sizeof(request));
    double start = now();
    bool good = true;
    switch (request.test) {
    case 's':
    case 'o':
        good = data_in(fd, request.n, request.test == 's');
        printf("out %.1f MB/s %s\n", request.n * (double)MIB / 1e6 / (now() - start), good ? "good" : "BAD");
        break;
    case 'r':
    case 'i':
        good = data_out(fd, request.n, request.test == 'r');
        printf("in %.1f MB/s %s\n", request.n * (double)MIB / 1e6 / (now() - start), good ? "good" : "BAD");
        break;
    case 'p':
        for (uint32_t i = 0; i < request.n; i++) {
            write_all(fd, &byte, 1);
            read_all(fd, &byte, 1);
        }
        printf("ping %.0f per s\n", request.n / (now() - start));
        break;
    case 'c':
        serve_connections(fd, listener, request.n);
        break;
    }
    fflush(stdout);
}

static int serve(uint32_t address, const char *port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(address),
                             .sin_port = htons((uint16_t)atoi(port))};
    socklen_t size = sizeof(at);
    int one = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (bind(listener, (struct sockaddr *)&at, size) < 0 || listen(listener, 64) < 0) {
        fail("listen");
    }
    getsockname(listener, (struct sockaddr *)&at, &size);
    printf("PORT %d\n", ntohs(at.sin_port));
    fflush(stdout);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        if (fd < 0) {
            fail("accept");
        }
        pid_t child = fork();
        if (child == 0) {
            serve_one(fd, listener);
            close(fd);
            exit(0);
        }
        close(fd);
        /* In turn: the many connections of one test are the child's to accept. */
        waitpid(child, NULL, 0);
    }
}

static int dial(const char *host, const char *port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (inet_pton(AF_INET, host, &at.sin_addr) != 1) {
        errno = EINVAL;
        fail(host);
    }
    set_options(fd);
    if (connect(fd, (struct sockaddr *)&at, sizeof(at)) < 0) {
        fail("connect");
    }
    return fd;
}

static int run(const char *host, const char *port, const char *test, uint32_t n)
{
    struct request request = {.test = test[0], .n = n};
    uint8_t byte = 1;
    bool good = true;
    int fd = dial(host, port);
    write_all(fd, &request, sizeof(request));
    switch (request.test) {
    case 's':
    case 'o':
        good = data_out(fd, n, request.test == 's');
        break;
    case 'r':
    case 'i':
        good = data_in(fd, n, request.test == 'r');
        break;
    case 'p':
        for (uint32_t i = 0; i < n; i++) {
            read_all(fd, &byte, 1);
            write_all(fd, &byte, 1);
        }
        break;
    case 'c':
        read_all(fd, &byte, 1);
        for (uint32_t i = 0; i < n; i++) {
            int one = dial(host, port);
            write_all(one, &byte, 1);
            read_all(one, &byte, 1);
            close(one);
        }
        break;
    default:
        printf("net_peer: unknown test '%s'\n", test);
        return 1;
    }
    close(fd);
    printf("net_peer %s %s\n", test, good ? "GOOD" : "BAD");
    return !good;
}

/* Answers one question (RFC 1035): an A record for the name, "no such name" for others. */
static size_t dns_answer(uint8_t *packet, size_t size, const char *name, const uint8_t address[4])
{
    static const uint8_t record[] = {0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4};
    char asked[256] = "";
    size_t at = DNS_HEADER, length = 0;
    while (at < size && packet[at] != 0 && at + packet[at] < size && length + packet[at] + 2 < sizeof(asked)) {
        length += (size_t)snprintf(asked + length, sizeof(asked) - length, "%s%.*s", length > 0 ? "." : "", packet[at],
                                   (const char *)packet + at + 1);
        at += 1u + packet[at];
    }
    size_t end = at + 5; /* the last label, type and class */
    if (size < DNS_HEADER || end > size) {
        return 0;
    }
    bool known = strcmp(asked, name) == 0, wanted = known && packet[at + 2] == 1;
    packet[2] = 0x85; /* an authoritative answer */
    packet[3] = known ? 0x80 : 0x83;
    memset(packet + 6, 0, 6);
    if (wanted) {
        packet[7] = 1;
        memcpy(packet + end, record, sizeof(record));
        memcpy(packet + end + sizeof(record), address, 4);
        end += sizeof(record) + 4;
    }
    return end;
}

static void dns(const char *host, const char *name, const char *numbers)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(53)}, from;
    uint8_t address[4], packet[1024];
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (inet_pton(AF_INET, host, &at.sin_addr) != 1 || inet_pton(AF_INET, numbers, address) != 1) {
        errno = EINVAL;
        fail("dns");
    }
    if (bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0) {
        fail("port 53");
    }
    for (;;) {
        socklen_t length = sizeof(from);
        ssize_t n = recvfrom(fd, packet, 512, 0, (struct sockaddr *)&from, &length);
        size_t size = n > 0 ? dns_answer(packet, (size_t)n, name, address) : 0;
        if (size > 0) {
            sendto(fd, packet, size, 0, (struct sockaddr *)&from, length);
        }
    }
}

static int tap(char **argv)
{
    struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI};
    int fd = open("/dev/net/tun", O_RDWR), wanted = atoi(argv[1]), status;
    strncpy(request.ifr_name, argv[0], IFNAMSIZ - 1);
    if (fd < 0 || ioctl(fd, TUNSETIFF, &request) < 0 || (fd != wanted && dup2(fd, wanted) < 0)) {
        fail("tap");
    }
    pid_t child = fork();
    if (child == 0) {
        execlp(argv[2], argv[2], argv[0], (char *)NULL);
        fail(argv[2]);
    }
    if (waitpid(child, &status, 0) < 0 || status != 0) {
        fail("script");
    }
    execvp(argv[3], argv + 3);
    fail(argv[3]);
    return 1;
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    if (argc == 3 && strcmp(argv[1], "serve") == 0) {
        return serve(INADDR_LOOPBACK, argv[2]);
    }
    if (argc == 3 && strcmp(argv[1], "listen") == 0) {
        return serve(INADDR_ANY, argv[2]);
    }
    if ((argc == 5 || argc == 6) && strcmp(argv[1], "run") == 0) {
        return run(argv[2], argv[3], argv[4], argc == 6 ? (uint32_t)atoi(argv[5]) : 1);
    }
    if (argc == 5 && strcmp(argv[1], "dns") == 0) {
        dns(argv[2], argv[3], argv[4]);
    }
    if (argc >= 6 && strcmp(argv[1], "tap") == 0) {
        return tap(argv + 2);
    }
    fprintf(stderr, "usage: net_peer serve|listen PORT | run HOST PORT send|receive|out|in|ping|connect [N] | "
                    "dns ADDRESS NAME NUMBERS | tap NAME FD SCRIPT COMMAND..\n");
    return 2;
}
