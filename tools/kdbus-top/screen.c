// SPDX-License-Identifier: GPL-2.0
/* Drawing the live screen, on whatever size there is. */
#include <errno.h>
#include <locale.h>
#include <ncurses.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "screen.h"

enum colour { COL_ALARM = 1, COL_SORT, COL_PART };

/* Text at a place, as far as the line goes; returns where it ends. */
static int put(int y, int x, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static int put(int y, int x, const char *fmt, ...)
{
	char line[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (y < LINES && x < COLS)
		mvaddnstr(y, x, line, COLS - x);
	return x + strlen(line);
}

/* What does not fit on the line is left out as a whole. */
static int put_if(int y, int x, const char *text, int attr)
{
	int len = strlen(text);

	if (x + len > COLS)
		return x;
	attron(attr);
	put(y, x, "%s", text);
	attroff(attr);
	return x + len + 2;
}

static int alarm_if(bool wrong)
{
	return wrong ? COLOR_PAIR(COL_ALARM) | A_BOLD : A_NORMAL;
}

/* ---- the head -------------------------------------------------------------- */

static void put_title(const struct screen *s)
{
	char text[64];
	int v, x = 0;

	snprintf(text, sizeof(text), "kdbus-top: %s", view_names[s->view]);
	attron(A_BOLD);
	x = put(0, 0, "%s", text) + 2;
	attroff(A_BOLD);
	snprintf(text, sizeof(text), "every %gs", s->o->delay);
	x = put_if(0, x, text, A_NORMAL);
	if (s->paused)
		x = put_if(0, x, "PAUSED", A_REVERSE);
	/* where Tab leads */
	if (x + 58 > COLS)
		return;
	x = COLS - 50;
	for (v = 0; v < N_VIEWS; v++) {
		attron(v == (int)s->view ? A_REVERSE : A_DIM);
		put(0, x, "%s", view_names[v]);
		attroff(A_REVERSE | A_DIM);
		x += strlen(view_names[v]) + 1;
	}
}

static void put_totals(const struct screen *s)
{
	char text[64], msgs[16], bytes[16];
	struct totals t;
	int x = 0;

	view_totals(s->m, &s->o->filter, &t);
	format_count(t.msgs_s, msgs, sizeof(msgs));
	format_bytes(t.bytes_s, bytes, sizeof(bytes));
	snprintf(text, sizeof(text), "buses %u  connections %u", t.buses,
		 t.conns);
	x = put_if(1, x, text, A_NORMAL);
	snprintf(text, sizeof(text), "%s msgs/s", msgs);
	x = put_if(1, x, text, A_NORMAL);
	snprintf(text, sizeof(text), "%sB/s", bytes);
	x = put_if(1, x, text, A_NORMAL);
	snprintf(text, sizeof(text), "calls in flight %llu", t.in_flight);
	x = put_if(1, x, text, A_NORMAL);
	format_bytes(t.pool, bytes, sizeof(bytes));
	snprintf(text, sizeof(text), "pools %s", bytes);
	put_if(1, x, text, A_NORMAL);

	snprintf(text, sizeof(text), "lost events %llu", s->m->lost);
	x = put_if(2, 0, text, alarm_if(s->m->lost));
	snprintf(text, sizeof(text), "dropped %llu", t.dropped);
	x = put_if(2, x, text, alarm_if(t.dropped));
	snprintf(text, sizeof(text), "failed calls %llu", t.failed);
	x = put_if(2, x, text, alarm_if(t.failed));
	snprintf(text, sizeof(text), "refused %llu", t.refused);
	put_if(2, x, text, alarm_if(t.refused));
}

/* The filters, if there are any; returns the line behind them. */
static int put_filters(const struct screen *s)
{
	int x = 0;

	if (!s->scope[0] && !s->typed[0])
		return 3;
	if (s->scope[0])
		x = put(3, x, "in: %s", s->scope) + 2;
	if (s->typed[0])
		put(3, x, "filter: %s", s->typed);
	return 4;
}

/* ---- tables ------------------------------------------------------------------ */

/* Which columns fit: those to be kept longest first. */
static void fit_columns(enum view view, bool *show)
{
	int keep, c, used = 0, width;

	memset(show, 0, n_columns * sizeof(*show));
	for (keep = 0; keep < 16; keep++)
		for (c = 0; c < n_columns; c++) {
			width = abs(columns[c].width) + 1;
			if (columns[c].keep != keep || width == 1 ||
			    !column_in(c, view) || used + width > COLS + 1)
				continue;
			show[c] = true;
			used += width;
		}
}

static bool alarming(const struct column *c, const struct row *r)
{
	return c->alarm > 0 && c->value(r) > c->alarm;
}

static void put_heads(int y, const bool *show, int sort)
{
	int c, x = 0, attr;

	attron(A_REVERSE);
	put(y, 0, "%*s", COLS, "");
	for (c = 0; c < n_columns; c++) {
		if (!show[c])
			continue;
		attr = c == sort ? A_UNDERLINE | A_BOLD : A_NORMAL;
		attron(attr);
		put(y, x, "%*s", columns[c].width, columns[c].title);
		attroff(attr);
		x += abs(columns[c].width) + 1;
	}
	attroff(A_REVERSE);
}

static void put_cells(int y, const bool *show, const struct row *r, bool here)
{
	int c, x = 0, w, attr, line;
	char cell[320];

	line = here ? A_REVERSE : r->gone ? A_DIM : A_NORMAL;
	attron(line);
	if (here)
		put(y, 0, "%*s", COLS, "");
	for (c = 0; c < n_columns; c++) {
		w = columns[c].width;
		if (!show[c])
			continue;
		column_write(c, r, cell, sizeof(cell));
		attr = alarm_if(!r->gone && alarming(&columns[c], r));
		attron(attr);
		put(y, x, "%*.*s", w, abs(w), cell);
		attroff(attr);
		attron(line);
		x += abs(w) + 1;
	}
	attroff(line);
}

static bool same(const struct row_key *a, const struct row_key *b)
{
	return !memcmp(a, b, sizeof(*a));
}

struct row **screen_rows(struct screen *s, size_t *n)
{
	struct row **rows;
	size_t i;

	rows = view_rows(s->m, s->table, &s->o->filter,
			 s->o->sort[s->table], n);
	if (!rows)
		return NULL;
	for (i = 0; s->placed && i < *n; i++)
		if (same(&rows[i]->key, &s->selected))
			s->cursor = i;
	if (s->cursor >= *n)
		s->cursor = *n ? *n - 1 : 0;
	if (*n)
		s->selected = rows[s->cursor]->key;
	return rows;
}

static void put_nothing(const struct screen *s, int y)
{
	if (s->scope[0] || s->o->filter.n)
		put(y, 2, "Nothing passes the filter; f changes it, Esc goes back.");
	else
		put(y, 2, "Nothing yet. Programs appear when they say HELLO to a bus.");
}

/* The row's outcomes; without @all, what there is of them. */
static int put_outcomes(const struct row *r, int y, int x, bool all)
{
	char text[512];
	int what;

	for (what = 0; what < N_OUTCOMES; what++) {
		outcome_text(r, what, text, sizeof(text));
		if (all || strcmp(text, "none"))
			x = put(y, x, "%s: %s", outcome_texts[what], text) + 3;
	}
	return x;
}

/* The same of the row under the cursor, in one line below the table. */
static void put_selected(const struct row *r)
{
	int y = LINES - 2, x;

	attron(A_BOLD);
	x = put(y, 0, "selected") + 2;
	attroff(A_BOLD);
	if (put_outcomes(r, y, x, false) == x)
		put(y, x, "no calls, drops or errors yet");
}

static void put_table(struct screen *s, struct row **rows, size_t n, int y)
{
	int below = (LINES > 12) + (LINES > 16), page = LINES - y - 1 - below;
	bool show[128];
	size_t i;

	fit_columns(s->table, show);
	s->page = page > 0 ? page : 1;
	if (s->cursor < s->top)
		s->top = s->cursor;
	if (s->cursor >= s->top + s->page)
		s->top = s->cursor - s->page + 1;
	put_heads(y++, show, s->o->sort[s->table].column);
	for (i = 0; i < s->page && s->top + i < n; i++)
		put_cells(y + i, show, rows[s->top + i],
			  s->top + i == s->cursor);
	if (!n)
		put_nothing(s, y + 1);
	else if (LINES > 16)
		put_selected(rows[s->cursor]);
}

/* ---- latency ------------------------------------------------------------------- */

static void put_bar(int y, int x, int width, const struct bars *b,
		    unsigned int line, int part)
{
	__u64 n = b->lines[line].count[part];
	int len = b->most[part] ?
		  (n * width + b->most[part] - 1) / b->most[part] : 0;

	x = put(y, x, "%8llu ", n);
	attron(COLOR_PAIR(COL_PART + part));
	for (; len-- > 0 && x < COLS; x++)
		mvaddch(y, x, '#');
	attroff(COLOR_PAIR(COL_PART + part));
}

/* All parts side by side, or the one that was chosen. */
static void put_bars(const struct screen *s, const struct row *r, int y)
{
	bool wide = COLS >= 96;
	int width = wide ? (COLS - 18) / TOP_PARTS : COLS - 18, p, x;
	char from[16], upto[16];
	unsigned int i;
	struct bars b;

	bars_make(&b, r, LINES > y + 2 ? LINES - y - 2 : 1);
	if (!b.n) {
		put(y, 2, "Nothing has been received or answered yet.");
		return;
	}
	for (p = 0; p < TOP_PARTS; p++)
		if (wide || p == (int)s->part)
			put(y, 18 + (wide ? p * width : 0), "%8s %s%s", "count",
			    part_texts[p], wide ? "" : "   (arrows: others)");
	for (i = 0; i < b.n && ++y < LINES; i++) {
		format_time(b.lines[i].from, from, sizeof(from));
		format_time(b.lines[i].upto, upto, sizeof(upto));
		put(y, 0, "%6s - %-6s", from,
		    b.lines[i].upto == ~0ULL ? "more" : upto);
		for (p = 0, x = 17; p < TOP_PARTS; p++)
			if (wide || p == (int)s->part) {
				put_bar(y, x, width - 11, &b, i, p);
				x += width;
			}
	}
}

static void put_latency(struct screen *s, struct row **rows, size_t n, int y)
{
	const struct row *r = n ? rows[s->cursor] : NULL;
	char text[160];
	int p;

	if (!r) {
		put_nothing(s, y + 1);
		return;
	}
	row_label(r, text, sizeof(text));
	attron(A_BOLD);
	put(y++, 0, "%s%s", text, r->gone ? " (gone)" : "");
	attroff(A_BOLD);
	if (LINES > 12)
		put_outcomes(r, y++, 0, true);
	for (p = 0; p < TOP_PARTS; p++) {
		if (LINES <= 14 && p != (int)s->part)
			continue;
		part_text(r, p, text, sizeof(text));
		attron(COLOR_PAIR(COL_PART + p));
		put(y, 0, "%-10s", part_texts[p]);
		attroff(COLOR_PAIR(COL_PART + p));
		put(y++, 11, "%s", text);
	}
	put_bars(s, r, y);
}

/* ---- help ------------------------------------------------------------------------ */

static const char * const help_keys[] = {
	"q            quit",
	"h ?          this help",
	"arrows j k   move the cursor; also",
	"             PgUp PgDn Home End",
	"Tab 1-6      next view, that view",
	"Enter        look into the row",
	"Esc Backsp.  back",
	"s            sort by the next column",
	"r            the other way round",
	"f /          filter: text, or terms",
	"             uid=0 comm=x* name!=y",
	"d            length of an interval",
	"z            count from zero",
	"space        pause",
	"<- ->        part of latency",
};

static void put_help(struct screen *s)
{
	unsigned int n = sizeof(help_keys) / sizeof(*help_keys), line = 0, i;
	bool wide = COLS >= 78;
	int c, y = 3, left = 0, right = wide ? 40 : 0;

	for (i = 0; i < n; i++, line++)
		if (line >= s->help_top)
			put(y + line - s->help_top, left, "%s", help_keys[i]);
	if (wide)
		line = 0;
	for (c = 0; c < n_columns; c++) {
		if (!column_in(c, s->table) || !columns[c].width)
			continue;
		if (line >= s->help_top)
			put(y + line - s->help_top, right, "%-8s %s",
			    columns[c].title, columns[c].help);
		line++;
	}
	put(2, 0, "Arrows move, other keys go back. All counts are since the start.%*s",
	    COLS, "");
}

/* ---- all of it --------------------------------------------------------------------- */

static void put_foot(const struct screen *s)
{
	static const char * const asks[] = {
		[ASK_FILTER] = "filter: ", [ASK_DELAY] = "seconds: ",
	};
	int x;

	if (s->ask == ASK_NOTHING) {
		if (LINES > 12) {
			attron(A_DIM);
			put(LINES - 1, 0, "q quit  h help  Tab view  Enter look into  Esc back  f filter  s sort%*s",
			    COLS, "");
			attroff(A_DIM);
		}
		return;
	}
	if (s->error[0]) {
		move(LINES - 2, 0);
		clrtoeol();
		attron(COLOR_PAIR(COL_ALARM) | A_BOLD);
		put(LINES - 2, 0, "%s", s->error);
		attroff(COLOR_PAIR(COL_ALARM) | A_BOLD);
	}
	move(LINES - 1, 0);
	clrtoeol();
	x = put(LINES - 1, 0, "%s", asks[s->ask]);
	/* the end of what is typed is what matters */
	x += put(LINES - 1, x, "%s", s->line +
		 ((int)strlen(s->line) >= COLS - x ?
		  strlen(s->line) - (COLS - x - 1) : 0)) - x;
	move(LINES - 1, x < COLS ? x : COLS - 1);
}

void screen_draw(struct screen *s)
{
	struct row **rows;
	size_t n;
	int y;

	rows = screen_rows(s, &n);
	if (!rows)
		return;
	erase();
	put_title(s);
	put_totals(s);
	if (s->help) {
		put_help(s);
	} else {
		y = put_filters(s);
		if (s->view == VIEW_LATENCY)
			put_latency(s, rows, n, y);
		else
			put_table(s, rows, n, y);
	}
	put_foot(s);
	curs_set(s->ask != ASK_NOTHING);
	refresh();
	free(rows);
}

static long long ms_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

static void colours(void)
{
	const char *no = getenv("NO_COLOR");

	if ((no && *no) || !has_colors())
		return;
	start_color();
	use_default_colors();
	init_pair(COL_ALARM, COLOR_RED, -1);
	init_pair(COL_SORT, COLOR_CYAN, -1);
	init_pair(COL_PART + TOP_QUEUE, COLOR_YELLOW, -1);
	init_pair(COL_PART + TOP_SERVICE, COLOR_CYAN, -1);
	init_pair(COL_PART + TOP_TRIP, COLOR_GREEN, -1);
}

static bool terminal_open(void)
{
	setlocale(LC_ALL, "");
	if (!newterm(NULL, stdout, stdin))
		return false;
	cbreak();
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	set_escdelay(25);
	colours();
	return true;
}

/* Sleeps until a key, a full table, or @left ms are over. */
static int wait_for_key(struct model *m, long long left)
{
	struct pollfd p[] = {
		{ .fd = STDIN_FILENO, .events = POLLIN },
		{ .fd = source_fd(), .events = POLLIN },
	};

	/* drawing may have taken longer than there was time */
	if (poll(p, 2, left > 0 ? left : 0) > 0 && p[1].revents & POLLIN)
		return model_drain(m);
	/* the terminal is gone */
	return p[0].revents & (POLLHUP | POLLERR) ? -EIO : 0;
}

static int run(struct screen *s)
{
	/* the first rates soon: nobody likes to look at an empty screen */
	long long next = ms_now() + 300;
	int ch, ret = model_sample(s->m);

	while (!ret && !s->quit) {
		if (next <= ms_now()) {
			if (!s->paused)
				ret = model_sample(s->m);
			next = ms_now() + s->o->delay * 1000;
			continue;
		}
		screen_draw(s);
		ret = wait_for_key(s->m, next - ms_now());
		while ((ch = getch()) != ERR)
			if (ch != KEY_RESIZE)
				screen_key(s, ch);
	}
	return ret;
}

int screen_run(struct model *m, struct options *o)
{
	struct screen s = { .m = m, .o = o, .view = o->view };
	int ret;

	s.table = o->view == VIEW_LATENCY ? VIEW_CONNS : o->view;
	s.part = TOP_TRIP;
	strcpy(s.typed, o->filter.text);
	if (!terminal_open()) {
		fprintf(stderr, "kdbus-top: cannot use a terminal of type '%s'; set TERM, or use -b\n",
			getenv("TERM") ?: "");
		return EXIT_RUNTIME;
	}
	ret = run(&s);
	endwin();
	if (ret < 0)
		fprintf(stderr, "kdbus-top: %s\n", strerror(-ret));
	return ret < 0 ? EXIT_RUNTIME : 0;
}
