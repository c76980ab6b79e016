package vmtest

import (
	"encoding/binary"
	"maps"
	"slices"
	"sync"
	"testing"
)

// frameCounts counts what a card sends in the provider's VLAN: by what it is, and then by its priority.
type frameCounts struct {
	mu sync.Mutex
	of map[string]map[uint16]int
}

// note counts a frame that had a tag.
func (c *frameCounts) note(tag uint16, frame []byte) {
	if tag&vlanBits != providerVLAN {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.of == nil {
		c.of = map[string]map[uint16]int{}
	}
	kind := kindOf(frame)
	if c.of[kind] == nil {
		c.of[kind] = map[uint16]int{}
	}
	c.of[kind][tag>>priorityShift]++
}

// kindOf says what a frame without a tag carries.
func kindOf(frame []byte) string {
	if len(frame) < etherLen+ipLen {
		return "short"
	}
	switch binary.BigEndian.Uint16(frame[addresses:]) {
	case etherARP:
		return "ARP"
	case etherIPv4:
		if _, ok := udpTo(frame, 0, serverPort); ok {
			return "DHCP"
		}
		return "IPv4"
	}
	return "other"
}

// allTagged checks that there was DHCP, ARP and other IPv4, and that all that was seen had the priority; it
// begins to count anew.
func (c *frameCounts) allTagged(t *testing.T) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, kind := range []string{"DHCP", "ARP", "IPv4"} {
		if c.of[kind][toProvider] == 0 {
			t.Errorf("no %s with priority %d", kind, toProvider)
		}
	}
	for kind, seen := range c.of {
		if priorities := slices.Sorted(maps.Keys(seen)); !slices.Equal(priorities, []uint16{toProvider}) {
			t.Errorf("frames of %s by their priority: %v, want %d for all of them", kind, seen, toProvider)
		}
	}
	t.Logf("frames in VLAN %d by their priority: %v", providerVLAN, c.of)
	c.of = nil
}
