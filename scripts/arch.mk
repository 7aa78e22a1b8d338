# SPDX-License-Identifier: GPL-2.0
#
# What differs by architecture, for the Makefile: its names, and with ARCH= of
# another than this machine's the compiler, libraries, kernel and headers that
# scripts/cross-root unpacks. All that is built then goes to build/ARCH/.
#
# KARCH is what the kernel calls it, GNU what compilers do.

ARCH_NAMES := $(shell scripts/arch $(ARCH))
KARCH := $(word 1,$(ARCH_NAMES))
GNU := $(word 3,$(ARCH_NAMES))
ifeq ($(KARCH),)
$(error no such architecture)
endif

B := build
CROSS :=
PKG_CONFIG ?= pkg-config

ifneq ($(ARCH_NAMES),$(shell scripts/arch))
B := build/$(KARCH)
ifneq ($(KERNEL)$(D)$(SAN),)
$(error KERNEL=, D= and SAN= are for this machine's architecture)
endif
# what has to be installed before is looked up again by the make that they call
ifeq ($(filter clean help $(GETTERS),$(MAKECMDGOALS)),)
CROSS := $(shell scripts/cross-root $(KARCH))
ifeq ($(CROSS),)
$(error scripts/cross-root $(KARCH) failed)
endif
endif

SYSROOT := $(CROSS)/target
export KDBUS_ARCH := $(KARCH)
export PATH := $(CROSS)/tools/usr/bin:$(PATH)
export LD_LIBRARY_PATH := $(wildcard $(CROSS)/tools/usr/lib/*-linux-gnu)
export OBJCOPY := $(GNU)-objcopy
CC := $(GNU)-gcc --sysroot=$(SYSROOT)
export KDBUS_CC := $(CC)
AR := $(GNU)-ar
PKG_CONFIG := PKG_CONFIG_SYSROOT_DIR=$(SYSROOT) \
	PKG_CONFIG_LIBDIR=$(SYSROOT)/usr/lib/$(GNU)/pkgconfig:$(SYSROOT)/usr/share/pkgconfig \
	pkg-config
KBUILD_ARGS := ARCH=$(KARCH) CROSS_COMPILE=$(GNU)-
OWN := $(notdir $(lastword $(sort $(wildcard $(SYSROOT)/lib/modules/*))))
KROOT := $(SYSROOT)
endif
