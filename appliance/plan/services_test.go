package plan

import "testing"

// TestSSHBounds: who is not logged in, and sessions that do nothing, leave a machine most of its memory.
func TestSSHBounds(t *testing.T) {
	for _, c := range []struct {
		memory                                 uint64 // MB
		pending, perSource, sessions, forwards int
	}{
		{0, 12, 6, 6, 26}, {64, 12, 6, 6, 26}, {82, 13, 6, 6, 27}, {114, 18, 9, 9, 38}, {500, 64, 32, 41, 166}, {1 << 20, 64, 32, 64, 256},
	} {
		pending, perSource, sessions, forwards := sshBounds(c.memory << 20)
		if pending != c.pending || perSource != c.perSource || sessions != c.sessions || forwards != c.forwards {
			t.Errorf("%d MB: %d connections without a login, %d of one source, %d sessions, %d through the box, want %d, %d, %d, %d",
				c.memory, pending, perSource, sessions, forwards, c.pending, c.perSource, c.sessions, c.forwards)
		}
	}
}
