// SPDX-License-Identifier: GPL-2.0
/* See racing.h. */
#include "racing.h"

/* how many times as many rounds there may be as there are at least */
#define PATIENCE 20

static pthread_barrier_t start;

struct job {
	pthread_t thread;
	int (*fn)(void);
	int ret;
};

static void *run_job(void *arg)
{
	struct job *j = arg;

	pthread_barrier_wait(&start);
	j->ret = j->fn();
	return NULL;
}

void race(int (*f)(void), int (*g)(void), int *rf, int *rg)
{
	struct job j = { .fn = f };

	ASSERT_OK(pthread_barrier_init(&start, NULL, 2));
	ASSERT_OK(pthread_create(&j.thread, NULL, run_job, &j));
	pthread_barrier_wait(&start);
	*rg = g();
	pthread_join(j.thread, NULL);
	*rf = j.ret;
	pthread_barrier_destroy(&start);
}

void hold(unsigned int parts)
{
	usleep(SOON(parts % 7) / 1000);
}

bool go_on(int i, int least, int one, int other)
{
	if (i < least)
		return true;
	if (one > 0 && other > 0)
		return false;
	if (i == PATIENCE * least)
		test_fail(__FILE__, __LINE__,
			  "one outcome %d times and the other %d times in %d rounds",
			  one, other, i);
	return true;
}

bool one_of(int got, int x, int y, int z)
{
	return got == x || got == y || got == z;
}
