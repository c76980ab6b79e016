package run

import "testing"

// FuzzParseMessage has only to survive, and to name the rule.
func FuzzParseMessage(f *testing.F) {
	f.Add([]byte{2, 0, 0, 1, 12, 0, 10, 0, 'r', 'e', 'f', 'u', 's', 'e', 'd', 0, 8, 0, 4, 0, 0, 0, 0, 2, 8, 0, 12, 0, 0, 0, 0, 9})
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := parseMessage(b)
		if (err == nil) != (m.rule != "") || len(m.rule) > 3*maxRule {
			t.Errorf("%+v, %v", m, err)
		}
	})
}
