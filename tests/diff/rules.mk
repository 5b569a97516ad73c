# Differential tests: interpreter against the host CPU.
.PHONY: check-diff
check-diff: $(BUILD)/tests/diff/integer
	$(BUILD)/tests/diff/integer
