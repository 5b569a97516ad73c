# One non-recursive Makefile. Sources are found by directory; every .c below the part directories goes into
# libvmm.a, and programs and tests link against that. `make BUILD=build-asan` uses another configured tree.

BUILD ?= build
ifeq ($(wildcard $(BUILD)/config.mak),)
ifneq ($(MAKECMDGOALS),distclean)
$(info $(BUILD)/config.mak is missing, running ./configure --build=$(BUILD))
_ := $(shell ./configure --build=$(BUILD) >&2 && echo ok)
ifneq ($(_),ok)
$(error configure failed)
endif
endif
endif
-include $(BUILD)/config.mak
.DEFAULT_GOAL := all

# A new configure may look for other libraries: it is run again, as it was run last.
$(BUILD)/config.mak: configure
	./configure --build=$(BUILD) $(CONFIGURE_ARGS)

VERSION := $(shell cat VERSION)
WARN := -Wall -Wextra -Werror -Wstrict-prototypes -Wmissing-prototypes -Wshadow -Wwrite-strings \
        -Wpointer-arith -Wno-unused-parameter -Wno-missing-field-initializers
CPPFLAGS := -I. -I$(BUILD)/gen -D_GNU_SOURCE -DVMM_VERSION='"$(VERSION)"' \
            -DVMM_FIRMWARE_DIR='"$(FIRMWARE_DIR)"' -DVMM_DATA_DIR='"$(PREFIX)/share/vmm"'
CFLAGS := -std=gnu11 $(OPT) $(WARN) -fno-strict-aliasing -fno-common -pthread
LDFLAGS := -pthread $(SANITIZE)
LDLIBS := $(LIB_LIBS) -lm

PARTS := core accel accel/interp accel/kvm hw hw/* block chardev net ui monitor
ALL_SRCS := $(filter-out main.c,$(wildcard *.c)) $(wildcard $(addsuffix /*.c,$(PARTS)))
TOOL_SRCS := block/vmm-img.c
LIB_SRCS := $(filter-out $(TOOL_SRCS),$(ALL_SRCS))
LIB_OBJS := $(LIB_SRCS:%.c=$(BUILD)/%.o)
LIB := $(BUILD)/libvmm.a
PROGRAMS := $(BUILD)/vmm $(if $(wildcard block/vmm-img.c),$(BUILD)/vmm-img)

UNIT_SRCS := $(wildcard tests/unit/test_*.c tests/catalog/test_*.c)
UNIT_TESTS := $(UNIT_SRCS:%.c=$(BUILD)/%)
TEST_SUPPORT := $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/support/*.c))

# Tests that drive the programs from outside, TAP by themselves.
SHELL_TESTS := $(wildcard tests/boot/*.t tests/cli/*.t tests/why/*.t tests/transcripts/*.t tests/block/*.t tests/qemu/*.t)

# Assembly that ends up inside the program (option ROMs) or in guest payloads.
GEN_HEADERS := $(patsubst hw/pc/%.asm,$(BUILD)/gen/%.bin.h,$(wildcard hw/pc/*.asm)) \
               $(patsubst hw/acpi/%.asl,$(BUILD)/gen/%.aml.h,$(wildcard hw/acpi/*.asl))

.PHONY: all tests check check-unit check-guest check-block check-layers check-boot check-fuzz demo bench install uninstall dist clean distclean
.SECONDARY:
.DELETE_ON_ERROR:

all: $(PROGRAMS)

$(LIB): $(LIB_OBJS)
	@rm -f $@
	@ar rcs $@ $(LIB_OBJS)

$(BUILD)/vmm: $(BUILD)/main.o $(LIB)
	@echo "LINK  $@"
	@$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(BUILD)/vmm-img: $(BUILD)/block/vmm-img.o $(LIB)
	@echo "LINK  $@"
	@$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

# The interpreter's handlers chain by tail calls: keep their frames bare.
$(BUILD)/accel/interp/%.o: CFLAGS += -fomit-frame-pointer -fno-stack-protector -fcf-protection=none -fno-tree-slp-vectorize

$(BUILD)/%.o: %.c $(BUILD)/config.mak | $(GEN_HEADERS)
	@mkdir -p $(@D)
	@echo "CC    $<"
	@$(CC) $(CPPFLAGS) $(LIB_CFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/tests/%: tests/%.c $(TEST_SUPPORT) $(LIB)
	@mkdir -p $(@D)
	@echo "TEST  $@"
	@$(CC) $(CPPFLAGS) $(LIB_CFLAGS) $(CFLAGS) -MMD -MP -MF $@.d -MT $@ $(LDFLAGS) -o $@ $< $(TEST_SUPPORT) $(LIB) $(LDLIBS)

$(BUILD)/gen/%.bin.h: hw/pc/%.asm $(wildcard hw/pc/*.inc)
	@mkdir -p $(@D)
	@echo "NASM  $<"
	@nasm -f bin -I hw/pc/ -o $(@:.h=) $<
	@cd $(@D) && xxd -i $(notdir $(@:.h=)) | sed 's/^unsigned/static const unsigned/' > $(notdir $@)

$(BUILD)/gen/%.aml.h: hw/acpi/%.asl
	@mkdir -p $(@D)
	@echo "IASL  $<"
	@iasl -vr -p $(BUILD)/gen/$*.aml $< > $(BUILD)/gen/$*.log
	@cd $(@D) && xxd -i $*.aml | sed 's/^unsigned/static const unsigned/' > $(notdir $@)

tests: $(UNIT_TESTS)

# The tests of two trees: plain, and with sanitizers if ASAN_BUILD names such a tree. Everything goes through
# prove, whose summary comes last.
ASAN_BUILD ?=
CHECK_TESTS = $(UNIT_TESTS) $(if $(ASAN_BUILD),$(UNIT_TESTS:$(BUILD)/%=$(ASAN_BUILD)/%)) $(SHELL_TESTS)
check: check-layers all tests
	VMM_BUILD=$(BUILD) prove -j2 --exec '' $(CHECK_TESTS)

check-layers:
	@scripts/check-layers

check-unit: $(UNIT_TESTS)
	prove -j2 --exec '' $(UNIT_TESTS)

check-boot: all
	VMM_BUILD=$(BUILD) VMM_BOOT=all prove -v --exec '' tests/boot/*.t

bench: all $(BUILD)/tests/bench/guest/loops.img
	VMM_BUILD=$(BUILD) tests/bench/loops.py -o docs/performance.md
	VMM_BUILD=$(BUILD) tests/bench/boot.sh
	VMM_BUILD=$(BUILD) tests/bench/img.sh
	VMM_BUILD=$(BUILD) tests/bench/disk.sh
	VMM_BUILD=$(BUILD) tests/bench/net.sh

demo:
	scripts/demo

install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/man/man1
	install $(PROGRAMS) $(DESTDIR)$(PREFIX)/bin
	install -m 644 docs/vmm.1 docs/vmm-img.1 $(DESTDIR)$(PREFIX)/share/man/man1

uninstall:
	rm -f $(addprefix $(DESTDIR)$(PREFIX)/bin/,vmm vmm-img) $(addprefix $(DESTDIR)$(PREFIX)/share/man/man1/,vmm.1 vmm-img.1)

dist:
	git archive --prefix=vmm-$(VERSION)/ -o vmm-$(VERSION).tar.gz HEAD

-include $(wildcard tests/*/rules.mk)

clean:
	rm -rf $(BUILD)/core $(BUILD)/accel $(BUILD)/hw $(BUILD)/block $(BUILD)/chardev $(BUILD)/net $(BUILD)/ui \
	       $(BUILD)/monitor $(BUILD)/tests $(BUILD)/gen $(BUILD)/*.o $(BUILD)/*.d $(LIB) $(PROGRAMS)

distclean:
	rm -rf $(BUILD)

-include $(wildcard $(LIB_OBJS:.o=.d)) $(BUILD)/main.d $(BUILD)/block/vmm-img.d $(wildcard $(BUILD)/tests/*/*.d)
