package mmsg

import "testing"

// TestRoom: what waits in the kernel is a small part of the memory, and what was asked for where that is
// little.
func TestRoom(t *testing.T) {
	const wish = 4 << 20
	for memory, want := range map[uint64]int{
		0: leastRoom, 40 << 20: leastRoom, 96 << 20: 384 << 10, 512 << 20: 2 << 20, 1 << 30: wish, 16 << 30: wish,
	} {
		if got := room(memory, wish); got != want {
			t.Errorf("%d bytes of memory: %d, want %d", memory, got, want)
		}
		if got := room(memory, 1000); got != 1000 {
			t.Errorf("%d bytes of memory: %d of 1000", memory, got)
		}
	}
}
