/*
 * The descriptors that libslirp wants watched, as one descriptor for the main loop (epoll,
 * level-triggered): only changes cost a system call.
 */
#ifndef NET_USER_POLL_H
#define NET_USER_POLL_H

#include <stdint.h>

struct user_poll;

/* NULL and errno. */
struct user_poll *user_poll_create(void);
void user_poll_destroy(struct user_poll *poll);
/* Readable when a watched descriptor is ready. */
int user_poll_fd(const struct user_poll *poll);

/* One collection: begin, any number of add (events: EPOLLIN ..., 0 = not now), end. add returns the
 * entry's number. */
void user_poll_begin(struct user_poll *poll);
int user_poll_add(struct user_poll *poll, int fd, uint32_t events);
void user_poll_end(struct user_poll *poll);
/* Before a descriptor is closed. */
void user_poll_forget(struct user_poll *poll, int fd);

/* Asks which are ready; user_poll_ready() tells the events of an entry of the last collection. */
void user_poll_fetch(struct user_poll *poll);
uint32_t user_poll_ready(const struct user_poll *poll, int entry);

#endif
