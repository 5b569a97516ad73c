# Fuzzing: a few sessions in `make check` and `make check-unit`, FUZZ_SEEDS of them in `make check-fuzz` (best in a
# tree with sanitizers: `make check-fuzz BUILD=build-asan FUZZ_SEEDS=1000`). FUZZ_SEED is the first.
FUZZ_TESTS := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/fuzz/fuzz_*.c))
UNIT_TESTS += $(FUZZ_TESTS)
tests check-unit: $(FUZZ_TESTS)

check-fuzz: FUZZ_SEEDS ?= 200
check-fuzz: FUZZ_SEED ?= 1
check-fuzz: $(FUZZ_TESTS)
	FUZZ_SEED=$(FUZZ_SEED) FUZZ_SEEDS=$(FUZZ_SEEDS) prove -v -j2 --exec '' $(FUZZ_TESTS)
