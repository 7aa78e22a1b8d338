// SPDX-License-Identifier: GPL-2.0
/* What there was: counts, the slowest calls, what was lost. */
#include <stdlib.h>
#include <string.h>
#include <json-c/json.h>

#include "kdbus_enums.h"
#include "monitor.h"

#define SLOWEST 5

struct slow {
	__u64 age, wait, service, id;
	char who[200];
	const char *outcome;
};

static __u64 counts[N_EVENT_TYPES], errors, lost;
static struct slow slowest[SLOWEST];

/* "3:5 client > 1 org.example.Server": who asked whom */
static void describe_call(const struct event *e, char *buf, size_t size)
{
	const struct who *from = e->type == EV_REPLY ? &e->dst : &e->src;
	const struct who *to = e->type == EV_REPLY ? &e->src : &e->dst;
	char a[80], b[80];

	text_who(from, a, sizeof(a));
	text_who(to, b, sizeof(b));
	/* a monitor connection knows neither a bus nor a message by number */
	if (e->bus)
		snprintf(buf, size, "%llu:%s > %s", e->bus, a, b);
	else
		snprintf(buf, size, "%s > %s", a, b);
}

static void add_slow(const struct event *e)
{
	struct slow s = {
		.age = event_get(e, F_AGE),
		.wait = event_has(e, F_WAIT) ? e->v[F_WAIT] : UNKNOWN,
		.service = event_has(e, F_SERVICE) ? e->v[F_SERVICE] : UNKNOWN,
		.id = event_get(e, F_CALL_ID) ?: event_get(e, F_ID),
		.outcome = value_name(V_OUTCOME, event_get(e, F_OUTCOME)),
	};
	int i;

	if (s.age <= slowest[SLOWEST - 1].age)
		return;
	describe_call(e, s.who, sizeof(s.who));
	for (i = SLOWEST - 1; i > 0 && slowest[i - 1].age < s.age; i--)
		slowest[i] = slowest[i - 1];
	slowest[i] = s;
}

void summary_event(const struct event *e)
{
	counts[e->type]++;
	errors += event_is_error(e);
	if ((e->type == EV_REPLY || e->type == EV_END) && event_has(e, F_AGE))
		add_slow(e);
}

void summary_lost(__u64 n)
{
	lost += n;
}

__u64 summary_count_lost(void)
{
	return lost;
}

static __u64 total(void)
{
	__u64 n = 0;
	int i;

	for (i = 0; i < EV_LOST; i++)
		n += counts[i];
	return n;
}

static void print_slow(const struct slow *s, FILE *out)
{
	char age[8], wait[8], service[8], id[24] = "";

	format_time(s->age, age, sizeof(age));
	format_time(s->wait == UNKNOWN ? 0 : s->wait, wait, sizeof(wait));
	format_time(s->service == UNKNOWN ? 0 : s->service, service,
		    sizeof(service));
	if (s->id)
		snprintf(id, sizeof(id), "#%llu ", s->id);
	fprintf(out, "  %6s  queue %6s  service %6s  %-11s %s%s\n", age, wait,
		service, s->outcome, id, s->who);
}

void summary_text(FILE *out)
{
	const char *sep = ": ";
	int i;

	fprintf(out, "\n%llu events", total());
	for (i = 0; i < EV_LOST; i++) {
		if (!counts[i])
			continue;
		fprintf(out, "%s%llu %s", sep, counts[i], event_type_names[i]);
		sep = ", ";
	}
	fprintf(out, "\n%llu errors, %llu lost events\n", errors, lost);
	if (slowest[0].age)
		fprintf(out, "Slowest calls:\n");
	for (i = 0; i < SLOWEST && slowest[i].age; i++)
		print_slow(&slowest[i], out);
}

static void add_number(json_object *o, const char *key, __u64 v)
{
	if (v != UNKNOWN)
		json_object_object_add(o, key, json_object_new_uint64(v));
}

static json_object *slow_object(const struct slow *s)
{
	json_object *o = json_object_new_object();

	if (s->id)
		add_number(o, "call", s->id);
	json_object_object_add(o, "who", json_object_new_string(s->who));
	json_object_object_add(o, "outcome",
			       json_object_new_string(s->outcome));
	add_number(o, "age_ns", s->age);
	add_number(o, "wait_ns", s->wait);
	add_number(o, "service_ns", s->service);
	return o;
}

char *summary_json(void)
{
	json_object *o = json_object_new_object();
	json_object *types = json_object_new_object();
	json_object *list = json_object_new_array();
	char *text;
	int i;

	for (i = 0; i < EV_LOST; i++)
		if (counts[i])
			add_number(types, event_type_names[i], counts[i]);
	for (i = 0; i < SLOWEST && slowest[i].age; i++)
		json_object_array_add(list, slow_object(&slowest[i]));
	json_object_object_add(o, "type", json_object_new_string("summary"));
	add_number(o, "events", total());
	json_object_object_add(o, "types", types);
	add_number(o, "errors", errors);
	add_number(o, "lost", lost);
	json_object_object_add(o, "slowest", list);
	text = g_strdup(json_object_to_json_string_ext(o,
						JSON_C_TO_STRING_PLAIN));
	json_object_put(o);
	return text;
}
