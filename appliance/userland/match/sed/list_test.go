package sed

import (
	"bytes"
	"os/exec"
	"testing"
)

// What l shows is what GNU's shows.
func TestList(t *testing.T) {
	var all []byte
	for b := range 256 {
		if b != '\n' {
			all = append(all, byte(b))
		}
	}
	for _, line := range []string{"", "a", "a\tb\\", string(all), string(bytes.Repeat([]byte("x"), 69)), string(bytes.Repeat([]byte("x"), 70)), string(bytes.Repeat([]byte("x"), 68)) + "\x01y"} {
		peer := exec.CommandContext(t.Context(), "sed", "-n", "l")
		peer.Env, peer.Stdin = []string{"LC_ALL=C"}, bytes.NewReader([]byte(line+"\n"))
		want, err := peer.Output()
		if err != nil {
			t.Fatalf("sed of Debian: %v", err)
		}
		if got := string(list([]byte(line))) + "\n"; got != string(want) {
			t.Errorf("%q\n%swant\n%s", line, got, want)
		}
	}
}
