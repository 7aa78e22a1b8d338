// SPDX-License-Identifier: GPL-2.0
/* The same work with a futex in shared memory, and with AF_UNIX sockets. */
#include <linux/futex.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench.h"

/* ---- a futex: two switches and nothing else ---------------------------- */

static void futex_pass(int *to, int *mine)
{
	__atomic_store_n(to, 1, __ATOMIC_RELEASE);
	syscall(SYS_futex, to, FUTEX_WAKE, 1, NULL, NULL, 0);
	while (!__atomic_exchange_n(mine, 0, __ATOMIC_ACQUIRE))
		syscall(SYS_futex, mine, FUTEX_WAIT, 0, NULL, NULL, 0);
}

static void futex_server(void *arg)
{
	int *word = arg;

	while (!__atomic_exchange_n(&word[0], 0, __ATOMIC_ACQUIRE))
		syscall(SYS_futex, &word[0], FUTEX_WAIT, 0, NULL, NULL, 0);
	for (;;)
		futex_pass(&word[16], &word[0]);
}

static void futex_call(void *arg, unsigned int n)
{
	int *word = arg;

	while (n--)
		futex_pass(&word[0], &word[16]);
}

static void bench_futex(void)
{
	int *word = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int pid;

	CHECK(word != MAP_FAILED);
	pid = bench_fork(futex_server, word);
	bench_case("futex: call", 0, 1, futex_call, word, 2000);
	bench_end(pid);
	munmap(word, 4096);
}

/* ---- AF_UNIX SEQPACKET -------------------------------------------------- */

/* how a message is received; what the report calls it */
enum sock_how { SOCK_RECV, SOCK_RECVMSG, SOCK_CREDS };
static const char * const sock_names[] = {
	"recv", "recvmsg", "recvmsg, creds"
};

struct sock {
	int fd[2];
	size_t size;
	enum sock_how how;
	char *buf;
};

static void sock_send(const struct sock *s, int fd)
{
	CHECK(send(fd, s->buf, s->size, 0) == (ssize_t)s->size);
}

static void sock_recvmsg(const struct sock *s, int fd)
{
	char control[CMSG_SPACE(sizeof(struct ucred))];
	struct iovec iov = { s->buf, s->size };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = s->how == SOCK_CREDS ? control : NULL,
		.msg_controllen = s->how == SOCK_CREDS ? sizeof(control) : 0,
	};

	CHECK(recvmsg(fd, &msg, 0) == (ssize_t)s->size);
}

static void sock_recv(const struct sock *s, int fd)
{
	if (s->how == SOCK_RECV)
		CHECK(recv(fd, s->buf, s->size, 0) == (ssize_t)s->size);
	else
		sock_recvmsg(s, fd);
}

static void sock_server(void *arg)
{
	const struct sock *s = arg;

	for (;;) {
		sock_recv(s, s->fd[1]);
		sock_send(s, s->fd[1]);
	}
}

static void sock_call(void *arg, unsigned int n)
{
	const struct sock *s = arg;

	while (n--) {
		sock_send(s, s->fd[0]);
		sock_recv(s, s->fd[0]);
	}
}

static void sock_oneway(void *arg, unsigned int n)
{
	const struct sock *s = arg;

	while (n--) {
		sock_send(s, s->fd[0]);
		sock_recv(s, s->fd[1]);
	}
}

static void sock_open(struct sock *s)
{
	int on = 1, room = 4 << 20, i;

	CHECK(!socketpair(AF_UNIX, SOCK_SEQPACKET, 0, s->fd));
	for (i = 0; i < 2; i++) {
		setsockopt(s->fd[i], SOL_SOCKET, SO_SNDBUFFORCE, &room,
			   sizeof(room));
		if (s->how == SOCK_CREDS)
			CHECK(!setsockopt(s->fd[i], SOL_SOCKET, SO_PASSCRED,
					  &on, sizeof(on)));
	}
	s->buf = malloc(s->size);
	CHECK(s->buf);
	memset(s->buf, 1, s->size);
}

static void bench_sock(const char *label, size_t size, enum sock_how how,
		       unsigned int n)
{
	struct sock s = { .size = size, .how = how };
	char name[64];
	int pid;

	sock_open(&s);
	snprintf(name, sizeof(name), "AF_UNIX (%s): one way, %s",
		 sock_names[how], label);
	bench_case(name, 0, 1, sock_oneway, &s, n);
	pid = bench_fork(sock_server, &s);
	snprintf(name, sizeof(name), "AF_UNIX (%s): call, %s",
		 sock_names[how], label);
	bench_case(name, 0, 1, sock_call, &s, n);
	bench_end(pid);
	close(s.fd[0]);
	close(s.fd[1]);
	free(s.buf);
}

void bench_peers(void)
{
	enum sock_how how;

	if (bench_wants("futex"))
		bench_futex();
	if (!bench_wants("AF_UNIX"))
		return;
	for (how = SOCK_RECV; how <= SOCK_RECVMSG; how++) {
		bench_sock("64 B", 64, how, 1000);
		bench_sock("4 KiB", 4 << 10, how, 1000);
		bench_sock("64 KiB", 64 << 10, how, 300);
		bench_sock("1 MiB", 1 << 20, how, 30);
	}
	bench_sock("64 B", 64, SOCK_CREDS, 1000);
}
