# The far end of the network tests, static: it runs on the host and in guests.
NET_PEER := $(BUILD)/tests/net/net_peer
$(NET_PEER): tests/net/net_peer.c
	@mkdir -p $(@D)
	@echo "CC    $<"
	@$(CC) -std=gnu11 -O2 $(WARN) -static -o $@ $<

all: $(NET_PEER)
