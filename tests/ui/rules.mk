# Guests for the tests of the window: one disk image per tests/ui/guest/NAME.asm.
UI_GUEST_SRCS := $(wildcard tests/ui/guest/*.asm)
UI_GUESTS := $(UI_GUEST_SRCS:%.asm=$(BUILD)/%.img)

$(BUILD)/tests/ui/guest/%.img: tests/ui/guest/%.asm $(wildcard tests/ui/guest/*.inc)
	@mkdir -p $(@D)
	@echo "NASM  $<"
	@nasm -w+error -f bin -I tests/ui/guest/ -o $@ $<

tests: $(UI_GUESTS)

# The short form of the tests in a window is part of `make check`; they skip themselves without Xvfb.
SHELL_TESTS += $(wildcard tests/ui/*.t)
VMM_XGUEST ?= $(BUILD)/xguest
.PHONY: check-ui
check-ui: $(BUILD)/vmm $(UI_GUESTS) $(VMM_XGUEST)/x.img
	VMM_BUILD=$(BUILD) VMM_UI=all VMM_XGUEST=$(VMM_XGUEST) prove -v --exec '' tests/ui/*.t

# The guest with X.org, from Debian's packages (apt-get download): 1 GB there, some minutes.
$(VMM_XGUEST)/x.img: tests/ui/make-xguest $(wildcard tests/ui/xguest/*)
	tests/ui/make-xguest $(@D)
