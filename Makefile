# Troupe: one Makefile, no recursion. `make help` lists what it does.
#
# Each folder of the source becomes one archive; the archives are linked in
# the order of the floors, so that an include or a call upward does not link.
# BUILD is where everything goes; SAN=address,undefined or SAN=thread builds
# into a folder of its own.

SHELL := /bin/bash
CC ?= gcc
SAN ?=
BUILD ?= build$(if $(SAN),-$(subst $(comma),-,$(SAN)))
comma := ,
MAKEFLAGS += -r

PACKAGES := libzmq3-dev libczmq-dev libmsgpack-dev liblmdb-dev libmicrohttpd-dev libgnutls28-dev libyajl-dev \
	libyaml-dev zlib1g-dev libwslay-dev libcriterion-dev pkg-config gcc libc6-dev binutils python3 python3-zmq python3-msgpack tzdata curl procps \
	crun skopeo busybox-static golang-github-containers-common iproute2
PC := libzmq libczmq msgpack lmdb libmicrohttpd gnutls yajl yaml-0.1 zlib
ifeq ($(filter deps help clean format,$(MAKECMDGOALS)),)
MISSING := $(shell for p in $(PC) criterion; do pkg-config --exists $$p 2>/dev/null || echo $$p; done; \
	$(CC) -E -include wslay/wslay.h -x c /dev/null >/dev/null 2>&1 || echo libwslay)
ifneq ($(strip $(MISSING)),)
ifneq ($(filter demo test,$(MAKECMDGOALS)),)
NEEDS_DEPS := deps
else
$(error missing packages ($(strip $(MISSING))): run `make deps` as root, or apt-get install $(PACKAGES))
endif
endif
endif

PC_CFLAGS := $(shell pkg-config --cflags $(PC) 2>/dev/null)
# wslay has no .pc file.
PC_LIBS := $(shell pkg-config --libs $(PC) 2>/dev/null) -lwslay

# Sanitized code takes twice as long to compile at -O2 as at -O1, and is not for speed.
OPT ?= $(if $(SAN),-O1 -g1,-O2 -g)
# A test's own code is compiled far more often than it takes time.
OPT_TESTS ?= -O0
# What gcc alone knows: truncated snprintf is meant here.
COMPILER := $(if $(findstring clang,$(shell $(CC) --version 2>/dev/null)),clang,gcc)
# Between checks of a sanitizer it sees lengths that cannot be.
WARN_gcc := -Wno-format-truncation $(if $(SAN),-Wno-stringop-overread)
WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wvla $(WARN_$(COMPILER)) -Werror
CFLAGS_ALL := -std=gnu11 -D_GNU_SOURCE -I. -I$(BUILD)/gen $(OPT) $(WARN) -fno-omit-frame-pointer -pthread \
	$(PC_CFLAGS) $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all) $(CFLAGS)
# The tables of the API are full of pointers: packed, a process starts without
# reading 350 KB of relocations.
LDFLAGS_ALL := -pthread -Wl,-z,pack-relative-relocs $(if $(SAN),-fsanitize=$(SAN)) $(LDFLAGS)

# ---- archives, topmost floor first (which is link order)
tools_DIRS := tools tools/chaos
nodes_DIRS := nodes
control_DIRS := actors/access actors/api actors/gate actors/controllers actors/scheduler
objects_DIRS := actors/objects
runtime_DIRS := actors/runtime
schema_DIRS := actors/schema
store_DIRS := store store/local
broker_DIRS := broker broker/base
LIBS := tools nodes control objects runtime schema store broker

srcs = $(foreach d,$($(1)_DIRS),$(filter-out %/main.c,$(wildcard $(d)/*.c)))
objs = $(patsubst %.c,$(BUILD)/obj/%.o,$(call srcs,$(1)))

.PHONY: all
all: $(BUILD)/troupe

define archive
$(BUILD)/lib$(1).a: $$(call objs,$(1)) $$($(1)_EXTRA)
	@mkdir -p $$(@D); rm -f $$@
	@ar rcsD $$@ $$^
endef
$(foreach l,$(LIBS),$(eval $(call archive,$(l))))

$(BUILD)/obj/%.o: %.c | $(BUILD)/gen/.ready
	@mkdir -p $(@D)
	$(if $(V),,@echo "  CC $<"; )$(CC) $(CFLAGS_ALL) -MMD -MP -c $< -o $@

$(BUILD)/gen/.ready:
	@mkdir -p $(@D); touch $@

ARCHIVES := $(foreach l,$(LIBS),$(BUILD)/lib$(l).a)

# What shared objects may call is visible in it (tools/sdk/build.mk).
$(BUILD)/troupe: $(BUILD)/obj/tools/main.o $(ARCHIVES) $(BUILD)/gen/contract.list
	@echo "  LD $@"
	@$(CC) $(LDFLAGS_ALL) -Wl,--dynamic-list=$(BUILD)/gen/contract.list @$(BUILD)/gen/contract.link -o $@ \
		$(filter %.o %.a,$^) $(PC_LIBS)

# The commit that /version names; none of a tree without git.
.PHONY: FORCE
$(BUILD)/gen/commit.h: FORCE | $(BUILD)/gen/.ready
	@text="#define TROUPE_COMMIT \"$$(git rev-parse HEAD 2>/dev/null || printf '%040d' 0)\""; \
	[[ "$$text" == "$$(cat $@ 2>/dev/null)" ]] || echo "$$text" >$@
$(BUILD)/obj/actors/api/discovery.o: $(BUILD)/gen/commit.h

# ---- what is generated or linked apart (facts of the API, the pause program)
-include $(wildcard actors/schema/build.mk actors/controllers/build.mk nodes/build.mk tools/sdk/build.mk)

$(BUILD)/obj/tests/%: CFLAGS_ALL += $(OPT_TESTS)

# ---- tests: one Criterion program per file; tests/unit/X links floor X and
# those under it
unit_broker_LIBS := broker
unit_store_LIBS := store broker
unit_schema_LIBS := schema broker
unit_runtime_LIBS := runtime store broker
unit_objects_LIBS := objects schema store broker
unit_control_LIBS := control objects runtime schema store broker
unit_access_LIBS := control objects runtime schema store broker
unit_nodes_LIBS := nodes control objects runtime schema store broker
unit_tools_LIBS := $(LIBS)

THREAD_HELP := $(BUILD)/obj/tests/threads/main.o $(BUILD)/obj/tests/threads/twin.o
THREAD_SRCS := $(filter-out %/main.c %/twin.c,$(wildcard tests/threads/*.c))
THREAD_TESTS := $(patsubst %.c,$(BUILD)/%,$(THREAD_SRCS))
TEST_SRCS := $(wildcard tests/unit/*/*.c tests/actor/*.c tests/sim/*.c) $(THREAD_SRCS)
TESTS := $(patsubst %.c,$(BUILD)/%,$(TEST_SRCS))
E2E_PROGRAMS := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/e2e/*.c))
TEST_HELP := $(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard tests/lib/*.c))

define unit
$(BUILD)/tests/unit/$(1)/%: $(BUILD)/obj/tests/unit/$(1)/%.o $(foreach l,$(unit_$(1)_LIBS),$(BUILD)/lib$(l).a)
	@mkdir -p $$(@D)
	@echo "  LD $$@"
	@$$(CC) $$(LDFLAGS_ALL) -o $$@ $$^ $$(PC_LIBS) -lcriterion
endef
$(foreach u,$(sort $(notdir $(patsubst %/,%,$(dir $(wildcard tests/unit/*/*.c))))),$(eval $(call unit,$(u))))
$(BUILD)/tests/actor/%: $(BUILD)/obj/tests/actor/%.o $(TEST_HELP) $(ARCHIVES)
	@mkdir -p $(@D)
	@echo "  LD $@"
	@$(CC) $(LDFLAGS_ALL) -o $@ $^ $(PC_LIBS) -lcriterion
$(BUILD)/tests/threads/%: $(BUILD)/obj/tests/threads/%.o $(THREAD_HELP) $(ARCHIVES)
	@mkdir -p $(@D)
	@echo "  LD $@"
	@$(CC) $(LDFLAGS_ALL) -o $@ $^ $(PC_LIBS)
$(BUILD)/tests/e2e/%: $(BUILD)/obj/tests/e2e/%.o $(ARCHIVES)
	@mkdir -p $(@D)
	@echo "  LD $@"
	@$(CC) $(LDFLAGS_ALL) -o $@ $^ $(PC_LIBS)
$(BUILD)/tests/sim/%: $(BUILD)/obj/tests/sim/%.o $(TEST_HELP) $(ARCHIVES)
	@mkdir -p $(@D)
	@echo "  LD $@"
	@$(CC) $(LDFLAGS_ALL) -o $@ $^ $(PC_LIBS) -lcriterion

# The same product with bugs planted in it (broker/base/planted.h), linked
# before the archives, for one test of the tests.
PLANTED_SRCS := $(shell grep -l '"broker/base/planted.h"' $(foreach l,$(LIBS),$(call srcs,$(l))))
PLANTED_OBJS := $(patsubst %.c,$(BUILD)/planted/%.o,$(PLANTED_SRCS))
$(BUILD)/planted/%.o: %.c | $(BUILD)/gen/.ready
	@mkdir -p $(@D)
	@echo "  CC $< (planted)"
	@$(CC) $(CFLAGS_ALL) -DPLANTED_BUGS -MMD -MP -c $< -o $@
$(BUILD)/obj/tests/sim/planted.o: CFLAGS_ALL += -DPLANTED_BUGS
$(BUILD)/tests/sim/planted: $(BUILD)/obj/tests/sim/planted.o $(PLANTED_OBJS) $(TEST_HELP) $(ARCHIVES)
	@mkdir -p $(@D)
	@echo "  LD $@"
	@$(CC) $(LDFLAGS_ALL) -o $@ $^ $(PC_LIBS) -lcriterion

.PHONY: bench
.PHONY: tests thread-tests fuzz fuzzers check test test-long demo deps clean help format
tests: $(TESTS) $(E2E_PROGRAMS)
thread-tests: $(THREAD_TESTS)

# A minute: everything builds, and all but the sanitizers and the slow.
check:
	@$(MAKE) --no-print-directory -j$(shell nproc) all tests
	@tests/run $(TESTS) tests/lint.sh

# Everything in its short form. On a machine without the packages they are
# installed first, and make starts again with them.
# Bugs that are planted on purpose are no reports; a sanitizer has its own malloc.
SAN_TESTS := $(filter-out %/sim/planted %/store/allocation,$(patsubst build/%,build-address-undefined/%,$(TESTS))) \
	$(patsubst build/%,build-thread/%,$(THREAD_TESTS))
ifdef NEEDS_DEPS
test demo: deps
	@$(MAKE) --no-print-directory $@
else
test:
	-@tools/deps $(PACKAGES)
	@$(MAKE) --no-print-directory -j$(shell nproc) all tests
	@$(MAKE) --no-print-directory -j$(shell nproc) SAN=address,undefined FUZZ_PLAIN=1 all tests fuzzers
	@$(MAKE) --no-print-directory -j$(shell nproc) SAN=thread all thread-tests
	@tests/run $(TESTS) tests/lint.sh $(SAN_TESTS) tests/fuzz/short tests/fuzz/clang tests/e2e-thread tests/e2e-address \
		$(wildcard tests/e2e/*.sh)

demo:
	-@tools/deps $(PACKAGES)
	@$(MAKE) --no-print-directory -j$(shell nproc) all
	@tools/demo/demo
endif

# Proofs that take longer: seeds by the thousand, threads again.
test-long: all tests
	SEEDS=5000 tests/run $(filter $(BUILD)/tests/sim/%,$(TESTS)) tests/e2e-thread tests/e2e-thread
	SEEDS=10000 COMMITS=10000 FLIPS=100000 KILLS=1000 TEST_TIMEOUT_S=7200 tests/run \
		$(addprefix $(BUILD)/tests/,sim/store unit/store/power unit/store/power_memory unit/store/allocation \
		unit/store/damage unit/store/kill)
	KILLS=100 tests/run tests/e2e/histories.sh

# Figures as JSON lines, each beside the bare library (and, with PEER_DIR, a
# real Kubernetes) in the same run.
BENCHES := $(patsubst tools/bench/%.c,$(BUILD)/bench/%,$(wildcard tools/bench/*.c))
$(BUILD)/bench/%: $(BUILD)/obj/tools/bench/%.o $(ARCHIVES)
	@mkdir -p $(@D)
	@echo "  LD $@"
	@$(CC) $(LDFLAGS_ALL) -o $@ $^ $(PC_LIBS)

bench: all $(BENCHES)
	@tools/bench/bench $(BUILD)

# Fuzzers by clang, FUZZ_SECONDS each; corpus in the build folder. Without
# clang's libFuzzer it says so and succeeds.
FUZZ_SECONDS ?= 30
FUZZERS := $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,$(filter-out %/main.c %/seeds.c,$(wildcard tests/fuzz/*.c)))
$(BUILD)/fuzz/%: $(BUILD)/obj/tests/fuzz/%.o $(BUILD)/obj/tests/fuzz/$(if $(FUZZ_PLAIN),main,seeds).o $(ARCHIVES)
	@mkdir -p $(@D)
	@echo "  LD $@"
	@$(CC) $(LDFLAGS_ALL) $(if $(FUZZ_PLAIN),,-fsanitize=fuzzer) -o $@ $^ $(PC_LIBS)
fuzzers: $(FUZZERS)
fuzz:
	@tests/fuzz/run $(FUZZ_SECONDS)

clean:
	rm -rf build build-*

deps:
	@tools/deps $(PACKAGES)

format:
	clang-format -i $$(git ls-files '*.c' '*.h')

help:
	@echo 'make            build/troupe'
	@echo 'make demo       installs what is missing, builds, and shows a cluster with real kubectl'
	@echo 'make check      a minute of tests'
	@echo 'make test       all tests, sanitizers and end to end; last line: N passed, N failed, N skipped'
	@echo 'make test-long  seeds by the thousand'
	@echo 'make bench      figures as JSON lines, beside the bare library'
	@echo 'make fuzz       FUZZ_SECONDS (30) for each fuzz target, by clang'
	@echo 'make install    into PREFIX (/usr/local), with headers for controllers of your own; make sdk: into build/sdk'
	@echo 'make deps       installs the packages (as root)'
	@echo 'SAN=address,undefined or SAN=thread builds into a folder of its own'

.SECONDARY:
-include $(shell find $(BUILD)/obj $(BUILD)/planted -name '*.d' 2>/dev/null)
