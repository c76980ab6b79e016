package model

import (
	"strings"
	"testing"
)

func TestCanonical(t *testing.T) {
	tests := []struct{ name, domain, want string }{
		{"web1", "home.example", "web1"},
		{"WEB1.Home.Example", "home.example", "web1"},
		{"web1.other.example", "home.example", "web1.other.example"},
		{"a.web1.home.example", "home.example", "a.web1.home.example"},
		{"home.example", "home.example", "home.example"},
		{"xhome.example", "home.example", "xhome.example"},
		{"web1.lan", "lan", "web1"},
		{"web1.lan", "", "web1.lan"},
	}
	for _, tt := range tests {
		if got := Canonical(tt.name, tt.domain); got != tt.want {
			t.Errorf("canonical(%q, %q) = %q, want %q", tt.name, tt.domain, got, tt.want)
		}
	}
}

func TestNames(t *testing.T) {
	label := strings.Repeat("x", 63)
	valid := []string{"a", "A", "web1", "1web", "w-1", "a.b", "1.b", "xn--bcher-kva.example", label, label + "." + label + "." + label + "." + label[:61]}
	for _, name := range valid {
		if reason := NotName(name); reason != "" {
			t.Errorf("%q is refused: %s", name, reason)
		}
	}
	invalid := []string{"", ".", "a.", ".a", "a..b", "-a", "a-", "a.-b", "a_b", "a b", "bücher", "a\x00", "42", "a.42", "192.168.32.1", label + "x", label + "." + label + "." + label + "." + label[:62]}
	for _, name := range invalid {
		if NotName(name) == "" {
			t.Errorf("%q is accepted", name)
		}
	}
}

func TestLinkNames(t *testing.T) {
	for _, name := range []string{"eth0", "enp1s0", "br-lan", "x_y"} {
		if reason := NotLinkName(name); reason != "" {
			t.Errorf("%q is refused: %s", name, reason)
		}
	}
	for _, name := range []string{"", ".", "..", "a/b", "a:b", "a b", "eth0.20", "lo", "all", "default", "ä", "a%d"} {
		if NotLinkName(name) == "" {
			t.Errorf("%q is accepted", name)
		}
	}
}

func TestSystemNames(t *testing.T) {
	for name, want := range map[string]bool{
		"localhost": true, "localhost.localdomain": true, "localhost6": true, "ip6-allnodes": true,
		"web1": false, "local": false, "web1.localhost.example": false,
	} {
		if got := IsSystemName(name); got != want {
			t.Errorf("isSystemName(%q) = %t", name, got)
		}
	}
}
