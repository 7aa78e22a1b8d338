// SPDX-License-Identifier: GPL-2.0
/* The metadata of a message against what /proc says of its sender. */
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "fixtures.h"

static struct bus bus;
static struct kdbus_client a, all;
static const struct kdbus_msg *msg;

/* A message with everything that can be attached. */
static void setup(void)
{
	bus_new(&bus);
	client_with(&a, &bus, 0, "sender");
	client_with(&all, &bus, _KDBUS_ATTACH_ALL, NULL);
	msg = deliver(&a, &all);
}

/* What a file in /proc/self holds; NUL behind it. Returns its bytes, or -1. */
static ssize_t slurp(const char *file, char *buf, size_t room)
{
	char path[64];
	ssize_t n, size = 0;
	int fd;

	snprintf(path, sizeof(path), "/proc/self/%s", file);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		return -1;
	while ((n = read(fd, buf + size, room - 1 - size)) > 0)
		size += n;
	close(fd);
	if (n < 0)
		return -1;
	buf[size] = 0;
	return size;
}

static size_t payload(const struct kdbus_item *item)
{
	return item->size - KDBUS_ITEM_HEADER;
}

static const struct kdbus_item *attached(__u64 type)
{
	const struct kdbus_item *item = kdbus_msg_item(msg, type);

	if (!item)
		test_fail(__FILE__, __LINE__, "no item 0x%llx",
			  (unsigned long long)type);
	return item;
}

/* The item is this string, its NUL, and no more. */
static void attached_string(__u64 type, const char *want)
{
	const struct kdbus_item *item = attached(type);

	ASSERT_EQ(payload(item), strlen(want) + 1);
	if (strcmp(item->str, want))
		test_fail(__FILE__, __LINE__, "item 0x%llx is %s, not %s",
			  (unsigned long long)type, item->str, want);
}

/* ---- strings ----------------------------------------------------------- */

/* spec 17.3: sized without padding, like all that follow */
TEST(the_executable)
{
	char want[4096] = "";

	setup();
	ASSERT(readlink("/proc/self/exe", want, sizeof(want) - 1) > 0);
	attached_string(KDBUS_ITEM_EXE, want);
}

/* spec 17.3, 25 */
TEST(the_command_line)
{
	char want[4096];
	ssize_t size;

	setup();
	size = slurp("cmdline", want, sizeof(want));
	ASSERT(size > 0);
	ASSERT_EQ(payload(attached(KDBUS_ITEM_CMDLINE)), size);
	ASSERT(!memcmp(attached(KDBUS_ITEM_CMDLINE)->str, want, size));
}

/* spec 17.3: a page at the most, and always terminated */
TEST(a_long_command_line_is_cut)
{
	const struct kdbus_item *item;
	char *args = mmap(NULL, 16384, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	size_t i;

	setup();
	memset(args, 'a', 16384);
	ASSERT_OK(prctl(PR_SET_MM, PR_SET_MM_ARG_START, args, 0, 0));
	ASSERT_OK(prctl(PR_SET_MM, PR_SET_MM_ARG_END, args + 16384, 0, 0));
	msg = deliver(&a, &all);
	item = attached(KDBUS_ITEM_CMDLINE);
	ASSERT(payload(item) > 3000 && payload(item) <= 4096);
	for (i = 0; i < payload(item) - 1; i++)
		ASSERT_EQ(item->str[i], 'a');
	ASSERT_EQ(item->str[i], 0);

	/* a short one that lacks its end gets one, too */
	ASSERT_OK(prctl(PR_SET_MM, PR_SET_MM_ARG_END, args + 3, 0, 0));
	msg = deliver(&a, &all);
	attached_string(KDBUS_ITEM_CMDLINE, "aaa");
}

/* spec 17.4: what cannot be read is left out, and the message goes */
TEST(a_command_line_that_is_not_there_is_left_out)
{
	char *args = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	setup();
	ASSERT_OK(prctl(PR_SET_MM, PR_SET_MM_ARG_START, args, 0, 0));
	ASSERT_OK(prctl(PR_SET_MM, PR_SET_MM_ARG_END, args + 100, 0, 0));
	munmap(args, 4096);
	msg = deliver(&a, &all);
	ASSERT(!kdbus_msg_item(msg, KDBUS_ITEM_CMDLINE));
	attached(KDBUS_ITEM_CREDS);
	attached(KDBUS_ITEM_EXE);
}

/* spec 17.3, 27.13: the path in the unified hierarchy */
TEST(the_control_group)
{
	char text[4096], *line, *end;

	setup();
	ASSERT(slurp("cgroup", text, sizeof(text)) > 0);
	line = strstr(text, "0::");
	ASSERT(line);
	end = strchr(line, '\n');
	if (end)
		*end = 0;
	attached_string(KDBUS_ITEM_CGROUP, line + 3);
}

/* spec 17.3, 27.12: absent where the kernel has none */
TEST(the_security_label)
{
	const struct kdbus_item *item;
	char want[4096];
	ssize_t size;

	setup();
	size = slurp("attr/current", want, sizeof(want));
	item = kdbus_msg_item(msg, KDBUS_ITEM_SECLABEL);
	if (size <= 0) {
		ASSERT(!item);
		return;
	}
	want[strcspn(want, "\n")] = 0;
	attached_string(KDBUS_ITEM_SECLABEL, want);
}

/* spec 17.2: both of the thread and of the process, and the description */
TEST(names_of_the_process)
{
	char want[64];

	setup();
	ASSERT(slurp("comm", want, sizeof(want)) > 0);
	want[strcspn(want, "\n")] = 0;
	attached_string(KDBUS_ITEM_PID_COMM, want);
	attached_string(KDBUS_ITEM_TID_COMM, want);
	attached_string(KDBUS_ITEM_CONN_NAME, "sender");
	/* an odd name is a name */
	ASSERT_OK(prctl(PR_SET_NAME, ""));
	msg = deliver(&a, &all);
	attached_string(KDBUS_ITEM_TID_COMM, "");
}

/* ---- numbers ----------------------------------------------------------- */

/* A field of /proc/self/status, in hexadecimal. */
static unsigned long long status_hex(const char *field)
{
	char text[8192], *line;

	ASSERT(slurp("status", text, sizeof(text)) > 0);
	line = strstr(text, field);
	ASSERT(line);
	return strtoull(line + strlen(field) + 1, NULL, 16);
}

/* spec 17.3: four sets of 32-bit words, the low one first, no unused bits */
TEST(capabilities)
{
	static const char * const fields[] = {
		"CapInh", "CapPrm", "CapEff", "CapBnd",
	};
	const struct kdbus_item *item;
	__u32 words[8];
	int i;

	ASSERT_OK(prctl(PR_CAPBSET_DROP, CAP_SYS_BOOT));
	setup();
	item = attached(KDBUS_ITEM_CAPS);
	ASSERT_EQ(payload(item), sizeof(words));
	memcpy(words, item->data, sizeof(words));
	for (i = 0; i < 4; i++)
		ASSERT_EQ(words[2 * i] | (__u64)words[2 * i + 1] << 32,
			  status_hex(fields[i]));
	ASSERT(words[4]);
}

/* spec 17.3: in nanoseconds, as precise as /proc can tell */
TEST(start_of_the_process)
{
	char text[4096], *field;
	unsigned long long ticks;
	__u64 starttime;
	int i;

	setup();
	ASSERT(slurp("stat", text, sizeof(text)) > 0);
	/* the 22nd; the second may hold spaces, and ends with the last ')' */
	field = strrchr(text, ')');
	for (i = 2; i < 22; i++)
		field = strchr(field + 1, ' ');
	ticks = strtoull(field, NULL, 10);
	starttime = attached(KDBUS_ITEM_CREDS)->creds.starttime;
	ASSERT_EQ(starttime / (SEC / sysconf(_SC_CLK_TCK)), ticks);
}

/* spec 17.3: real ids, not effective ones */
TEST(ids_of_the_process)
{
	const struct kdbus_creds *creds;

	setup();
	ASSERT_OK(setresgid(7, 8, 0));
	ASSERT_OK(setresuid(1000, 0, 0));
	msg = deliver(&a, &all);
	creds = &attached(KDBUS_ITEM_CREDS)->creds;
	ASSERT_EQ(creds->uid, 1000);
	ASSERT_EQ(creds->gid, 7);
	ASSERT_EQ(creds->pid, getpid());
	ASSERT_EQ(creds->tid, syscall(SYS_gettid));
}

/* spec 17.2: the kernel's values for "none", too */
TEST(audit_ids)
{
	const struct kdbus_item *item;
	char text[32];

	setup();
	item = attached(KDBUS_ITEM_AUDIT);
	ASSERT_EQ(payload(item), sizeof(item->audit));
	if (slurp("loginuid", text, sizeof(text)) > 0)
		ASSERT_EQ(item->audit.loginuid, strtoul(text, NULL, 10));
	if (slurp("sessionid", text, sizeof(text)) > 0)
		ASSERT_EQ(item->audit.sessionid, strtoul(text, NULL, 10));
}

/* ---- several receivers ------------------------------------------------- */

static const struct kdbus_msg *next(struct kdbus_client *c)
{
	const struct kdbus_msg *m;

	ASSERT_OK(kdbus_client_recv(c, 0, 0, &m));
	return m;
}

/* spec 17.5, 9.10: each what it asked for, and all the same values */
TEST(a_broadcast_tells_all_the_same)
{
	struct kdbus_client r[3];
	const struct kdbus_item *ts, *other;
	const struct kdbus_msg *m[3];
	int i;

	setup();
	client_with(&r[0], &bus, KDBUS_ATTACH_TIMESTAMP, NULL);
	client_with(&r[1], &bus, KDBUS_ATTACH_CREDS | KDBUS_ATTACH_TIMESTAMP |
		    KDBUS_ATTACH_COMM, NULL);
	client_with(&r[2], &bus, 0, NULL);
	for (i = 0; i < 3; i++)
		ASSERT_OK(match_rule(&r[i], 1, 0, NULL, 0));
	ASSERT_OK(match_rule(&all, 1, 0, NULL, 0));
	ASSERT_OK(broadcast(&a, 1));
	msg = next(&all);
	for (i = 0; i < 3; i++)
		m[i] = next(&r[i]);

	ts = attached(KDBUS_ITEM_TIMESTAMP);
	for (i = 0; i < 2; i++) {
		other = kdbus_msg_item(m[i], KDBUS_ITEM_TIMESTAMP);
		ASSERT(other);
		ASSERT(!memcmp(ts, other, ts->size));
	}
	ASSERT(!kdbus_msg_item(m[0], KDBUS_ITEM_CREDS));
	other = kdbus_msg_item(m[1], KDBUS_ITEM_CREDS);
	ASSERT(other && !memcmp(attached(KDBUS_ITEM_CREDS), other,
				other->size));
	ASSERT(kdbus_msg_item(m[1], KDBUS_ITEM_PID_COMM));
	ASSERT(!kdbus_msg_item(m[1], KDBUS_ITEM_CAPS));
	ASSERT_EQ(((const struct kdbus_item *)m[2]->items)->type,
		  KDBUS_ITEM_PAYLOAD_OFF);
	ASSERT_EQ(m[2]->size, sizeof(*msg) + 32);
}

/* ---- CONN_INFO and CONN_UPDATE ----------------------------------------- */

/* spec 17.7: all kinds can be asked about, also by those who cannot send */
TEST(info_of_special_connections)
{
	const struct kdbus_conn_info *info;
	struct kdbus_client act, h, m;

	setup();
	ASSERT_OK(special_new(&act, &bus, KDBUS_HELLO_ACTIVATOR,
			      "com.example.act"));
	ASSERT_OK(special_new(&h, &bus, KDBUS_HELLO_POLICY_HOLDER,
			      "com.example.h"));
	ASSERT_OK(special_new(&m, &bus, KDBUS_HELLO_MONITOR, NULL));
	ASSERT_OK(conn_info(&all, h.hello.id, NULL, 0, &info));
	ASSERT_EQ(info->flags, KDBUS_HELLO_POLICY_HOLDER);
	ASSERT_OK(conn_info(&all, m.hello.id, NULL, 0, &info));
	ASSERT_EQ(info->flags, KDBUS_HELLO_MONITOR);
	/* a holder's name is nobody's */
	ASSERT_EQ(conn_info(&all, 0, "com.example.h", 0, &info), -ESRCH);
	ASSERT_OK(conn_info(&h, m.hello.id, NULL, 0, NULL));
	ASSERT_OK(conn_info(&m, h.hello.id, NULL, 0, NULL));
	ASSERT_OK(conn_info(&act, h.hello.id, NULL, 0, NULL));
}

/* spec 17.7, 25: the flag says that nobody runs */
TEST(info_tells_whether_a_service_runs)
{
	const struct kdbus_conn_info *info;
	struct kdbus_client act;

	setup();
	ASSERT_OK(special_new(&act, &bus, KDBUS_HELLO_ACTIVATOR,
			      "com.example.act"));
	ASSERT_OK(conn_info(&all, 0, "com.example.act", 0, &info));
	ASSERT_EQ(info->id, act.hello.id);
	ASSERT(info->flags & KDBUS_HELLO_ACTIVATOR);
	ASSERT_OK(kdbus_client_acquire(&a, "com.example.act", 0));
	ASSERT_OK(conn_info(&all, 0, "com.example.act", 0, &info));
	ASSERT_EQ(info->id, a.hello.id);
	ASSERT(!(info->flags & KDBUS_HELLO_ACTIVATOR));
}

/* spec 17.7, 4.6 */
TEST(info_checks_the_name)
{
	struct kdbus_cmd_conn_info *cmd;
	struct kdbus_builder b;

	setup();
	cmd = kdbus_build_cmd(&b, sizeof(*cmd));
	ASSERT_EQ(xioctl(a.fd, KDBUS_CMD_CONN_INFO, cmd), -EINVAL);
	memcpy(b.buf + sizeof(*cmd), "com.example", 12);
	cmd->size = sizeof(*cmd) + 11;
	ASSERT_EQ(xioctl(a.fd, KDBUS_CMD_CONN_INFO, cmd), -EINVAL);
	cmd->size = sizeof(*cmd) + 12;
	ASSERT_EQ(xioctl(a.fd, KDBUS_CMD_CONN_INFO, cmd), -ESRCH);
	ASSERT_EQ(conn_info(&a, 0, "com.example.*", 0, NULL), -EINVAL);
	ASSERT_EQ(conn_info(&a, 0, "", 0, NULL), -EINVAL);
	ASSERT_EQ(conn_info(&a, ANY, NULL, 0, NULL), -ENXIO);
}

static int update(struct kdbus_client *c, __u64 type, const void *data,
		  size_t size)
{
	struct kdbus_builder b;

	kdbus_build_cmd(&b, sizeof(struct kdbus_cmd_update));
	kdbus_build_item(&b, type, data, size);
	return xioctl(c->fd, KDBUS_CMD_CONN_UPDATE, b.buf);
}

/* spec 17.8, decision 22: each item has its kind of connection */
TEST(updates_are_checked)
{
	__u64 flags = KDBUS_ATTACH_CREDS | 1ULL << 60;
	struct kdbus_item *item;
	struct kdbus_builder b;
	struct kdbus_client h;

	setup();
	holder_new(&h, &bus, "com.example.h", WORLD, 0, SEE);
	ASSERT_EQ(update(&h, KDBUS_ITEM_ATTACH_FLAGS, &flags, 8), -EOPNOTSUPP);
	ASSERT_EQ(update(&a, KDBUS_ITEM_NAME, "a.b", 4), -EOPNOTSUPP);
	ASSERT_EQ(update(&a, KDBUS_ITEM_POLICY_ACCESS, NULL, 24), -EOPNOTSUPP);
	ASSERT_EQ(update(&a, KDBUS_ITEM_ATTACH_FLAGS, &flags, 4), -EINVAL);
	ASSERT_EQ(update(&a, KDBUS_ITEM_ATTACH_FLAGS, NULL, 16), -EINVAL);
	/* an unknown item is nobody's business, a malformed one is */
	ASSERT_OK(update(&a, 0x7777, &flags, 3));
	kdbus_build_cmd(&b, sizeof(struct kdbus_cmd_update));
	kdbus_build_item(&b, KDBUS_ITEM_ATTACH_FLAGS, &flags, 8);
	item = kdbus_build_item(&b, 0x7777, NULL, 8);
	item->size = 16;
	ASSERT_EQ(xioctl(a.fd, KDBUS_CMD_CONN_UPDATE, b.buf), -EINVAL);
	ASSERT_EQ(listed("connections", &bus, a.hello.id, "attach_flags"), 0);
	/* unknown flags are masked */
	ASSERT_OK(update(&a, KDBUS_ITEM_ATTACH_FLAGS, &flags, 8));
	ASSERT_EQ(listed("connections", &bus, a.hello.id, "attach_flags"),
		  KDBUS_ATTACH_CREDS);
	ASSERT_EQ(listed("connections", &bus, all.hello.id, "attach_flags"),
		  _KDBUS_ATTACH_ALL);
}
