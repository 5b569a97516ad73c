# Guest payloads: one ROM image per tests/guest/NAME.asm, run by tests/guest/payloads.t.
GUEST_SRCS := $(wildcard tests/guest/*.asm)
GUEST_PAYLOADS := $(GUEST_SRCS:%.asm=$(BUILD)/%.bin)

$(BUILD)/tests/guest/%.bin: tests/guest/%.asm $(wildcard tests/guest/include/*.inc)
	@mkdir -p $(@D)
	@echo "NASM  $<"
	@nasm -w+error -w-number-overflow -f bin -I tests/guest/include/ -o $@ $<

tests: $(GUEST_PAYLOADS)

check-guest: $(BUILD)/vmm $(GUEST_PAYLOADS)
	VMM_BUILD=$(BUILD) prove -v --exec '' tests/guest/*.t
