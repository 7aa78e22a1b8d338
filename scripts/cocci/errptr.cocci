// SPDX-License-Identifier: GPL-2.0
//
// A function returns NULL or an ERR_PTR when it fails, and whoever calls it
// looks for that and not for the other. Which functions of ours return an
// ERR_PTR is read from their text: those that say so, and those that return
// what such a one, or one of the kernel's that are named below, gave them.

@initialize:python@
@@
import glob, os, re
bodies = {}
for path in glob.glob(os.path.join(os.environ["KDBUS_MODULE"], "*.c")):
	for m in re.finditer(r"^[a-z][^;{}()]*?[ *](kdbus_\w+)\([^;{}]*\)\n\{\n(.*?)^\}", open(path).read(), re.M | re.S):
		bodies[m.group(1)] = m.group(2)
errptr = {f for f, body in bodies.items() if re.search(r"return (ERR_PTR|ERR_CAST)\(", body)}
errptr |= {"shmem_read_mapping_page_gfp", "shmem_file_setup", "anon_inode_getfile"}
def gives(body):
	told = re.findall(r"return (\w+)\(", body)
	told += [f for var, f in re.findall(r"(\w+) = (\w+)\(", body) if "return %s;" % var in body]
	return any(f in errptr for f in told)
grown = True
while grown:
	more = {f for f, body in bodies.items() if f not in errptr and gives(body)}
	grown = bool(more)
	errptr |= more
def ours(f):
	return f in bodies
def complain(p, what):
	print("%s:%s: error: %s: %s" % (p.file, p.line, p.current_element, what))

@null exists@
type T;
identifier x;
expression e;
identifier f =~ "^kdbus_";
position p;
@@
(
 T x = f(...);
|
 x = f(...);
)
 ... when != x = e
(
 !x@p
|
 x@p == NULL
)

@script:python@
f << null.f;
p << null.p;
@@
if f in errptr:
	complain(p[0], "%s() returns an ERR_PTR, not NULL" % f)

@err exists@
type T;
identifier x;
expression e;
identifier f =~ "^kdbus_";
position p;
@@
(
 T x = f(...);
|
 x = f(...);
)
 ... when != x = e
 \(IS_ERR\|PTR_ERR\|ERR_CAST\)(x@p)

@script:python@
f << err.f;
p << err.p;
@@
if ours(f) and f not in errptr:
	complain(p[0], "%s() never returns an ERR_PTR" % f)
