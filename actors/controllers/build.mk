# What is there from the first start on, from facts to a C table.

$(BUILD)/gen/bootstrap_objects.c: actors/controllers/bootstrap.py actors/controllers/bootstrap.json | $(BUILD)/gen/.ready
	@echo "  GEN $@"
	@python3 $^ >$@.new && mv $@.new $@

$(BUILD)/obj/gen/bootstrap_objects.o: $(BUILD)/gen/bootstrap_objects.c
	@mkdir -p $(@D)
	$(if $(V),,@echo "  CC $<"; )$(CC) $(CFLAGS_ALL) -MMD -MP -c $< -o $@

$(BUILD)/libcontrol.a: $(BUILD)/obj/gen/bootstrap_objects.o
