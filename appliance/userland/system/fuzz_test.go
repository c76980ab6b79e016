package system

import (
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

const fuzzStat = "7 (a) b) S 1 7 7 34816 7 4194304 10 20 0 0 3 4 0 0 20 0 1 0 500 4096 25 18446744073709551615"

// FuzzProcess reads processes that call themselves anything: a process chooses its name and its arguments.
func FuzzProcess(f *testing.F) {
	f.Add(fuzzStat, "Name:\tx\nUid:\t0\t0\t0\t0\n", "a\x00b\x00")
	f.Add("7 (", "Uid:\t0\n", "\x00")
	f.Add("7 )( S", "Uid: 0 x", "")
	f.Fuzz(func(t *testing.T, stat, status, cmdline string) {
		file := func(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }
		proc := fstest.MapFS{"7/stat": file(stat), "7/status": file(status), "7/cmdline": file(cmdline)}
		p, err := readProcess(proc, 7, 4096)
		if err != nil {
			return
		}
		if !strings.Contains(stat, "("+p.name+")") || p.state == "" || len(p.argv) > 0 && p.argv[len(p.argv)-1] == "" {
			t.Errorf("%q %q: %+v", stat, cmdline, p)
		}
	})
}

// FuzzMachine reads what is common to all processes.
func FuzzMachine(f *testing.F) {
	f.Add("123.45 67.8\n", "MemTotal:       98304 kB\nMemFree: 1 kB\n")
	f.Add("", "MemTotal:")
	f.Add("1e300 2", "MemTotal: -1 kB")
	f.Fuzz(func(t *testing.T, uptime, meminfo string) {
		now := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
		m, err := readMachine(fstest.MapFS{"uptime": {Data: []byte(uptime)}, "meminfo": {Data: []byte(meminfo)}}, now)
		if err == nil && !m.boot.Equal(now.Add(-m.uptime)) {
			t.Errorf("%q %q: %+v", uptime, meminfo, m)
		}
	})
}
