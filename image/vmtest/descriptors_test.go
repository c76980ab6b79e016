package vmtest

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-os/gatehouse/appliance/roster"
)

// ofEach are the kinds of what each unit holds open: its Config, its output and its answers, its control socket, and
// what Go waits with.
func ofEach() []string { return []string{"config", "pipe", "unix", "eventpoll", "eventfd"} }

// socketTables are the files of /proc/net that name sockets by their inodes, and in which field.
func socketTables() map[string]int {
	return map[string]int{
		"tcp": 9, "tcp6": 9, "udp": 9, "udp6": 9, "raw": 9, "raw6": 9, "icmp": 9, "icmp6": 9, "packet": 8, "netlink": 9, "unix": 6,
	}
}

// descriptors compares what each service holds open with its row of the roster, both ways.
func (a admin) descriptors(ctx context.Context, t *testing.T, services []service) {
	t.Helper()
	kinds := map[string]string{} // of sockets
	for table, field := range socketTables() {
		for line := range strings.Lines(a.must(ctx, t, "cat /proc/net/"+table)) {
			if f := strings.Fields(line); len(f) > field {
				kinds["socket:["+f[field]+"]"] = strings.TrimSuffix(table, "6")
			}
		}
	}
	for _, s := range services {
		row, _ := roster.Named(s.Name)
		want := slices.Sorted(slices.Values(append(ofEach(), row.Holds...)))
		held, targets := map[string]bool{}, []string{}
		for line := range strings.Lines(a.must(ctx, t, fmt.Sprintf("ls -l /proc/%d/fd", s.PID))) {
			if _, target, ok := strings.Cut(strings.TrimSpace(line), " -> "); ok {
				held[heldKind(target, kinds)] = true
				targets = append(targets, target)
			}
		}
		if got := slices.Sorted(maps.Keys(held)); !slices.Equal(got, want) {
			t.Errorf("%s holds open %q, want %q: %q", s.Name, got, want, targets)
		}
	}
}

// heldKind says what a target of /proc/PID/fd is: a kind, or of a file its directory.
func heldKind(target string, sockets map[string]string) string {
	if kind := sockets[target]; kind != "" {
		return kind
	}
	if m := regexp.MustCompile(`^anon_inode:\[?(\w+)\]?$|^(pipe):|^/memfd:(config) of `).FindStringSubmatch(target); m != nil {
		return m[1] + m[2] + m[3]
	}
	if m := regexp.MustCompile(`^/perm/\w+`).FindString(target); m != "" {
		return m
	}
	return target
}
