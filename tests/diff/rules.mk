# Differential test: the interpreter against the host CPU. CASES and SEED can be given.
DIFF_OBJS := $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/diff/*.c))
DIFF_CASES ?= 5000000
DIFF_SEED ?= 1

$(BUILD)/tests/diff/diff: $(DIFF_OBJS) $(TEST_SUPPORT) $(LIB)
	@echo "LINK  $@"
	@$(CC) $(LDFLAGS) -o $@ $(DIFF_OBJS) $(TEST_SUPPORT) $(LIB) $(LDLIBS)

tests: $(BUILD)/tests/diff/diff
SHELL_TESTS += tests/diff/diff.t

.PHONY: check-diff
check-diff: $(BUILD)/tests/diff/diff
	$(BUILD)/tests/diff/diff --seed $(DIFF_SEED) --cases $(DIFF_CASES) --list tests/diff/seeds.txt
