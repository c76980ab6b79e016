package main

import (
	"encoding/json"
	"errors"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/gatehouse-os/gatehouse/bench/wire"
	"github.com/gatehouse-os/gatehouse/services/dns"
	"github.com/gatehouse-os/gatehouse/services/dns/upstream/servers"
	"github.com/gatehouse-os/gatehouse/services/dns/zone"
)

// A program is one of those compared. Its files are in a directory of its own, dir.
type program struct {
	name string
	// house and outside say whether it answers names of its own, and those of others from a cache.
	house, outside bool
	// command returns how to start it. It reads what write has written.
	command func(dir string) ([]string, error)
	// write has it have n hosts when it is started or reloaded, or none and a cache.
	write func(dir string, n int) error
	// reload is the signal that has it read its hosts again, or reloadBy the command. Without both it is not
	// asked to: nsd does not take each change.
	reload   syscall.Signal
	reloadBy func(dir string) []string
	// answers: it says on descriptor 3 when it is ready, and when it has reloaded.
	answers bool
}

func (p program) reloads() bool { return p.reload != 0 || p.reloadBy != nil }

// create writes a file.
func create(path string, write func(io.Writer)) error {
	var text strings.Builder
	write(&text)
	return os.WriteFile(path, []byte(text.String()), 0o644)
}

// ours is the service as the appliance starts it, in a root directory of its own.
func ours(name, binary string) program {
	return program{
		name: name, house: true, outside: true, answers: true, reload: syscall.SIGHUP,
		command: func(dir string) ([]string, error) {
			root := filepath.Join(dir, "root")
			// Linked and not copied: of a file that is written at once, more is mapped than is used.
			err := errors.Join(
				os.MkdirAll(filepath.Join(root, "run/gatehouse"), 0o755),
				os.Link(binary, filepath.Join(root, "gatehouse")),
			)
			return []string{"chroot", root, "/gatehouse", "service", "dns"}, err
		},
		write: func(dir string, n int) error {
			text, err := json.Marshal(houseConfig(n))
			return errors.Join(err, os.WriteFile(filepath.Join(dir, "stdin"), text, 0o600))
		},
	}
}

// houseConfig is that of the service for n hosts.
func houseConfig(n int) dns.Config {
	router := netip.MustParseAddr(wire.ServerAddr)
	c := dns.Config{
		Links: []string{wire.ServerLink}, Own: []netip.Addr{router},
		House: zone.Config{
			Domain: domain, Router: zone.Host{Name: "gate", Addrs: []netip.Addr{router}}, TTL: ttl,
			Networks: []netip.Prefix{
				netip.MustParsePrefix("10.0.0.0/8"),
				netip.MustParsePrefix("fd00:0:0:1::/64"),
			},
		},
		Upstream: servers.Config{
			Servers: []servers.Server{{Address: netip.MustParseAddr(wire.RelayAddr), Kind: servers.Plain}},
		},
	}
	for i := range n {
		h := hostAt(i)
		c.House.Hosts = append(c.House.Hosts, zone.Host{Name: h.name, Addrs: []netip.Addr{h.v4, h.v6}})
	}
	return c
}
