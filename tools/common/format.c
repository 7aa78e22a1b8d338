// SPDX-License-Identifier: GPL-2.0
/* Numbers and strings for people. */
#include <stdio.h>

#include "common.h"

static void format_unit(double v, double base, const char *units, char *buf,
			size_t size)
{
	while (v >= base * 0.9995 && units[1]) {
		v /= base;
		units++;
	}
	if (*units == ' ')
		snprintf(buf, size, "%.0f", v);
	else
		snprintf(buf, size, v < 9.95 ? "%.1f%c" : "%.0f%c", v, *units);
}

void format_count(double v, char *buf, size_t size)
{
	format_unit(v, 1000, " kMGT", buf, size);
}

void format_bytes(double v, char *buf, size_t size)
{
	format_unit(v, 1024, " KMGT", buf, size);
}

void format_time(__u64 ns, char *buf, size_t size)
{
	static const char * const units[] = { "ns", "us", "ms", "s" };
	double v = ns;
	int u = 0;

	if (!ns) {
		snprintf(buf, size, "-");
		return;
	}
	while (v >= 999.5 && u < 3) {
		v /= 1000;
		u++;
	}
	snprintf(buf, size, v < 9.95 && u ? "%.1f%s" : "%.0f%s", v, units[u]);
}

void make_printable(char *s)
{
	for (; *s; s++)
		if (*s < ' ' || *s > '~')
			*s = '?';
}
