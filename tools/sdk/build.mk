# What others build controllers with: the headers of the contract, its symbols
# in build/troupe, and `make sdk` and `make install`, which put them where a
# compiler finds them by pkg-config.

CONTRACT_HEADERS := $(addprefix actors/,controllers/plugin.h controllers/reconcile.h controllers/object.h \
	objects/objects.h objects/status.h objects/writing.h \
	runtime/actor.h runtime/fence.h runtime/view.h schema/notes.h schema/schema.h) \
	$(addprefix broker/,catalogue.h envelope.h base/bytes.h base/doc.h base/err.h base/mem.h base/mp.h base/omap.h) \
	store/store.h
CONTRACT_VERSION := $(shell sed -n 's/^.define TROUPE_CONTRACT \([0-9]*\)$$/\1/p' actors/controllers/plugin.h)

$(BUILD)/gen/troupe_contract.h: tools/sdk/contract.py tools/sdk/build.mk $(CONTRACT_HEADERS) | $(BUILD)/gen/.ready
	@echo "  GEN $@"
	@python3 $< digest $(CONTRACT_HEADERS) >$@.new && mv $@.new $@
$(BUILD)/obj/tools/plugin.o: $(BUILD)/gen/troupe_contract.h

$(BUILD)/gen/contract.list: tools/sdk/contract.py tools/sdk/build.mk $(CONTRACT_HEADERS) $(ARCHIVES)
	@echo "  GEN $@"
	@python3 $< symbols $(BUILD)/gen/contract $(CONTRACT_HEADERS) -- $(ARCHIVES)

PREFIX ?= /usr/local
DESTDIR ?=
.PHONY: install sdk
install: all $(BUILD)/gen/troupe_contract.h
	@set -e; to=$(DESTDIR)$(PREFIX); install -D -m 755 $(BUILD)/troupe $$to/bin/troupe; \
	for h in $(CONTRACT_HEADERS); do install -D -m 644 $$h $$to/include/troupe/$$h; done; \
	install -m 644 $(BUILD)/gen/troupe_contract.h $$to/include/troupe/; \
	install -D -m 644 tools/sdk/python/troupe.py $$to/share/troupe/python/troupe.py; \
	for f in tools/sdk/README.md tools/sdk/examples/*; do install -D -m 644 $$f $$to/share/troupe/examples/$${f##*/}; done; \
	install -d $$to/share/pkgconfig; \
	printf '%s\n' 'prefix=$(PREFIX)' 'includedir=$${prefix}/include/troupe' 'pythondir=$${prefix}/share/troupe/python' '' \
		'Name: troupe' 'Description: Controllers of Troupe as shared objects' 'Version: $(CONTRACT_VERSION)' \
		'Cflags: -I$${includedir}' >$$to/share/pkgconfig/troupe.pc
	@echo "installed in $(DESTDIR)$(PREFIX)"

sdk:
	@$(MAKE) --no-print-directory install PREFIX=$(abspath $(BUILD))/sdk DESTDIR=
