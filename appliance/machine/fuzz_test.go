package machine

import (
	"strings"
	"testing"
)

// FuzzProc reads what the kernel says of the machine, or something else.
func FuzzProc(f *testing.F) {
	f.Add("MemTotal:       98304 kB\nMemFree:        1 kB\nMemAvailable:   50000 kB\n")
	f.Add("0.01 0.02 0.03 1/64 123\n")
	f.Add("123.45 67.8\n")
	f.Add("MemTotal: 99999999999999999999 kB")
	f.Fuzz(func(t *testing.T, text string) {
		if m, err := parseMemory(text); err == nil && m.Total == 0 {
			t.Errorf("%q: %+v", text, m)
		}
		if d, err := parseUptime(text); err == nil && d < 0 && !strings.HasPrefix(strings.TrimSpace(text), "-") {
			t.Errorf("%q: up for %v", text, d)
		}
		_, _ = parseLoad(text) // three numbers are three numbers
	})
}
