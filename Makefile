# SPDX-License-Identifier: GPL-2.0
#
# The build of everything: `make help` lists what can be made.
#
# Nothing is written beside the sources: all goes to build/, what depends on
# the kernel to build/$(KVER)/. Each directory with user-space code has a
# Makefile.inc that says what is built from it, with these:
#
#   $(eval $(call prog,NAME,SOURCES,LIBS))	program build/user/NAME. SOURCES
#	are paths from here; LIBS are linker flags. Every program links
#	libkdbus. SKELS_NAME := X Y makes the BPF skeletons X and Y first.
#   $(eval $(call test,NAME,SOURCES,LIBS))	the same for a test program,
#	build/user/selftests/NAME
#   $(eval $(call test32,NAME,SOURCES,LIBS))	a test program NAME-32 that is a
#	32-bit process
#   $(eval $(call script,NAME,SOURCE))	program that is a script
#   $(eval $(call bpfobj,NAME))		bpf/NAME.bpf.c and its skeleton
#   LIB_SRCS += ...				sources of libkdbus

SHELL := /bin/bash
# modprobe, bpftool and depmod are there, and users who are not root look elsewhere
export PATH := $(PATH):/usr/sbin:/sbin
MAKEFLAGS += --no-builtin-rules
.DELETE_ON_ERROR:
.SUFFIXES:

ifeq ($(V),1)
Q :=
say = :
else
Q := @
say = printf '  %-7s %s\n'
endif
# without -j, use what the machine has
ifeq ($(MAKELEVEL)$(filter -j%,$(MAKEFLAGS)),0)
MAKEFLAGS += -j$(shell nproc)
endif

VERSION := 0.2
PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
# These goals get what is missing before they go on; it is looked up again by
# the make that they call.
GETTERS := demo check check-all bench bench-gate bench-figures vm-shell


OWN := $(shell scripts/kernel-version)
KROOT := /
include scripts/arch.mk
KVER ?= $(OWN)
KDIR ?= /lib/modules/$(KVER)/build
# SAN=1: what runs in user space with AddressSanitizer and UBSan
U := $(B)/user$(if $(SAN),-san)
# BPF programs and skeletons: the same for every kernel
BPF := $(B)/bpf

# D=CHECKER: the module for a kernel of vm/debug-kernel, with the checkers of
# that kernel on it; what runs in user space is the same
ifneq ($(D),)
override KDIR := $(shell vm/debug-kernel --cached $(D))
override KVER := $(notdir $(KDIR))
export KDBUS_CHECKED := y
endif

# KERNEL=NAME: the module for a kernel of scripts/kernel, built in the root
# where that kernel and its headers are.
ifneq ($(KERNEL),)
ifneq ($(D),)
$(error KERNEL= and D= each say which kernel; give one of them)
endif
KERNELS := $(shell scripts/kernel --list)
ifeq ($(filter $(KERNEL),$(KERNELS)),)
$(error there is no kernel '$(KERNEL)'; KERNEL= takes one of: $(KERNELS))
endif
kernel := $(shell scripts/kernel $(if $(filter $(GETTERS),$(MAKECMDGOALS)),--cached) $(KERNEL))
override KVER := $(firstword $(kernel))
KROOT := $(or $(word 2,$(kernel)),/)
override KDIR := /lib/modules/$(KVER)/build
endif
# what a command of the module's build begins with
in_root := $(if $(filter-out / $(SYSROOT),$(KROOT)),scripts/in-root $(KROOT))

K := $(B)/$(KVER)
KO := $(K)/kdbus.ko

CC ?= cc
ifeq ($(origin CC),default)
CC := gcc
endif
CLANG ?= clang
BPFTOOL ?= bpftool
CFLAGS ?= -O2 -g
comma := ,
ALL_CFLAGS := -std=gnu11 -Wall -Wextra -D_GNU_SOURCE \
	-DKDBUS_VERSION='"$(VERSION)"' \
	-Iinclude/uapi -Ilib -Itracepoints -I$(BPF) $(CPPFLAGS) $(CFLAGS) $(if $(SAN), \
	-fsanitize=address$(comma)undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)


.PHONY: all
all: module user lib

.PHONY: help
help:
	@echo 'make            build the module, the BPF programs, the tools and the tests'
	@echo 'make demo       install what is missing, build, boot a VM, show kdbus-top on a'
	@echo '                real workload there'
	@echo 'make check      install what is missing, build, run every test in a VM'
	@echo '                (T=PATTERN: only the tests whose names match)'
	@echo 'make check-all  the same on each kernel of KERNEL='
	@echo 'make check-debug  the same under a kernel with KASAN, UBSAN, lockdep and kmemleak,'
	@echo '                which is built first if need be; D=kcsan: with KCSAN'
	@echo 'make bench      what each operation takes, in instructions counted by the VM, and what'
	@echo '                watching adds (C=CASE: only the cases whose names begin so)'
	@echo 'make bench-gate measures what bench/figures lists, and fails if one of them has'
	@echo '                grown by more than 2 %; make bench-figures writes that file anew'
	@echo '                (WHY=REASON for what has grown)'
	@echo 'make vm-shell   a shell in a VM with the module loaded and the tools on PATH'
	@echo 'make load       load the module into the running kernel, or say why it cannot be'
	@echo 'make unload     unload it, or say what holds it'
	@echo 'make sign       sign the module, for Secure Boot (docs/secure-boot.rst); KEY= and CERT=:'
	@echo '                with that key'
	@echo 'make install    install module, tools, manual pages and library (DESTDIR, PREFIX,'
	@echo '                LIBDIR); install-user: all but the module; install-dkms: its'
	@echo '                sources for DKMS; install-doc: the documents'
	@echo 'make deb        Debian packages of all of it, in build/deb'
	@echo 'make check-packages  builds them for SUITES (bookworm and trixie) and tries them'
	@echo '                in a clean system of each'
	@echo 'make coverage   the same, and which lines of the module the tests reach'
	@echo 'make lint       the module without a warning of W=1, sparse and scripts/cocci,'
	@echo '                user space without one of the analyzer of clang, and a test for'
	@echo '                every statement of selftests/statements and every line of'
	@echo '                docs/guarantees.rst'
	@echo 'make clean      remove build/'
	@echo
	@echo 'KVER=VERSION    kernel to build for (now: $(KVER))'
	@echo 'KERNEL=NAME     a kernel of Debian, installed in a root if it is not the machine'\''s own:'
	@echo '                $(shell scripts/kernel --list | paste -sd " ")'
	@echo 'ARCH=ARCH       x86 or arm64: what is built goes to build/ARCH/ if that is not this'
	@echo '                machine'\''s; make check runs the core tests in an emulated machine'
	@echo 'D=CHECKER       with the kernel of vm/debug-kernel that has it: kasan or kcsan'
	@echo 'SAN=1           user space with AddressSanitizer and UBSan'
	@echo 'V=1             show the commands'

# ---- tools that have to be there -----------------------------------------

define need
command -v $(1) > /dev/null || { echo "make: $(1) is missing; run scripts/deps" >&2; exit 77; }
endef

.PHONY: have-headers
have-headers:
	@[ -z "$(D)" ] || [ -n "$(KVER)" ] || { \
	  echo "make: the $(D) kernel has not been built; run vm/debug-kernel $(D)" >&2; \
	  exit 77; }
	@[ -z "$(KERNEL)" ] || [ -n "$(KVER)" ] || { \
	  echo "make: the kernel $(KERNEL) is not installed; run scripts/kernel $(KERNEL)" >&2; \
	  exit 77; }
	@[ -n "$(KVER)" ] && [ -e "$(KROOT)/$(KDIR)/Makefile" ] || { \
	  echo "make: no kernel headers for '$(KVER)'; run scripts/deps, or set KVER= to one of /lib/modules" >&2; \
	  exit 77; }

# ---- the module ----------------------------------------------------------
#
# kbuild writes next to the sources, so it gets a tree of links.

FARM := $(K)/module
MODULE_SRCS := $(shell find module -type f)

$(FARM)/.farm: $(MODULE_SRCS) | have-headers
	@mkdir -p $(FARM)/compat
	@ln -sfn $(CURDIR)/tracepoints $(CURDIR)/include $(K)/
	@find $(FARM) -xtype l -delete
	@for f in $(MODULE_SRCS); do ln -sf $(CURDIR)/$$f $(K)/$$f; done
	@touch $@

# kbuild decides what to do; what it says of BTF is for kernels with a vmlinux
KBUILD_SAYS := 'Skipping BTF generation'
# in a root the make there is used, which does not know the one here
kbuild = $(if $(in_root),$(in_root) make -j$(shell nproc),$(MAKE)) \
	$(if $(Q),-s) -C $(SYSROOT)$(KDIR) M=$(CURDIR)/$(FARM) $(KBUILD_ARGS) $(1)

.PHONY: kbuild
kbuild: $(FARM)/.farm
	@$(say) KBUILD '$(FARM)/kdbus.ko'
	+$(Q)$(call kbuild,modules) 2> >(grep -v $(KBUILD_SAYS) >&2)

$(FARM)/kdbus.ko: kbuild ;

# CO-RE against the module's types needs BTF in the module, and that needs
# the kernel's, which header packages do not bring.
$(KO): $(FARM)/kdbus.ko scripts/module-btf $(K)/vmlinux.btf
	@$(say) BTF '$@'
	$(Q)$(in_root) scripts/module-btf $(K)/vmlinux.btf $< $@

$(B)/%/vmlinux.btf: scripts/kernel-btf | have-headers
	@mkdir -p $(@D)
	@$(say) BTF '$@'
	$(Q)scripts/kernel-btf $* $@ $(if $(filter $*,$(KVER)),$(KROOT) $(KDIR))

.PHONY: module
module: $(KO)

.PHONY: lint
lint: lint-module lint-user lint-tests lint-packaging

# what does not depend on the kernel is looked at on the machine's own
elsewhere := $(in_root)$(CROSS)
.PHONY: lint-module
lint-module: $(FARM)/.farm
	@$(if $(elsewhere),,$(call need,sparse))
	@$(if $(elsewhere),,$(call need,spatch))
	@rm -rf $(K)/lint && mkdir -p $(K)/lint && cp -rL $(FARM) $(K)/lint/module
	@ln -sfn $(CURDIR)/tracepoints $(CURDIR)/include $(K)/lint/
	@find $(K)/lint -name '*.o' -delete
	@$(say) LINT 'module W=1$(if $(elsewhere),, C=2)'
	$(Q)$(in_root) scripts/lint $(SYSROOT)$(KDIR) $(CURDIR)/$(K)/lint/module \
		$(if $(elsewhere),,C=2) $(KBUILD_ARGS)
ifeq ($(elsewhere),)
	@$(say) LINT 'module scripts/cocci'
	$(Q)scripts/cocci/run
endif

# ---- user space ----------------------------------------------------------

LIB_SRCS :=
PROGS :=
TESTS :=
SCRIPTS :=
OBJS :=

# obj: object of a source
obj = $(patsubst %.c,$(U)/obj/%.o,$(1))

define prog
PROGS += $(U)/$(1)
OBJS += $(call obj,$(2))
$(call obj,$(2)): | $$(addprefix $(BPF)/,$$(addsuffix .skel.h,$$(SKELS_$(1))))
$(U)/$(1): $(call obj,$(2)) $(U)/libkdbus.a
	@mkdir -p $$(@D)
	@$$(say) LD '$$@'
	$$(Q)$$(CC) $$(ALL_CFLAGS) $$(LDFLAGS) -o $$@ $(call obj,$(2)) $(U)/libkdbus.a $(3)
endef

define test
TESTS += $(U)/selftests/$(1)
$(call prog,selftests/$(1),$(2),$(3))
endef

define test32
TESTS += $(U)/selftests/$(1)-32
PROGS += $(U)/selftests/$(1)-32
$(U)/selftests/$(1)-32: $(2) $(LIB_SRCS) $(wildcard selftests/*.h lib/*.h include/uapi/linux/*.h) Makefile
	@mkdir -p $$(@D)
	@$$(say) CC32 '$$@'
	$$(Q)$$(CC) -m32 -D_FILE_OFFSET_BITS=64 -D_TIME_BITS=64 $$(ALL_CFLAGS) $$(LDFLAGS) -o $$@ $(2) $(LIB_SRCS) $(3)
endef

define script
SCRIPTS += $(U)/$(1)
$(U)/$(1): $(2)
	@mkdir -p $$(@D)
	$$(Q)install -m 755 $$< $$@
endef

define bpfobj
$(BPF)/$(1).bpf.o: bpf/$(1).bpf.c $(wildcard bpf/*.h) tracepoints/kdbus_enums.h
	@mkdir -p $$(@D)
	@$$(call need,$$(CLANG))
	@$$(say) BPF '$$@'
	$$(Q)$$(CLANG) -target bpf -mcpu=v3 -g -O2 -Wall -Wextra \
		-Ibpf -Itracepoints -c $$< -o $$@
$(BPF)/$(1).skel.h: $(BPF)/$(1).bpf.o
	@$$(call need,$$(BPFTOOL))
	$$(Q)$$(BPFTOOL) gen skeleton $$< name $(1) > $$@
endef

include $(wildcard lib/Makefile.inc bpf/Makefile.inc tools/*/Makefile.inc \
	demo/Makefile.inc selftests/Makefile.inc bench/Makefile.inc)

$(U)/obj/%.o: %.c Makefile
	@mkdir -p $(@D)
	@$(say) CC '$@'
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c $< -o $@

OBJS += $(call obj,$(LIB_SRCS))
$(U)/libkdbus.a: $(call obj,$(LIB_SRCS))
	@mkdir -p $(@D)
	@$(say) AR '$@'
	$(Q)rm -f $@ && $(AR) rcs $@ $^
AR ?= ar
-include $(OBJS:.o=.d)

.PHONY: user
user: $(PROGS) $(SCRIPTS)

# An object is newer than all that it is made of. What libbpf is given is not
# lost, which the analyzer thinks of all functions of system headers.
.PHONY: lint-user
lint-user: $(patsubst $(U)/obj/%.o,$(B)/lint/%.ok,$(sort $(OBJS)))
$(B)/lint/%.ok: $(U)/obj/%.o
	@mkdir -p $(@D)
	@$(say) LINT '$*.c'
	$(Q)$(CLANG) --analyze --analyzer-output text -Xclang -analyzer-werror \
		--no-system-header-prefix=bpf/ $(ALL_CFLAGS) $(GIO_CFLAGS) $*.c
	@touch $@

.PHONY: lint-tests
lint-tests:
	@$(say) LINT 'selftests/statements'
	$(Q)scripts/spec-tests --check

.PHONY: lint-packaging
lint-packaging:
	@$(say) LINT 'packaging'
	$(Q)scripts/lint-packaging '$(VERSION)'

.PHONY: docs/spec-tests.rst
docs/spec-tests.rst:
	@$(say) DOC '$@'
	$(Q)scripts/spec-tests > $@

# ---- running -------------------------------------------------------------

.PHONY: demo check bench bench-gate bench-figures vm-shell
demo check bench bench-gate bench-figures vm-shell:
	@scripts/deps $(if $(D),debug) $(if $(KERNEL),matrix) $(KDBUS_ARCH)
	@$(if $(D),vm/debug-kernel $(D) > /dev/null)
	@$(if $(KERNEL),scripts/kernel $(KERNEL) > /dev/null)
	@$(MAKE) --no-print-directory $@-built

in_vm := scripts/in-vm $(if $(KERNEL),--kernel $(KVER) $(KROOT))

# without the tests, which take as long to build as all else
.PHONY: demo-built
demo-built: module $(filter-out $(U)/selftests/%,$(PROGS) $(SCRIPTS))
	@$(in_vm) demo/run

# Instructions are counted in a VM with one processor; where two are measured it
# is time.
.PHONY: bench-built
bench-built: module $(filter-out $(U)/selftests/%,$(PROGS) $(SCRIPTS))
	@$(if $(filter two,$(firstword $(C))),,$(in_vm) --icount bench/run $(if $(C),'$(C)'))
	@$(if $(filter-out two,$(firstword $(C))),,$(in_vm) bench/run 'two processors')

.PHONY: bench-measured
bench-measured: module $(U)/kdbus-bench
	@$(in_vm) --icount bench/run --figures > $(B)/figures

.PHONY: bench-gate-built bench-figures-built
bench-gate-built: bench-measured
	@bench/gate bench/figures $(B)/figures
bench-figures-built: bench-measured
	@bench/gate --write bench/figures $(B)/figures

.PHONY: vm-shell-built
vm-shell-built: all
	@$(in_vm) bash -i

# An emulated machine runs the core tests, for which it needs few programs, and
# others by name.
tests := $(or $(T),$(if $(CROSS),core))
for_core = $(filter-out $(filter-out $(addprefix $(U)/selftests/,$(file < selftests/core)),\
	$(filter $(U)/selftests/test-% $(U)/selftests/debug-%,$(TESTS))),$(PROGS) $(SCRIPTS))

.PHONY: check-built
check-built: module lib $(if $(and $(CROSS),$(filter core,$(tests))),$(for_core),user)
	@scripts/check $(if $(KERNEL),--kernel $(KERNEL) $(KROOT)) $(K) '$(tests)' $(if $(D),$(D) $(KDIR))

.PHONY: check-all
check-all:
	@scripts/check-all '$(T)'

.PHONY: check-debug
check-debug:
	@$(MAKE) --no-print-directory check D=$(or $(D),kasan)

.PHONY: coverage
coverage:
	@status=0; $(MAKE) --no-print-directory check D=kasan T='$(T)' || status=$$?; \
	scripts/coverage $(B)/log-kasan/gcov.tar $(B)/log-kasan/not-reached && exit $$status

# ---- on a real machine ---------------------------------------------------

.PHONY: load unload sign
load: module
	@scripts/load '$(KO)'
sign: module
	@KEY='$(KEY)' CERT='$(CERT)' scripts/sign '$(KO)' '$(KDIR)'
unload:
	@scripts/unload

# without the tests, and for the user's part without a kernel
.PHONY: tools
tools: $(addprefix $(U)/,kdbus-top kdbus-monitor kdbus-perf) $(PERF_MODULES)

.PHONY: doc
doc:
	@$(say) DOC '$(B)/doc/html'
	$(Q)scripts/html $(B)/doc/html

.PHONY: install install-user install-module install-dkms install-doc
install: install-user install-module
install-%: export DESTDIR := $(DESTDIR)
install-%: export PREFIX := $(PREFIX)
install-%: export LIBDIR := $(LIBDIR)
install-user: tools lib
	@scripts/install user '$(VERSION)'
install-module: module
	@scripts/install module '$(KO)' '$(KVER)'
install-dkms:
	@scripts/install dkms '$(VERSION)'
install-doc: doc
	@scripts/install doc

.PHONY: deb
deb:
	@scripts/deps deb
	@scripts/deb

.PHONY: check-packages
check-packages:
	@scripts/deps deb matrix
	@scripts/check-packages $(SUITES)

# the one place that has it; scripts/lint-packaging compares the others
.PHONY: version
version:
	@echo $(VERSION)

.PHONY: clean
clean:
	rm -rf build
