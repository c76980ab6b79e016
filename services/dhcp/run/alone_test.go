package run_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

// A daemon is a client that runs alone.
type daemon struct {
	*testnet.Alone
	c *client
}

// alone starts a client with a view of the machine of its own.
func (c *client) alone(program string, args ...string) *daemon {
	c.t.Helper()
	return &daemon{c.Alone(c.dir, program, args...), c}
}

// write puts a file into the client's directory and returns its path.
func (c *client) write(name, text string, mode os.FileMode) string {
	c.t.Helper()
	path := filepath.Join(c.dir, name)
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		c.t.Fatal(err)
	}
	return path
}

// note is a script that only remembers what was told: dhcpcd does the rest itself.
func (c *client) note() string {
	return c.write("note", fmt.Sprintf("#!/bin/sh\nenv >%s/new && mv %[1]s/new %[1]s/\"$reason\"\n", c.dir), 0o755)
}

// dhcpcd starts it without hooks, IPv6, an address of its own making, and delays.
func (c *client) dhcpcd(args ...string) *daemon {
	c.t.Helper()
	conf := c.write("dhcpcd.conf", "clientid\noption host_name, domain_name_servers, domain_name, ntp_servers, routers\n", 0o644)
	return c.alone(testnet.Need(c.t, "dhcpcd", "dhcpcd-base"),
		append(append([]string{"-4", "-B", "-d", "-L", "--nodelay", "-t", "0", "-f", conf, "-c", c.note()}, args...), "eth0")...)
}

// networkd starts systemd's.
func (c *client) networkd(settings string) *daemon {
	c.t.Helper()
	return &daemon{c.Networkd(c.dir, "eth0", settings), c}
}

// unchanged checks that a file of the machine is as it was when the test ends.
func unchanged(t *testing.T, path string) {
	t.Helper()
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if after, err := os.ReadFile(path); err != nil || string(after) != string(before) {
			t.Errorf("%s has changed: %q, was %q (%v)", path, after, before, err)
		}
	})
}
