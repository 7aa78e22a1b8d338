/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What tests of races share: two functions that run at once, and rounds of it
 * until each of them has been first.
 */
#ifndef KDBUS_RACING_H
#define KDBUS_RACING_H

#include "fixtures.h"

/* Runs two functions at once; their results go to @rf and @rg. */
void race(int (*f)(void), int (*g)(void), int *rf, int *rg);

/*
 * Lets 0 to 6 parts of time go by, 5 of which are the short timeout SOON(5).
 * Who races waits for another number of them each round, so that now one is
 * first and now the other, and sometimes both.
 */
void hold(unsigned int parts);

/*
 * Whether there is to be a round @i: there are @least of them, and more until
 * both outcomes have been seen, @one and @other times by now. What is as likely
 * as not on one kernel is rare on another that is slower in one place. If one
 * of them does not come in many times as many rounds the case fails.
 */
bool go_on(int i, int least, int one, int other);

/* Whether @got is one of three answers. */
bool one_of(int got, int x, int y, int z);

#endif /* KDBUS_RACING_H */
