// SPDX-License-Identifier: GPL-2.0
/* What arrives, compared with what arrives when nothing fails: arrivals.h. */
#include <stdarg.h>

#include "arrivals.h"

#define LOG_BYTES (1 << 20)
#define MAX_ARRIVALS 256

/* what stands for what is another one each time */
#define THE_COOKIE (~1ULL)
#define THE_NEWCOMER (~2ULL)

__u64 round_cookie = 1000;
__u64 last_old_id = ~0ULL;

/**
 * struct arrival - something that has arrived
 * @who:	who has got it
 * @header:	bytes of @data before the items
 * @size:	bytes of @data, a multiple of 8
 * @data:	a header and items
 */
struct arrival {
	const void *who;
	size_t header;
	size_t size;
	char data[] __attribute__((aligned(8)));
};

/* What has arrived in a round, one after the other in @bytes. */
struct arrivals {
	unsigned int n;
	struct arrival *at[MAX_ARRIVALS];
	size_t size;
	char bytes[LOG_BYTES] __attribute__((aligned(8)));
};

static struct arrivals logs[2], *noted = &logs[0], *kept = &logs[1];
static __u64 newcomer, began;

/* ---- noting ------------------------------------------------------------- */

static void *put(const void *data, size_t size)
{
	struct arrival *a = noted->at[noted->n];
	char *to = a->data + a->size;

	ASSERT(to + KDBUS_ALIGN8(size) <= noted->bytes + LOG_BYTES);
	memset(to, 0, KDBUS_ALIGN8(size));
	if (data)
		memcpy(to, data, size);
	a->size += KDBUS_ALIGN8(size);
	return to;
}

static void *begin(const void *who, const void *header, size_t size)
{
	struct arrival *a = (void *)(noted->bytes + noted->size);
	void *to;

	ASSERT(noted->n < MAX_ARRIVALS);
	ASSERT(noted->size + sizeof(*a) <= LOG_BYTES);
	noted->at[noted->n] = a;
	*a = (struct arrival){ .who = who };
	to = put(header, size);
	a->header = a->size;
	return to;
}

static void end(void)
{
	noted->size += sizeof(struct arrival) + noted->at[noted->n]->size;
	noted->n++;
}

static void settle_id(__u64 *id)
{
	if (*id <= last_old_id || *id == KDBUS_DST_ID_BROADCAST)
		return;
	if (!newcomer)
		newcomer = *id;
	ASSERT_EQ(*id, newcomer);
	*id = THE_NEWCOMER;
}

static void settle_cookie(__u64 *cookie)
{
	if (*cookie == round_cookie)
		*cookie = THE_COOKIE;
}

/* An item with @size bytes of payload; those are still to be put. */
static struct kdbus_item *put_item(__u64 type, size_t size)
{
	struct kdbus_item *to = put(NULL, KDBUS_ITEM_HEADER);

	to->size = KDBUS_ITEM_HEADER + size;
	to->type = type;
	return to;
}

/* ---- files -------------------------------------------------------------- */

/* What a file descriptor is of, and how; nothing if it is none. */
struct file_id {
	__u64 dev, ino, flags, fd_flags;
};

static void put_file_id(int fd)
{
	struct file_id id = { 0 };
	struct stat st;

	if (fd != -1) {
		ASSERT_OK(fstat(fd, &st));
		id.dev = st.st_dev;
		id.ino = st.st_ino;
		id.flags = fcntl(fd, F_GETFL);
		id.fd_flags = fcntl(fd, F_GETFD);
	}
	put(&id, sizeof(id));
}

static void put_memfd(const struct kdbus_memfd *memfd)
{
	__u64 has_file = memfd->fd != -1, size = has_file ? memfd->size : 0;
	void *to;

	ASSERT(memfd->size < LOG_BYTES);
	put_item(KDBUS_ITEM_PAYLOAD_MEMFD, 16 + sizeof(struct file_id) +
		 KDBUS_ALIGN8(size));
	put(&memfd->size, 8);
	put(&has_file, 8);
	put_file_id(memfd->fd);
	to = put(NULL, size);
	if (has_file)
		ASSERT_EQ(pread(memfd->fd, to, size, 0), (ssize_t)size);
}

static void put_fds(const struct kdbus_item *item)
{
	size_t i, n = (item->size - KDBUS_ITEM_HEADER) / sizeof(int);

	put_item(KDBUS_ITEM_FDS, n * sizeof(struct file_id));
	for (i = 0; i < n; i++)
		put_file_id(item->fds[i]);
}

/* ---- items -------------------------------------------------------------- */

/* The bytes themselves, for where they are depends on what is before them. */
static void put_vec(const struct kdbus_item *item, const struct kdbus_msg *msg)
{
	bool zeros = item->vec.offset == ~0ULL;
	__u64 size = zeros ? 0 : item->vec.size;
	__u64 head[2] = { item->vec.size, zeros };

	if (!zeros)
		ASSERT(item->vec.offset >= msg->size);
	put_item(KDBUS_ITEM_PAYLOAD_OFF, sizeof(head) + KDBUS_ALIGN8(size));
	put(head, sizeof(head));
	put(zeros ? NULL : (const char *)msg + item->vec.offset, size);
}

/* The message was sent in this round, and has its number. */
static void put_timestamp(const struct kdbus_item *item)
{
	const struct kdbus_timestamp *ts = (const void *)item->data;

	ASSERT_EQ(item->size, KDBUS_ITEM_HEADER + sizeof(*ts));
	ASSERT(ts->seqnum);
	ASSERT(ts->monotonic_ns >= began);
	ASSERT(ts->monotonic_ns <= now_ns());
	ASSERT(ts->realtime_ns);
	put_item(KDBUS_ITEM_TIMESTAMP, 0);
}

static void put_plain(const struct kdbus_item *item)
{
	struct kdbus_item *to = put(item, item->size);

	switch (item->type) {
	case KDBUS_ITEM_ID_ADD:
	case KDBUS_ITEM_ID_REMOVE:
		settle_id(&to->id_change.id);
		break;
	case KDBUS_ITEM_NAME_ADD:
	case KDBUS_ITEM_NAME_REMOVE:
	case KDBUS_ITEM_NAME_CHANGE:
		settle_id(&to->name_change.old.id);
		settle_id(&to->name_change.new.id);
		break;
	}
}

static void put_any(const struct kdbus_item *item, const struct kdbus_msg *msg)
{
	if (item->type == KDBUS_ITEM_PAYLOAD_OFF && msg)
		put_vec(item, msg);
	else if (item->type == KDBUS_ITEM_PAYLOAD_MEMFD)
		put_memfd(&item->memfd);
	else if (item->type == KDBUS_ITEM_FDS)
		put_fds(item);
	else if (item->type == KDBUS_ITEM_TIMESTAMP)
		put_timestamp(item);
	else
		put_plain(item);
}

/* They fill their @bytes, to the last one. */
static void put_items(const void *first, __u64 bytes,
		      const struct kdbus_msg *msg)
{
	const struct kdbus_item *item;
	__u64 done;

	for (done = 0; done < bytes; done += KDBUS_ALIGN8(item->size)) {
		item = (const void *)((const char *)first + done);
		ASSERT(bytes - done >= KDBUS_ITEM_HEADER);
		ASSERT(item->size >= KDBUS_ITEM_HEADER);
		ASSERT(KDBUS_ALIGN8(item->size) <= bytes - done);
		put_any(item, msg);
	}
}

void note_msg(const struct kdbus_client *c, const struct kdbus_msg *msg)
{
	struct kdbus_msg *to = begin(c, msg, sizeof(*msg));

	/* depends on what is told of the sender; the items have to fill it */
	to->size = 0;
	settle_id(&to->src_id);
	settle_id(&to->dst_id);
	settle_cookie(&to->cookie);
	settle_cookie(&to->cookie_reply);
	put_items(msg->items, msg->size - sizeof(*msg), msg);
	end();
}

void note_info(const struct kdbus_client *c,
	       const struct kdbus_conn_info *info)
{
	struct kdbus_conn_info *to = begin(c, info, sizeof(*info));

	to->size = 0;
	settle_id(&to->id);
	put_items(info->items, info->size - sizeof(*info), NULL);
	end();
}

void note_hello(const struct kdbus_cmd_hello *hello)
{
	struct kdbus_cmd_hello *to = begin(NULL, hello, sizeof(*hello));

	settle_id(&to->id);
	end();
}

void note_bytes(const struct kdbus_client *c, const void *data, size_t size)
{
	begin(c, data, size);
	end();
}

void arrivals_forget(void)
{
	noted->n = 0;
	noted->size = 0;
	newcomer = 0;
}

void arrivals_begin(void)
{
	arrivals_forget();
	began = now_ns();
}

void arrivals_keep(void)
{
	struct arrivals *old = kept;

	kept = noted;
	noted = old;
	arrivals_forget();
}

/* ---- comparing ---------------------------------------------------------- */

static const struct kdbus_item *first_item(const struct arrival *a)
{
	return (const void *)(a->data + a->header);
}

static bool has_type(const struct arrival *a, __u64 type)
{
	const struct kdbus_item *item;

	kdbus_for_each_item(item, first_item(a), a->size - a->header)
		if (item->type == type)
			return true;
	return false;
}

static bool may_miss(const struct arrival *a, __u64 type, __u64 may_lack)
{
	return type >= _KDBUS_ITEM_ATTACH_BASE &&
	       type <= KDBUS_ITEM_CONN_NAME && (may_lack & LACK(type)) &&
	       !has_type(a, type);
}

/* Whether all of @want is in @a in the same order, but for what may lack. */
static bool same_items(const struct arrival *a, const struct arrival *want,
		       __u64 may_lack, __u64 *lacks)
{
	const char *pos = a->data + a->header, *stop = a->data + a->size;
	const struct kdbus_item *item;

	*lacks = 0;
	kdbus_for_each_item(item, first_item(want), want->size - want->header) {
		if (pos < stop && !memcmp(pos, item, 16) &&
		    !memcmp(pos, item, item->size))
			pos += KDBUS_ALIGN8(item->size);
		else if (may_miss(a, item->type, may_lack))
			*lacks |= LACK(item->type);
		else
			return false;
	}
	return pos == stop;
}

static bool same_header(const struct arrival *a, const struct arrival *want)
{
	return a->header == want->header &&
	       !memcmp(a->data, want->data, a->header);
}

static void show_items(const char *what, const struct arrival *a)
{
	const struct kdbus_item *item;

	printf("# %s: ", what);
	kdbus_for_each_item(item, first_item(a), a->size - a->header)
		printf(" %llx/%llu", item->type, item->size);
	printf("\n");
}

static void show(const struct arrival *a, const struct arrival *want)
{
	size_t i;

	for (i = 0; i < a->header && i < want->header; i += 8)
		if (memcmp(a->data + i, want->data + i, 8))
			printf("# bytes from %zu of the header differ\n", i);
	show_items("came", a);
	show_items("want", want);
}

/* How far each who has got in what has been kept; 1: found or lost. */
static char used[MAX_ARRIVALS];

static struct arrival *next_kept(const void *who)
{
	unsigned int i;

	for (i = 0; i < kept->n; i++) {
		if (used[i] || kept->at[i]->who != who)
			continue;
		used[i] = 1;
		return kept->at[i];
	}
	return NULL;
}

/* Finds what it should be, after what has not come; the set of what lacks. */
static __u64 find_kept(const struct arrival *a, unsigned int *lost,
		       __u64 may_lack, const char *what)
{
	const struct arrival *want;
	__u64 lacks;

	while ((want = next_kept(a->who))) {
		if (same_header(a, want) &&
		    same_items(a, want, may_lack, &lacks))
			return lacks;
		if (!*lost) {
			show(a, want);
			test_fail(__FILE__, __LINE__,
				  "something else has arrived: %s", what);
		}
		--*lost;
	}
	show_items("came", a);
	test_fail(__FILE__, __LINE__, "more has arrived: %s", what);
}

__u64 arrivals_compare(unsigned int lost, __u64 may_lack, const char *fmt, ...)
{
	__u64 lacks = 0;
	char what[128];
	unsigned int i;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	memset(used, 0, sizeof(used));
	for (i = 0; i < noted->n; i++)
		lacks |= find_kept(noted->at[i], &lost, may_lack, what);
	for (i = 0; i < kept->n; i++) {
		if (used[i])
			continue;
		if (!lost--)
			test_fail(__FILE__, __LINE__,
				  "less has arrived: %s", what);
	}
	return lacks;
}
