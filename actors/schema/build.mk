# The API's types and resources, from facts to C tables.

SCHEMA_FACTS := actors/schema/types.json actors/schema/resources.json actors/schema/served.json

$(BUILD)/gen/schema_tables.c: actors/schema/generate.py $(SCHEMA_FACTS) | $(BUILD)/gen/.ready
	@echo "  GEN $@"
	@python3 $< $(SCHEMA_FACTS) >$@.new && mv $@.new $@

$(BUILD)/gen/schema_descriptions.c: actors/schema/describe.py actors/schema/descriptions.json | $(BUILD)/gen/.ready
	@echo "  GEN $@"
	@python3 $^ >$@.new && mv $@.new $@

$(BUILD)/gen/schema_zones.c: actors/schema/zones.py | $(BUILD)/gen/.ready
	@echo "  GEN $@"
	@python3 $< >$@.new && mv $@.new $@

$(BUILD)/obj/gen/schema_%.o: $(BUILD)/gen/schema_%.c
	@mkdir -p $(@D)
	$(if $(V),,@echo "  CC $<"; )$(CC) $(CFLAGS_ALL) -MMD -MP -c $< -o $@

$(BUILD)/libschema.a: $(BUILD)/obj/gen/schema_tables.o $(BUILD)/obj/gen/schema_descriptions.o $(BUILD)/obj/gen/schema_zones.o
