// SPDX-License-Identifier: GPL-2.0
//
// Memory that a program makes the module take is charged to the program's
// control group: every allocation says so, or is in the list below with the
// reason why it need not.

@initialize:python@
@@
not_charged = {
	("bus.c", "kdbus_bus_teach_lockdep"): "allocates nothing",
	("domain.c", "kdbus_domain_alloc"): "the initial domain's, made when the module is loaded",
	("domain.c", "kdbus_domain_add_chrdev"): "the table of all domains, which privileged users make",
	("domain.c", "kdbus_domain_show"): "gone before it returns",
	("endpoint.c", "kdbus_endpoint_show"): "gone before it returns",
	("hello.c", "kdbus_hello_commit"): "fills the place that was reserved, and charged, before",
	("metadata.c", "kdbus_meta_ns_init_cgroup"): "gone before it returns",
	("node.c", "kdbus_device_devnode"): "gone before devtmpfs has made the node",
}
def check(p, flags):
	where = (p.file.split("/")[-1], p.current_element)
	if where not in not_charged:
		print("%s:%s: error: %s: %s without __GFP_ACCOUNT" % (p.file, p.line, p.current_element, flags))

@plain@
position p;
@@
 GFP_KERNEL@p

@script:python@
p << plain.p;
@@
check(p[0], "GFP_KERNEL")

@charged@
position p;
@@
(
 \(GFP_NOWAIT@p\|GFP_ATOMIC@p\) | __GFP_NOWARN | __GFP_ACCOUNT
|
 \(GFP_NOWAIT@p\|GFP_ATOMIC@p\) | __GFP_ACCOUNT
)

@atomic@
position p != charged.p;
@@
 \(GFP_NOWAIT@p\|GFP_ATOMIC@p\)

@script:python@
p << atomic.p;
@@
check(p[0], "GFP_NOWAIT or GFP_ATOMIC")
