/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The live screen: screen.c draws it, keys.c does what keys ask for.
 *
 * What is looked at is a view and two filters: one that somebody typed, and
 * the scope, which looking into rows has made. Looking into a row adds a term
 * to the scope, and a step to the way back.
 */
#ifndef KDBUS_TOP_SCREEN_H
#define KDBUS_TOP_SCREEN_H

#include "top.h"

#define MAX_STEPS 8

enum ask { ASK_NOTHING, ASK_FILTER, ASK_DELAY };

/* Where somebody was before looking into a row. */
struct step {
	enum view view, table;
	char scope[FILTER_TEXT];
	struct row_key selected;
};

/**
 * struct screen - what is on the screen
 * @view:	the view
 * @table:	the view whose rows the cursor moves on; of the latency view the
 *		one before it
 * @top:	first row shown
 * @cursor:	row the cursor is on
 * @page:	rows that fit
 * @selected:	what that row is found by: it moves, and the cursor with it
 * @placed:	somebody has put the cursor there; else it stays on the first
 * @scope:	terms of the rows somebody looked into
 * @typed:	filter somebody typed
 * @steps:	the way back
 * @ask:	what is being typed; @line and @error belong to it
 * @help_top:	first line of the help that is shown
 * @part:	part of latency that is shown where there is room for one
 */
struct screen {
	struct model *m;
	struct options *o;
	enum view view, table;
	size_t top, cursor, page;
	struct row_key selected;
	char scope[FILTER_TEXT], typed[FILTER_TEXT];
	struct step steps[MAX_STEPS];
	unsigned int n_steps;
	enum ask ask;
	char line[FILTER_TEXT], error[160];
	unsigned int help_top, part;
	bool placed, paused, help, quit;
};

/* Rows of the table and the cursor on them; to be freed. */
struct row **screen_rows(struct screen *s, size_t *n);
void screen_draw(struct screen *s);
void screen_key(struct screen *s, int ch);

#endif /* KDBUS_TOP_SCREEN_H */
