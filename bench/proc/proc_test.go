package proc

import (
	"os"
	"testing"
)

func TestMemory(t *testing.T) {
	m, err := parseMemory("Name:\tx\nVmHWM:\t  30 kB\nVmRSS:\t  20 kB\nRssAnon:\t  12 kB\nRssFile:\t   8 kB\nRssShmem:\t  0 kB\n")
	if want := (Memory{20 << 10, 30 << 10, 12 << 10, 8 << 10}); err != nil || m != want {
		t.Errorf("%+v, %v", m, err)
	}
	if m, err := parseMemory("Name:\tx\nState:\tZ (zombie)\n"); err == nil {
		t.Errorf("%+v was read of a process that has ended", m)
	}
	if got := Together([]Memory{{Own: 5, Mapped: 8}, {Own: 3, Mapped: 9}}); got != 17 {
		t.Errorf("together %d", got)
	}
	if used, err := CPU([]int{os.Getpid()}); err != nil || used <= 0 {
		t.Errorf("CPU %v, %v", used, err)
	}
}
