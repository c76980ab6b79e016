package plan

import "testing"

// TestSSHBounds: who is not logged in, and sessions that do nothing, leave a machine most of its memory.
func TestSSHBounds(t *testing.T) {
	for _, c := range []struct {
		memory                       uint64 // MB
		pending, perSource, sessions int
	}{
		{0, 12, 6, 6}, {64, 12, 6, 6}, {82, 13, 6, 6}, {114, 18, 9, 9}, {500, 64, 32, 41}, {1 << 20, 64, 32, 64},
	} {
		pending, perSource, sessions := sshBounds(c.memory << 20)
		if pending != c.pending || perSource != c.perSource || sessions != c.sessions {
			t.Errorf("%d MB: %d connections without a login, %d of one source, %d sessions, want %d, %d, %d",
				c.memory, pending, perSource, sessions, c.pending, c.perSource, c.sessions)
		}
	}
}
