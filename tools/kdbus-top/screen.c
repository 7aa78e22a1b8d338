// SPDX-License-Identifier: GPL-2.0
/* The live screen: connections, latency histogram, buses. */
#include <errno.h>
#include <locale.h>
#include <ncurses.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "top.h"

enum view { VIEW_CONNS, VIEW_LATENCY, VIEW_BUSES, N_VIEWS };

static const char * const view_names[] = { "connections", "latency", "buses" };

struct screen {
	struct model *m;
	struct options *o;
	enum view view;
	size_t top, cursor;
	struct top_key selected;
	bool paused, help, quit;
};

static void put_totals(struct screen *s, struct row **rows, size_t n)
{
	struct totals t;
	char msgs[16], bytes[16], pool[16];

	model_totals(rows, n, &t);
	format_count(t.msgs, msgs, sizeof(msgs));
	format_bytes(t.bytes, bytes, sizeof(bytes));
	format_bytes(t.pool_used, pool, sizeof(pool));
	mvprintw(0, 0, "kdbus-top: %s  every %gs%s%s%s%s", view_names[s->view],
		 s->o->delay, s->paused ? "  PAUSED" : "",
		 s->o->filter[0] ? "  filter: " : "", s->o->filter,
		 s->m->has_listing ? "" :
		 "  (debugfs is not mounted: no names)");
	mvprintw(1, 0, "buses %zu  connections %zu  %s msgs/s  %sB/s  calls in flight %lld  pools %s",
		 s->m->n_buses, t.conns, msgs, bytes, t.in_flight, pool);
	mvprintw(2, 0, "refused %llu  dropped %llu  lost events %llu",
		 (unsigned long long)t.refused, (unsigned long long)t.dropped,
		 (unsigned long long)s->m->lost);
}

/* Which columns fit: those to be kept longest first. */
static void fit_columns(bool *show)
{
	int keep, c, used = 0;

	memset(show, 0, n_columns * sizeof(*show));
	for (keep = 0; keep < 10; keep++)
		for (c = 0; c < n_columns; c++) {
			if (columns[c].keep != keep ||
			    used + abs(columns[c].width) + 1 > COLS + 1)
				continue;
			show[c] = true;
			used += abs(columns[c].width) + 1;
		}
}

static void put_cells(int y, const bool *show, const struct row *r, int sort)
{
	char cell[320];
	int c, x = 0;

	for (c = 0; c < n_columns; c++) {
		int w = columns[c].width;

		if (!show[c])
			continue;
		if (r)
			columns[c].write(r, cell, sizeof(cell));
		else
			snprintf(cell, sizeof(cell), "%s", columns[c].title);
		if (!r && c == sort)
			attron(A_UNDERLINE);
		mvprintw(y, x, "%*.*s", w, abs(w), cell);
		if (!r && c == sort)
			attroff(A_UNDERLINE);
		x += abs(w) + 1;
	}
}

static void keep_cursor(struct screen *s, struct row **rows, size_t n,
			size_t lines)
{
	size_t i;

	/* the cursor stays on its connection while rows move */
	for (i = 0; i < n; i++)
		if (rows[i]->key.bus == s->selected.bus &&
		    rows[i]->key.conn == s->selected.conn)
			s->cursor = i;
	if (s->cursor >= n)
		s->cursor = n ? n - 1 : 0;
	if (s->cursor < s->top)
		s->top = s->cursor;
	if (lines && s->cursor >= s->top + lines)
		s->top = s->cursor - lines + 1;
	if (n)
		s->selected = rows[s->cursor]->key;
}

static void put_conns(struct screen *s, struct row **rows, size_t n)
{
	size_t lines = LINES > 5 ? LINES - 4 : 1, i;
	bool show[32];

	fit_columns(show);
	keep_cursor(s, rows, n, lines);
	attron(A_REVERSE);
	mvprintw(3, 0, "%*s", COLS, "");
	put_cells(3, show, NULL, s->o->sort);
	attroff(A_REVERSE);
	for (i = 0; i < lines && s->top + i < n; i++) {
		if (s->top + i == s->cursor)
			attron(A_BOLD | A_STANDOUT);
		put_cells(4 + i, show, rows[s->top + i], -1);
		attroff(A_BOLD | A_STANDOUT);
	}
	if (!n)
		mvprintw(5, 2, s->o->filter[0] || s->o->bus ?
			 "No connection passes the filter; f changes it." :
			 "No connections. Programs appear here when they say HELLO to a bus.");
}

static void put_histogram(const __u32 *slots, int y)
{
	unsigned int first = TOP_SLOTS, last = 0, i;
	__u32 most = 0;

	for (i = 0; i < TOP_SLOTS; i++) {
		if (!slots[i])
			continue;
		first = first < i ? first : i;
		last = i;
		most = most > slots[i] ? most : slots[i];
	}
	if (!most) {
		mvprintw(y, 2, "No call has been answered yet.");
		return;
	}
	for (i = first; i <= last && y < LINES; i++, y++) {
		char from[16], to[16];
		int width = COLS > 40 ? COLS - 30 : 10;
		int bar = (double)slots[i] * width / most + 0.999;

		format_time(slot_start(i), from, sizeof(from));
		format_time(slot_start(i + 1), to, sizeof(to));
		mvprintw(y, 0, "%6s - %-6s %9u |", from, to, slots[i]);
		while (bar--)
			addch('#');
	}
}

static void put_latency(struct screen *s, struct row **rows, size_t n)
{
	char p50[16], p99[16], max[16];
	const struct row *r;

	keep_cursor(s, rows, n, 1);
	if (!n) {
		mvprintw(3, 2, "No connections.");
		return;
	}
	r = rows[s->cursor];
	format_time(r->p50, p50, sizeof(p50));
	format_time(r->p99, p99, sizeof(p99));
	format_time(r->now.lat_max, max, sizeof(max));
	mvprintw(3, 0, "Calls of %llu:%llu %s (%s), made and answered: %llu answered, %llu timeout, %llu dead, %llu other",
		 (unsigned long long)r->key.bus, (unsigned long long)r->key.conn,
		 row_name(r), r->now.comm,
		 (unsigned long long)r->now.answered,
		 (unsigned long long)r->now.timeout,
		 (unsigned long long)r->now.dead,
		 (unsigned long long)r->now.other);
	mvprintw(4, 0, "p50 %s  p99 %s  max %s   (arrows: another connection)",
		 p50, p99, max);
	put_histogram(r->now.slots, 6);
}

static void put_buses(struct screen *s, struct row **rows, size_t n)
{
	size_t b, i, k;
	int y = 4;

	attron(A_REVERSE);
	mvprintw(3, 0, "%-6s %-24s %6s %6s %8s %8s %7s %8s %8s%*s", "BUS", "NAME",
		 "UID", "CONNS", "MSGS/s", "BYTES/s", "CALLS", "REFUSED",
		 "DROPPED", COLS > 90 ? COLS - 90 : 0, "");
	attroff(A_REVERSE);
	for (b = 0; b < s->m->n_buses && y < LINES; b++, y++) {
		struct row **mine = calloc(n + 1, sizeof(*mine));
		const struct bus_row *bus = &s->m->buses[b];
		char msgs[16], bytes[16];
		struct totals t;

		if (!mine)
			return;
		for (i = k = 0; i < n; i++)
			if (rows[i]->key.bus == bus->id)
				mine[k++] = rows[i];
		model_totals(mine, k, &t);
		free(mine);
		format_count(t.msgs, msgs, sizeof(msgs));
		format_bytes(t.bytes, bytes, sizeof(bytes));
		mvprintw(y, 0, "%-6llu %-24.24s %6u %6zu %8s %8s %7lld %8llu %8llu",
			 (unsigned long long)bus->id, bus->name, bus->uid, k,
			 msgs, bytes, t.in_flight,
			 (unsigned long long)t.refused,
			 (unsigned long long)t.dropped);
	}
}

static void put_help(void)
{
	static const char * const keys[] = {
		"q           quit",
		"h ?         this help",
		"arrows j k  move the cursor",
		"Tab         next view",
		"s           sort by the next column",
		"            (the underlined one is it)",
		"r           reverse the order",
		"f /         filter by text",
		"            (id, name, command, pid, uid)",
		"d           length of an interval",
		"space       pause",
	};
	int c, i, y = 4;

	for (i = 0; i < (int)(sizeof(keys) / sizeof(*keys)); i++)
		mvprintw(y + i, 0, "%s", keys[i]);
	for (c = 0; c < n_columns; c++)
		mvprintw(y + c, 43, "%-6s %s", columns[c].title,
			 columns[c].help);
	mvprintw(y + n_columns + 1, 0, "Totals and latencies count from the start of kdbus-top. Any key goes back.");
}

static void draw(struct screen *s)
{
	struct row **rows;
	size_t n;

	rows = model_view(s->m, s->o, &n);
	if (!rows)
		return;
	erase();
	put_totals(s, rows, n);
	if (s->help)
		put_help();
	else if (s->view == VIEW_CONNS)
		put_conns(s, rows, n);
	else if (s->view == VIEW_LATENCY)
		put_latency(s, rows, n);
	else
		put_buses(s, rows, n);
	refresh();
	free(rows);
}

/* Asks for a line at the bottom; Enter takes it, Escape or nothing keeps. */
static bool ask(const char *what, char *buf, size_t size)
{
	char line[64] = "";
	int ret;

	move(LINES - 1, 0);
	clrtoeol();
	printw("%s: ", what);
	echo();
	curs_set(1);
	timeout(-1);
	ret = getnstr(line, sizeof(line) - 1);
	noecho();
	curs_set(0);
	if (ret == ERR)
		return false;
	snprintf(buf, size, "%s", line);
	return true;
}

static void ask_delay(struct screen *s)
{
	char buf[16];
	double v;

	if (ask("seconds", buf, sizeof(buf)) && buf[0]) {
		v = strtod(buf, NULL);
		if (v >= 0.1 && v <= 3600)
			s->o->delay = v;
		else
			beep();
	}
}

static void move_cursor(struct screen *s, int by)
{
	struct row **rows;
	size_t n;

	rows = model_view(s->m, s->o, &n);
	if (rows && n && (by > 0 ? s->cursor + 1 < n : s->cursor > 0)) {
		s->cursor += by;
		s->selected = rows[s->cursor]->key;
	}
	free(rows);
}

static void key(struct screen *s, int ch)
{
	if (s->help) {
		s->help = false;
		s->quit = ch == 'q';
		return;
	}
	switch (ch) {
	case 'q':
		s->quit = true;
		break;
	case 'h':
	case '?':
		s->help = true;
		break;
	case 'j':
	case KEY_DOWN:
		move_cursor(s, 1);
		break;
	case 'k':
	case KEY_UP:
		move_cursor(s, -1);
		break;
	case '\t':
		s->view = (s->view + 1) % N_VIEWS;
		break;
	case 's':
		s->o->sort = (s->o->sort + 1) % n_columns;
		break;
	case 'r':
		s->o->reverse = !s->o->reverse;
		break;
	case 'f':
	case '/':
		ask("filter", s->o->filter, sizeof(s->o->filter));
		break;
	case 'd':
		ask_delay(s);
		break;
	case ' ':
		s->paused = !s->paused;
		break;
	}
}

static long ms_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int screen_run(struct model *m, struct options *o)
{
	struct screen s = { .m = m, .o = o };
	long next;
	int ret = 0;

	setlocale(LC_ALL, "");
	if (!initscr()) {
		fprintf(stderr, "kdbus-top: cannot use this terminal; use -b\n");
		return 1;
	}
	cbreak();
	noecho();
	keypad(stdscr, TRUE);
	curs_set(0);

	model_sample(m);
	/* the first rates soon: nobody likes to look at an empty screen */
	next = ms_now() + 300;
	while (!s.quit) {
		long left = next - ms_now();
		int ch;

		if (left <= 0) {
			if (!s.paused && model_sample(m)) {
				ret = 1;
				break;
			}
			next = ms_now() + o->delay * 1000;
			continue;
		}
		draw(&s);
		timeout(left);
		ch = getch();
		if (ch != ERR && ch != KEY_RESIZE)
			key(&s, ch);
	}
	endwin();
	return ret;
}
