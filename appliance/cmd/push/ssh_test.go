package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// TestResolve: by what known_hosts has the key of the host, as ssh itself sees it.
func TestResolve(t *testing.T) {
	config := filepath.Join(t.TempDir(), "config")
	text := "Host gate\n\tHostName 192.168.32.1\nHost far\n\tHostName 127.0.0.1\n\tPort 2222\n" +
		"Host alias\n\tHostName 192.168.32.1\n\tHostKeyAlias firewall\n\tPort 2222\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		host string
		want target
		ways []string
	}{
		{"gate", target{"192.168.32.1", "192.168.32.1"}, []string{"192.168.32.1", "10.0.0.1"}},
		{"far", target{"127.0.0.1", "[127.0.0.1]:2222"}, []string{"127.0.0.1"}},
		{"alias", target{"192.168.32.1", "firewall"}, []string{"192.168.32.1", "10.0.0.1"}},
		{"firewall.example", target{"firewall.example", "firewall.example"}, []string{"firewall.example", "192.168.32.1", "10.0.0.1"}},
		{"localhost", target{"localhost", "localhost"}, []string{"localhost"}},
	}
	for _, tt := range tests {
		p := push{host: tt.host, ssh: []string{"ssh", "-F", config}}
		got, err := p.resolve(t.Context())
		if err != nil || got != tt.want {
			t.Errorf("%s: %+v, %v, want %+v", tt.host, got, err, tt.want)
		}
		if ways := got.ways([]string{"192.168.32.1", "10.0.0.1"}); !slices.Equal(ways, tt.ways) {
			t.Errorf("%s: the ways are %q, want %q", tt.host, ways, tt.ways)
		}
	}
}
