package kernel

import (
	"bytes"
	"fmt"
	"testing"
	"time"
)

func TestMeter(t *testing.T) {
	cases := []struct {
		terminal bool
		step     time.Duration // between two files
		want     string
	}{
		{false, 5 * time.Second, "kernel: compiling\nkernel: 3 files, 15s\nkernel: 6 files, 30s\nkernel: done\n"},
		{true, 500 * time.Millisecond, "kernel: compiling\n\rkernel: 1 files, 1s \rkernel: 2 files, 1s \rkernel: 3 files, 2s " +
			"\rkernel: 4 files, 2s \rkernel: 5 files, 3s \rkernel: 6 files, 3s \nkernel: done\n"},
		{true, 100 * time.Millisecond, "kernel: compiling\n\rkernel: 3 files, 0s \rkernel: 6 files, 1s \nkernel: done\n"},
	}
	for _, c := range cases {
		var out bytes.Buffer
		now := time.Unix(1000, 0)
		m := &meter{to: &out, terminal: c.terminal, now: func() time.Time { return now }, begin: now, told: now}
		m.say("compiling")
		for i := range 6 {
			now = now.Add(c.step)
			fmt.Fprintf(m, "  CC      init/%d.o\n", i)
		}
		m.say("done")
		if got := out.String(); got != c.want {
			t.Errorf("terminal %v, a file every %s:\ngot  %q\nwant %q", c.terminal, c.step, got, c.want)
		}
	}
}

func TestProgressIntoAFile(t *testing.T) {
	if isTerminal(&bytes.Buffer{}) {
		t.Error("a buffer is taken for a terminal")
	}
}
