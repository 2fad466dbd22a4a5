# What nodes/ builds beside its archive's own files: the pause (a static
# program of its own, compiled apart because it must stay small), its image
# as an object of libnodes, and the folders below nodes/.

PAUSE_SRCS := $(wildcard nodes/pause/*.c) $(addprefix broker/base/,bytes.c err.c mem.c mp_path.c mp_read.c mp_write.c) \
	$(addprefix nodes/network/,netlink.c pod_cni.c pod_network.c)
PAUSE_OBJS := $(patsubst %.c,$(BUILD)/pause/%.o,$(PAUSE_SRCS))
# The sanitizers need a dynamic program; it is then as large as it likes.
PAUSE_CFLAGS := -std=gnu11 -D_GNU_SOURCE -I. $(WARN) $(shell pkg-config --cflags msgpack 2>/dev/null) \
	$(if $(SAN),-O2 -g -fno-omit-frame-pointer -fsanitize=$(SAN) -fno-sanitize-recover=all, \
	-O2 -g -fno-pie -ffunction-sections -fdata-sections)
PAUSE_LDFLAGS := $(if $(SAN),-fsanitize=$(SAN),-static $(if $(filter clang,$(COMPILER)),,-no-pie) -Wl,--gc-sections)

$(BUILD)/pause/%.o: %.c
	@mkdir -p $(@D)
	$(if $(V),,@echo "  CC $< (pause)"; )$(CC) $(PAUSE_CFLAGS) -MMD -MP -c $< -o $@

$(BUILD)/troupe-pause: $(PAUSE_OBJS)
	@echo "  LD $@"
	@$(CC) $(PAUSE_LDFLAGS) -o $@.full $^
	@objcopy --strip-all $@.full $@

$(BUILD)/obj/nodes/pause/image.o: nodes/pause/image.S $(BUILD)/troupe-pause
	@mkdir -p $(@D)
	@$(CC) -DPAUSE_FILE='"$(BUILD)/troupe-pause"' -c $< -o $@

NODES_MORE := $(foreach d,images launcher network oci probes proxy static volumes,$(wildcard nodes/$(d)/*.c)) \
	$(addprefix nodes/pause/,attempt.c cri_log.c oci_process.c oci_words.c packet.c procid.c remove.c subpath.c)
$(BUILD)/libnodes.a: $(patsubst %.c,$(BUILD)/obj/%.o,$(NODES_MORE)) $(BUILD)/obj/nodes/pause/image.o

-include $(shell find $(BUILD)/pause -name '*.d' 2>/dev/null)
