// SPDX-License-Identifier: GPL-2.0
/*
 * pcapng files, docs/kdbus-monitor-pcapng.rst. Interface 0 carries D-Bus
 * messages whose payload was captured in one piece, as such, with the event
 * as their comment; interface 1 everything else, with the event as the packet.
 */
#include <errno.h>
#include <endian.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "monitor.h"

#define BLOCK_SECTION 0x0a0d0d0a
#define BLOCK_INTERFACE 1
#define BLOCK_PACKET 6
#define MAGIC 0x1a2b3c4d
#define LINK_DBUS 231
#define LINK_USER0 147

#define OPT_END 0
#define OPT_COMMENT 1
#define OPT_SHB_USERAPPL 4
#define OPT_IF_NAME 2
#define OPT_IF_DESCRIPTION 3
#define OPT_IF_TSRESOL 9

#define MAX_BLOCK (4u << 20)
#define MAX_INTERFACES 256
#define MAX_COMMENT 65535

#define PAD4(n) (((n) + 3) & ~3u)

/* ---- writing ---------------------------------------------------------- */

static FILE *out;
static const char *out_path;
static GByteArray *block;
static int failed;	/* errno, or 0 */

static void put(const void *data, size_t size)
{
	g_byte_array_append(block, data, size);
}

static void put16(__u16 v)
{
	put(&v, sizeof(v));
}

static void put32(__u32 v)
{
	put(&v, sizeof(v));
}

static void pad(void)
{
	static const char zero[4];

	put(zero, PAD4(block->len) - block->len);
}

static void put_option(__u16 code, const void *data, size_t size)
{
	put16(code);
	put16(size);
	put(data, size);
	pad();
}

static void block_begin(__u32 type)
{
	g_byte_array_set_size(block, 0);
	put32(type);
	put32(0);
}

static void block_end(void)
{
	__u32 size = block->len + 4;

	put32(size);
	memcpy(block->data + 4, &size, sizeof(size));
	if (fwrite(block->data, 1, block->len, out) != block->len)
		failed = errno;
}

static void write_section(void)
{
	static const char app[] = "kdbus-monitor " KDBUS_VERSION;

	block_begin(BLOCK_SECTION);
	put32(MAGIC);
	put16(1);
	put16(0);
	put32(~0u);	/* length of the section: not known */
	put32(~0u);
	put_option(OPT_SHB_USERAPPL, app, strlen(app));
	put_option(OPT_END, NULL, 0);
	block_end();
}

static void write_interface(__u16 link, const char *name, const char *what)
{
	static const __u8 nanoseconds = 9;

	block_begin(BLOCK_INTERFACE);
	put16(link);
	put16(0);
	put32(0);	/* no limit */
	put_option(OPT_IF_NAME, name, strlen(name));
	put_option(OPT_IF_DESCRIPTION, what, strlen(what));
	put_option(OPT_IF_TSRESOL, &nanoseconds, 1);
	put_option(OPT_END, NULL, 0);
	block_end();
}

int capture_open(const char *path)
{
	out_path = path;
	out = strcmp(path, "-") ? fopen(path, "we") : stdout;
	if (!out) {
		complain("cannot write '%s': %s", path, strerror(errno));
		return EXIT_RUNTIME;
	}
	if (isatty(fileno(out))) {
		complain("a capture is no text and '%s' is a terminal; write to a file or into a pipe", path);
		return EXIT_USAGE;
	}
	setvbuf(out, NULL, _IOFBF, 1 << 20);
	block = g_byte_array_new();
	write_section();
	write_interface(LINK_DBUS, "kdbus", "D-Bus messages; the comment says what kdbus did with them");
	write_interface(LINK_USER0, "kdbus-events", "what else happened, in JSON");
	return 0;
}

static void packet_begin(__u32 interface, __u64 time_ns, __u32 size, __u64 full)
{
	block_begin(BLOCK_PACKET);
	put32(interface);
	put32(time_ns >> 32);
	put32(time_ns);
	put32(size);
	put32(full > ~0u ? ~0u : full);
}

static bool as_dbus(const struct event *e)
{
	return e->payload && payload_is_dbus(e->payload);
}

void capture_event(const struct event *e)
{
	const char *json = json_from_event(e, !as_dbus(e));
	size_t size = strlen(json);
	const GByteArray *data;

	/* the comment of a message names parts; there are not that many */
	if (as_dbus(e) && size <= MAX_COMMENT) {
		data = e->payload->data;
		packet_begin(0, e->time_ns, data->len, event_get(e, F_BYTES));
		put(data->data, data->len);
		pad();
		put_option(OPT_COMMENT, json, size);
		put_option(OPT_END, NULL, 0);
	} else {
		packet_begin(1, e->time_ns, size, size);
		put(json, size);
		pad();
	}
	block_end();
}

bool capture_flush(void)
{
	if (!out || failed)
		return false;
	errno = 0;
	if (fflush(out) || ferror(out))
		failed = errno ?: EIO;
	return !failed;
}

int capture_close(void)
{
	int ret = 0;

	if (!out)
		return 0;
	capture_flush();
	if (failed && failed != EPIPE) {
		complain("cannot write '%s': %s", out_path, strerror(failed));
		ret = EXIT_RUNTIME;
	}
	if (out != stdout)
		fclose(out);
	g_byte_array_unref(block);
	out = NULL;
	return ret;
}

/* ---- reading ---------------------------------------------------------- */

/**
 * struct reader - a file being read
 * @swapped:	its section is of the other byte order
 * @links:	link type of each interface
 * @found:	there was an event
 * @quiet:	what is wrong with it is said later
 */
static struct reader {
	FILE *in;
	const char *path;
	bool swapped, found, quiet;
	__u16 links[MAX_INTERFACES];
	unsigned int n_links;
	__u64 offset;
	__u8 *body;
} rd;

static __u32 get32(const void *p)
{
	__u32 v;

	memcpy(&v, p, sizeof(v));
	return rd.swapped ? __builtin_bswap32(v) : v;
}

static __u16 get16(const void *p)
{
	__u16 v;

	memcpy(&v, p, sizeof(v));
	return rd.swapped ? __builtin_bswap16(v) : v;
}

static int broken(const char *what)
{
	/* it was not read to its end because nobody wanted to */
	if (monitor_done())
		return 0;
	if (!rd.quiet)
		complain("'%s' %s, at byte %llu%s", rd.path, what, rd.offset,
			 rd.offset ? "; what comes before was read" : "");
	return -EBADMSG;
}

static const char *cannot_read(void)
{
	static char text[128];

	snprintf(text, sizeof(text), "cannot be read: %s", strerror(errno));
	return text;
}

static int reader_open(const struct options *o)
{
	rd.path = o->read;
	rd.in = strcmp(o->read, "-") ? fopen(o->read, "re") : stdin;
	if (!rd.in) {
		complain("cannot read '%s': %s", o->read, strerror(errno));
		return EXIT_RUNTIME;
	}
	rd.body = g_malloc(MAX_BLOCK);
	/* what comes through a pipe is shown as it comes */
	if (fseek(rd.in, 0, SEEK_CUR))
		setvbuf(stdout, NULL, _IOLBF, 0);
	return 0;
}

static void reader_close(void)
{
	if (rd.in && rd.in != stdin)
		fclose(rd.in);
	g_free(rd.body);
}

/* The comment of a packet, behind its data; or NULL. */
static const char *find_comment(const __u8 *opt, const __u8 *end, size_t *size)
{
	while (end - opt >= 4) {
		__u16 code = get16(opt), len = get16(opt + 2);

		if (code == OPT_END || end - opt - 4 < len)
			break;
		if (code == OPT_COMMENT) {
			*size = len;
			return (const char *)opt + 4;
		}
		opt += 4 + PAD4(len);
	}
	return NULL;
}

static void pass_on(const char *json, size_t json_size, const __u8 *data,
		    size_t size, void (*fn)(struct event *))
{
	struct event e;
	void *holder = json_to_event(json, json_size, &e);

	if (!holder)
		return;
	if (data && e.payload)
		g_byte_array_append(e.payload->data, data, size);
	rd.found = true;
	fn(&e);
	json_free(holder);
}

static int read_packet(__u32 size, void (*fn)(struct event *))
{
	const __u8 *end = rd.body + size, *data = rd.body + 20;
	__u32 interface, captured;
	const char *comment;
	size_t len;

	if (size < 20)
		return broken("is damaged: a packet is too short");
	interface = get32(rd.body);
	captured = get32(rd.body + 12);
	if (captured > size - 20 || interface >= rd.n_links)
		return broken("is damaged: a packet is not what it says");
	if (rd.links[interface] == LINK_USER0) {
		pass_on((const char *)data, captured, NULL, 0, fn);
	} else if (rd.links[interface] == LINK_DBUS) {
		comment = find_comment(data + PAD4(captured), end, &len);
		if (comment)
			pass_on(comment, len, data, captured, fn);
	}
	return 0;
}

static int read_interface(__u32 size)
{
	if (size < 8 || rd.n_links == MAX_INTERFACES)
		return broken("is damaged: an interface is not what it says");
	rd.links[rd.n_links++] = get16(rd.body);
	return 0;
}

/* A section begins with its byte order, behind a size that needs it. */
static int read_section_order(__u32 *size)
{
	__u32 magic;

	if (fread(&magic, 4, 1, rd.in) != 1)
		return broken("ends in the middle of a block");
	if (magic != MAGIC && magic != __builtin_bswap32(MAGIC))
		return broken("is damaged: a section of no byte order");
	rd.swapped = magic != MAGIC;
	rd.n_links = 0;
	*size = get32(size);
	return 0;
}

/* 1, 0 at the end, or a negative errno after saying why. */
static int read_block(void (*fn)(struct event *))
{
	__u32 head[2], type, size, body, skip = 8, tail;
	size_t n = fread(head, 1, sizeof(head), rd.in);
	int ret = 0;

	if (!n)
		return ferror(rd.in) ? broken(cannot_read()) : 0;
	if (!rd.offset && (n < 4 || head[0] != BLOCK_SECTION))
		return broken("is no pcapng file");
	if (n < sizeof(head))
		return broken("ends in the middle of a block");
	type = get32(&head[0]);
	size = head[1];
	if (type == BLOCK_SECTION) {
		ret = read_section_order(&size);
		skip = 12;
	} else {
		size = get32(&size);
	}
	if (ret || monitor_done())
		return ret;
	if (size < skip + 4 || size % 4 || size - skip - 4 > MAX_BLOCK)
		return broken("is damaged: a block of no possible size");
	body = size - skip - 4;
	if (fread(rd.body, 1, body, rd.in) != body ||
	    fread(&tail, 4, 1, rd.in) != 1)
		return broken("ends in the middle of a block");
	if (get32(&tail) != size)
		return broken("is damaged: the sizes of a block differ");
	if (type == BLOCK_INTERFACE)
		ret = read_interface(body);
	else if (type == BLOCK_PACKET)
		ret = read_packet(body, fn);
	rd.offset += size;
	return ret ?: 1;
}

static void learn(struct event *e)
{
	filter_learn(e);
}

static int read_all(void (*fn)(struct event *))
{
	int ret;

	rd.offset = 0;
	rd.n_links = 0;
	do
		ret = read_block(fn);
	while (ret > 0 && !(fn == monitor_event && monitor_done()));
	return ret;
}

/* What belongs to a message may stand before it: look twice, if one can. */
static void learn_first(void)
{
	long at = ftell(rd.in);

	if (at < 0 || fseek(rd.in, at, SEEK_SET))
		return;
	rd.quiet = true;
	read_all(learn);
	rd.quiet = rd.found = false;
	fseek(rd.in, at, SEEK_SET);
}

static int reader_drain(void)
{
	int ret;

	ret = read_all(monitor_event);
	if (!ret && !rd.found && !monitor_done()) {
		complain("'%s' holds nothing that kdbus-monitor has written",
			 rd.path);
		ret = -ENODATA;
	}
	return ret;
}

static int reader_open_all(const struct options *o)
{
	int ret = reader_open(o);

	if (!ret && o->follow)
		learn_first();
	return ret;
}

struct source source_capture = {
	.open = reader_open_all,
	.drain = reader_drain,
	.close = reader_close,
	.fd = -1,
};
