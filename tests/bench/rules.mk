# The CPU loops of `make bench`: flat images of the 64- and the 32-bit side, then the disk image around them.
# Always by gcc, so that the loops are the same whatever compiles vmm.
BENCH_CC := gcc
BENCH_DIR := $(BUILD)/tests/bench/guest
BENCH_CFLAGS := -std=gnu11 -O2 $(WARN) -ffreestanding -fno-builtin -fno-pic -fno-stack-protector -fcf-protection=none \
                -fno-asynchronous-unwind-tables -fno-tree-vectorize -fno-tree-loop-distribute-patterns -I.
BENCH_OBJS := $(patsubst %,$(BENCH_DIR)/%.o,main system integer branch memory float_sse float_x87 simd code)
BENCH_LINK = ld -T tests/bench/guest/loops.ld --oformat binary -o $@ --defsym=BASE=$(1) -m $(2)

$(BENCH_DIR)/%.o: tests/bench/guest/%.c $(wildcard tests/bench/guest/*.h)
	@mkdir -p $(@D)
	@echo "CC    $<"
	@$(BENCH_CC) $(BENCH_CFLAGS) -m64 -mno-red-zone -c -o $@ $<
$(BENCH_DIR)/float_x87.o: BENCH_CFLAGS += -mfpmath=387
$(BENCH_DIR)/loops32.o: tests/bench/guest/loops32.c tests/bench/guest/loops.h
	@mkdir -p $(@D)
	@echo "CC    $<"
	@$(BENCH_CC) $(BENCH_CFLAGS) -m32 -march=i686 -mno-sse -c -o $@ $<
$(BENCH_DIR)/loops64.bin: $(BENCH_OBJS) tests/bench/guest/loops.ld
	@$(call BENCH_LINK,0x20000,elf_x86_64) $(BENCH_OBJS)
$(BENCH_DIR)/loops32.bin: $(BENCH_DIR)/loops32.o tests/bench/guest/loops.ld
	@$(call BENCH_LINK,0x40000,elf_i386) $<
$(BENCH_DIR)/loops.img: tests/bench/guest/entry.asm $(BENCH_DIR)/loops64.bin $(BENCH_DIR)/loops32.bin
	@echo "NASM  $<"
	@nasm -f bin -DLOOPS64='"$(BENCH_DIR)/loops64.bin"' -DLOOPS32='"$(BENCH_DIR)/loops32.bin"' -o $@ $<
	@truncate -s 2M $@
