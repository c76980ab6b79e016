// Package admintest is what tests of the gatehouse commands have in common: services that answer on real
// control sockets, the site that they are asked about, and what must hold of all that is printed.
package admintest

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-os/gatehouse/appliance/control"
	"github.com/gatehouse-os/gatehouse/site"
)

// RunDir is a directory for control sockets, whose names have 107 bytes at most.
func RunDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "run")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// Serve has a service answer until the test ends.
func Serve(t *testing.T, dir, service string, m control.Mux) {
	t.Helper()
	l, err := control.Listen(dir, service)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- control.Serve(ctx, l, m) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// Says is a method whose answer is always this.
func Says(what any) control.Handler {
	return func(_ context.Context, _ json.RawMessage, send func(any) error) error { return send(what) }
}

// Site is a gateway of home.example with one network, eth1, and more lines in its site.toml, hosts and
// ethers.
func Site(toml, hosts, ethers string) (*site.Site, error) {
	keys, err := os.ReadFile("../../../examples/home/authorized_keys")
	if err != nil {
		return nil, err
	}
	const lan = "name = \"gate\"\ndomain = \"home.example\"\n[[lan]]\nname = \"lan\"\ninterface = \"eth1\"\nipv4 = \"192.168.32.1/24\"\n"
	return site.Load(fstest.MapFS{
		"site.toml": {Data: []byte(lan + toml)}, "hosts": {Data: []byte(hosts)},
		"ethers": {Data: []byte(ethers)}, "authorized_keys": {Data: keys},
	})
}

// Static is the way out of a site that was told it.
const Static = "[wan]\ninterface = \"eth0\"\nipv4 = \"192.0.2.10/24\"\ngateway = \"192.0.2.1\"\n"

// Golden compares with a file of testdata, or writes it: -update, a flag of the test.
func Golden(t *testing.T, update bool, name, got string) {
	t.Helper()
	file := "testdata/" + name
	if update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("%s (-want +got), -update writes it:\n%s", file, d)
	}
}

// Safe complains of what could act on a terminal, and of lines that have more columns, unless they begin with
// one of these: what was typed, and what goes to standard error.
func Safe(t *testing.T, text string, columns int, but ...string) {
	t.Helper()
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if i := strings.IndexFunc(line, func(r rune) bool {
			return r < ' ' || r >= 0x7f && r < 0xa0 || r == 0x202e
		}); i >= 0 {
			t.Errorf("%q has %q", line, line[i])
		}
		long := utf8.RuneCountInString(line) > columns
		if long && !slices.ContainsFunc(but, func(s string) bool { return strings.HasPrefix(line, s) }) {
			t.Errorf("%d columns: %s", utf8.RuneCountInString(line), line)
		}
	}
}
