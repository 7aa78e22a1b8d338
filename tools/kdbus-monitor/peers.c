// SPDX-License-Identifier: GPL-2.0
/*
 * Who is who. Fed by the module's listing and then by events in their order,
 * so a name means what it meant when the event happened. Connections and
 * names that are gone are kept for a while: what ends with them comes after.
 */
#include <string.h>

#include "monitor.h"

#define KEEP_DEAD 4096

/* a connection, or a life of a name */
struct key {
	__u64 bus, id;
};

struct name {
	struct key key;
	__u64 owner;
	char str[];
};

static GHashTable *peers, *names, *buses;
static GQueue *dead_peers, *dead_names;

static guint key_hash(gconstpointer p)
{
	const struct key *k = p;
	__u64 h = (k->bus << 40 ^ k->id) * 0x9e3779b97f4a7c15ULL;

	return h >> 32;
}

static gboolean key_equal(gconstpointer a, gconstpointer b)
{
	return !memcmp(a, b, sizeof(struct key));
}

static void peer_free(gpointer p)
{
	struct peer *peer = p;

	g_free(peer->names);
	g_ptr_array_unref(peer->owned);
	g_free(peer);
}

void peers_open(void)
{
	_Static_assert(offsetof(struct peer, conn) == 8, "begins with its key");
	peers = g_hash_table_new_full(key_hash, key_equal, NULL, peer_free);
	names = g_hash_table_new_full(key_hash, key_equal, NULL, g_free);
	buses = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free,
				      g_free);
	dead_peers = g_queue_new();
	dead_names = g_queue_new();
}

void peers_close(void)
{
	g_queue_free_full(dead_peers, g_free);
	g_queue_free_full(dead_names, g_free);
	g_hash_table_unref(peers);
	g_hash_table_unref(names);
	g_hash_table_unref(buses);
}

/* The oldest of the dead is forgotten when there are enough of them. */
static void bury(GQueue *dead, GHashTable *table, __u64 bus, __u64 id)
{
	struct key *key = g_new(struct key, 1);

	key->bus = bus;
	key->id = id;
	g_queue_push_tail(dead, key);
	if (g_queue_get_length(dead) <= KEEP_DEAD)
		return;
	key = g_queue_pop_head(dead);
	g_hash_table_remove(table, key);
	g_free(key);
}

struct peer *peer_get(__u64 bus, __u64 conn)
{
	struct key key = { bus, conn };
	struct peer *p = g_hash_table_lookup(peers, &key);

	if (p)
		return p;
	p = g_new0(struct peer, 1);
	p->bus = bus;
	p->conn = conn;
	p->owned = g_ptr_array_new();
	g_hash_table_insert(peers, p, p);
	return p;
}

void peer_process(struct peer *p, __u32 pid, __u32 uid, const char *comm)
{
	p->has_process = true;
	p->pid = pid;
	p->uid = uid;
	if (strncmp(p->comm, comm, sizeof(p->comm))) {
		g_strlcpy(p->comm, comm, sizeof(p->comm));
		make_printable(p->comm);
	}
}

void peer_dead(__u64 bus, __u64 conn)
{
	bury(dead_peers, peers, bus, conn);
}

void peer_who(struct who *w, __u64 bus, __u64 conn)
{
	struct key key = { bus, conn };
	const struct peer *p;

	memset(w, 0, sizeof(*w));
	w->there = true;
	w->conn = conn;
	if (!conn || conn == EVERYBODY)
		return;
	p = g_hash_table_lookup(peers, &key);
	if (!p)
		return;
	w->names = p->names;
	if (p->has_process) {
		w->has_process = true;
		w->pid = p->pid;
		w->uid = p->uid;
		w->comm = p->comm;
	}
}

/* ---- names ------------------------------------------------------------ */

static void list_names(struct peer *p)
{
	GString *s = g_string_new(NULL);
	guint i;

	for (i = 0; i < p->owned->len; i++) {
		const struct name *n = g_ptr_array_index(p->owned, i);

		g_string_append_printf(s, "%s%s", i ? "," : "", n->str);
	}
	g_free(p->names);
	p->names = g_string_free(s, !p->owned->len);
}

static void name_take(struct name *n)
{
	struct key key = { n->key.bus, n->owner };
	struct peer *p = n->owner ? g_hash_table_lookup(peers, &key) : NULL;

	n->owner = 0;
	if (p && g_ptr_array_remove(p->owned, n))
		list_names(p);
}

/* Where names have no ids, the text is as good. */
static __u64 text_id(const char *str)
{
	return g_str_hash(str) | 1ULL << 63;
}

__u64 name_owner(__u64 bus, const char *str)
{
	struct key key = { bus, text_id(str) };
	const struct name *n = g_hash_table_lookup(names, &key);

	return n ? n->owner : 0;
}

void name_owned(__u64 bus, __u64 id, const char *str, __u64 owner)
{
	struct key key = { bus, id ?: text_id(str) };
	struct name *n = g_hash_table_lookup(names, &key);

	if (!n) {
		n = g_malloc(sizeof(*n) + strlen(str) + 1);
		n->key = key;
		n->owner = 0;
		strcpy(n->str, str);
		g_hash_table_insert(names, &n->key, n);
	}
	if (n->owner == owner && owner)
		return;
	name_take(n);
	if (owner) {
		struct peer *p = peer_get(bus, owner);

		n->owner = owner;
		g_ptr_array_add(p->owned, n);
		list_names(p);
	} else {
		bury(dead_names, names, bus, key.id);
	}
}

const char *name_of(__u64 bus, __u64 id)
{
	struct key key = { bus, id };
	const struct name *n = id ? g_hash_table_lookup(names, &key) : NULL;

	return n ? n->str : NULL;
}

/* ---- buses ------------------------------------------------------------ */

void bus_named(__u64 bus, const char *name)
{
	gint64 *key = g_new(gint64, 1);

	*key = bus;
	g_hash_table_replace(buses, key, g_strdup(name));
}

const char *bus_name_of(__u64 bus)
{
	gint64 key = bus;

	return g_hash_table_lookup(buses, &key);
}

/* ---- the module's listing ---------------------------------------------- */

static void take_bus(const struct listing *l)
{
	bus_named(listing_num(l, "bus"), listing_str(l, "name"));
}

static void take_conn(const struct listing *l)
{
	struct peer *p = peer_get(listing_num(l, "bus"),
				  listing_num(l, "conn"));

	p->pool_size = listing_num(l, "pool_size");
	peer_process(p, listing_num(l, "pid"), listing_num(l, "uid"),
		     listing_str(l, "comm"));
}

static void take_name(const struct listing *l)
{
	name_owned(listing_num(l, "bus"), listing_num(l, "name_id"),
		   listing_str(l, "name"), listing_num(l, "owner"));
}

static bool read_listing(const char *file, void (*take)(const struct listing *))
{
	struct listing *l = listing_open(file);

	if (!l)
		return false;
	while (listing_next(l))
		take(l);
	listing_close(l);
	return true;
}

bool peers_list(void)
{
	return read_listing("buses", take_bus) &&
	       read_listing("connections", take_conn) &&
	       read_listing("names", take_name);
}

void peers_each(void (*fn)(const struct peer *p))
{
	GHashTableIter iter;
	gpointer p;

	g_hash_table_iter_init(&iter, peers);
	while (g_hash_table_iter_next(&iter, NULL, &p))
		fn(p);
}

void buses_each(void (*fn)(__u64 bus, const char *name))
{
	GHashTableIter iter;
	gpointer bus, name;

	g_hash_table_iter_init(&iter, buses);
	while (g_hash_table_iter_next(&iter, &bus, &name))
		fn(*(gint64 *)bus, name);
}
