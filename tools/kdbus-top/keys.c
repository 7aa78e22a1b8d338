// SPDX-License-Identifier: GPL-2.0
/* What keys do on the live screen. */
#include <ncurses.h>
#include <stdlib.h>
#include <string.h>

#include "screen.h"

#define KEY_ESC 27

/* Both filters together; false with a message if they are none. */
static bool set_filter(struct screen *s, const char *scope, const char *typed)
{
	char both[2 * FILTER_TEXT];

	snprintf(both, sizeof(both), "%s%s%s", scope, *scope ? " " : "",
		 typed);
	if (!filter_parse(&s->o->filter, both, s->error, sizeof(s->error)))
		return false;
	if (scope != s->scope)
		snprintf(s->scope, sizeof(s->scope), "%s", scope);
	if (typed != s->typed)
		snprintf(s->typed, sizeof(s->typed), "%s", typed);
	s->error[0] = 0;
	return true;
}

/* ---- moving ------------------------------------------------------------------ */

static void move_to(struct screen *s, long to)
{
	struct row **rows;
	size_t n;

	rows = screen_rows(s, &n);
	if (rows && n) {
		s->cursor = to < 0 ? 0 : (size_t)to < n ? (size_t)to : n - 1;
		s->selected = rows[s->cursor]->key;
		s->placed = true;
	}
	free(rows);
}

static void show(struct screen *s, enum view view)
{
	s->view = view;
	if (view != VIEW_LATENCY && view != s->table) {
		s->table = view;
		s->top = s->cursor = 0;
		s->placed = false;
		memset(&s->selected, 0, sizeof(s->selected));
	}
}

/* ---- looking into rows ---------------------------------------------------------- */

/* The term that picks a row, and the view that shows what is in it. */
static enum view inside(const struct row *r, char *term, size_t size)
{
	term[0] = 0;
	switch (r->key.kind) {
	case VIEW_CONNS:
		snprintf(term, size, "conn=%llu:%llu", r->key.bus, r->key.id);
		return VIEW_PAIRS;
	case VIEW_NAMES:
		snprintf(term, size, "bus=%llu name=%s", r->key.bus,
			 row_get(r->text));
		return VIEW_PAIRS;
	case VIEW_USERS:
		snprintf(term, size, "uid=%u", r->uid);
		return VIEW_CONNS;
	case VIEW_BUSES:
		snprintf(term, size, "bus=%llu", r->key.bus);
		return VIEW_CONNS;
	}
	return VIEW_LATENCY;
}

static void enter(struct screen *s)
{
	char term[FILTER_TEXT], scope[2 * FILTER_TEXT];
	struct step step = {
		.view = s->view, .table = s->table, .selected = s->selected,
	};
	struct row **rows;
	enum view view;
	size_t n;

	rows = screen_rows(s, &n);
	if (!rows || !n || s->view == VIEW_LATENCY || s->n_steps == MAX_STEPS)
		goto exit;
	view = inside(rows[s->cursor], term, sizeof(term));
	strcpy(step.scope, s->scope);
	/* nobody looks into the same thing twice */
	if (strstr(s->scope, term) || !term[0])
		strcpy(scope, s->scope);
	else
		snprintf(scope, sizeof(scope), "%s%s%s", s->scope,
			 s->scope[0] ? " " : "", term);
	if (!set_filter(s, scope, s->typed))
		goto exit;
	s->steps[s->n_steps++] = step;
	show(s, view);
exit:
	free(rows);
}

static void back(struct screen *s)
{
	const struct step *step;

	if (!s->n_steps)
		return;
	step = &s->steps[--s->n_steps];
	set_filter(s, step->scope, s->typed);
	s->view = step->view;
	s->table = step->table;
	s->selected = step->selected;
	s->placed = true;
	s->top = 0;
}

/* ---- typing ------------------------------------------------------------------------ */

static void ask(struct screen *s, enum ask what)
{
	s->ask = what;
	s->error[0] = 0;
	if (what == ASK_FILTER)
		strcpy(s->line, s->typed);
	else
		s->line[0] = 0;
}

static bool set_delay(struct screen *s)
{
	char *end;
	double v = strtod(s->line, &end);

	if (s->line[0] && (*end || !(v >= 0.1 && v <= 3600))) {
		snprintf(s->error, sizeof(s->error),
			 "'%.64s' is no delay between 0.1 and 3600 seconds",
			 s->line);
		return false;
	}
	if (s->line[0])
		s->o->delay = v;
	return true;
}

/* What is wrong stays, to be put right; Escape gives up and changes nothing. */
static void type_key(struct screen *s, int ch)
{
	size_t len = strlen(s->line);

	switch (ch) {
	case KEY_ESC:
		s->ask = ASK_NOTHING;
		break;
	case '\r':
	case '\n':
	case KEY_ENTER:
		if (s->ask == ASK_FILTER ? set_filter(s, s->scope, s->line) :
					   set_delay(s))
			s->ask = ASK_NOTHING;
		break;
	case KEY_BACKSPACE:
	case 127:
	case '\b':
		if (len)
			s->line[len - 1] = 0;
		break;
	case 'U' & 31:
		s->line[0] = 0;
		break;
	default:
		if (ch >= ' ' && ch < 127 && len + 1 < sizeof(s->line)) {
			s->line[len] = ch;
			s->line[len + 1] = 0;
		}
	}
}

/* ---- keys ---------------------------------------------------------------------------- */

static void help_key(struct screen *s, int ch)
{
	if (ch == 'j' || ch == KEY_DOWN)
		s->help_top++;
	else if (ch == 'k' || ch == KEY_UP)
		s->help_top -= s->help_top > 0;
	else
		s->help = false;
	s->quit = ch == 'q';
}

/* Keys that move something; false for others. */
static bool move_key(struct screen *s, int ch)
{
	switch (ch) {
	case 'j':
	case KEY_DOWN:
		move_to(s, s->cursor + 1);
		break;
	case 'k':
	case KEY_UP:
		move_to(s, (long)s->cursor - 1);
		break;
	case KEY_NPAGE:
		move_to(s, s->cursor + s->page);
		break;
	case KEY_PPAGE:
		move_to(s, (long)s->cursor - (long)s->page);
		break;
	case KEY_HOME:
		move_to(s, 0);
		break;
	case KEY_END:
		move_to(s, 1L << 40);
		break;
	case KEY_LEFT:
		s->part = (s->part + TOP_PARTS - 1) % TOP_PARTS;
		break;
	case KEY_RIGHT:
		s->part = (s->part + 1) % TOP_PARTS;
		break;
	case '\t':
		show(s, (s->view + 1) % N_VIEWS);
		break;
	case KEY_BTAB:
		show(s, (s->view + N_VIEWS - 1) % N_VIEWS);
		break;
	case '\r':
	case '\n':
	case KEY_ENTER:
		enter(s);
		break;
	case KEY_ESC:
	case KEY_BACKSPACE:
	case 127:
	case '\b':
		back(s);
		break;
	default:
		if (ch < '1' || ch >= '1' + N_VIEWS)
			return false;
		show(s, ch - '1');
	}
	return true;
}

void screen_key(struct screen *s, int ch)
{
	struct sorting *sort = &s->o->sort[s->table];

	if (s->ask != ASK_NOTHING) {
		type_key(s, ch);
		return;
	}
	if (s->help) {
		help_key(s, ch);
		return;
	}
	if (move_key(s, ch))
		return;
	switch (ch) {
	case 'q':
		s->quit = true;
		break;
	case 'h':
	case '?':
		s->help = true;
		s->help_top = 0;
		break;
	case 's':
		sort->column = column_next(s->table, sort->column);
		break;
	case 'r':
		sort->reverse = !sort->reverse;
		break;
	case 'f':
	case '/':
		ask(s, ASK_FILTER);
		break;
	case 'd':
		ask(s, ASK_DELAY);
		break;
	case 'z':
		model_zero(s->m);
		break;
	case ' ':
		s->paused = !s->paused;
		break;
	}
}
