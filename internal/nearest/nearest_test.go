package nearest

import "testing"

func TestWord(t *testing.T) {
	words := []string{"interface", "vlan", "ipv4", "pool", "lease-time", "to"}
	for s, want := range map[string]string{
		"intreface":  "interface",
		"interfaces": "interface",
		"VLAN":       "vlan",
		"lease_time": "lease-time",
		"leasetime":  "lease-time",
		"lease":      "lease-time",
		"LEA":        "lease-time",
		"le":         "",
		"i":          "",
		"ip4":        "ipv4",
		"mtu":        "",
		"x":          "",
		"port":       "", // two letters of four
		"polo":       "pool",
		"ot":         "to",
		"vaaln":      "vlan",
		"":           "",
	} {
		if got := Word(s, words); got != want {
			t.Errorf("Word(%q) = %q, want %q", s, got, want)
		}
	}
}
