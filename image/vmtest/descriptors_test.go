package vmtest

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/gatehouse-os/gatehouse/appliance/roster"
)

// ofEach are the kinds of what each unit holds open: its Config, its output and its answers, its control
// socket, and what Go waits with.
func ofEach() []string { return []string{"config", "pipe", "unix", "eventpoll", "eventfd"} }

// socketTables are the files of /proc/net that name sockets by their inodes, and in which field.
func socketTables() map[string]int {
	return map[string]int{
		"tcp": 9, "tcp6": 9, "udp": 9, "udp6": 9, "raw": 9, "raw6": 9, "icmp": 9, "icmp6": 9, "packet": 8, "netlink": 9, "unix": 6,
	}
}

// descriptors compares what each service holds open with its row of the roster, and its place in the line
// of those that are killed for memory. A service that just asks
// somebody has a socket more, which it has not the next time.
func (a admin) descriptors(ctx context.Context, t *testing.T, services []service) {
	t.Helper()
	var wrong []string
	for range 5 {
		if wrong = a.unexpected(ctx, t, services); len(wrong) == 0 {
			return
		}
	}
	t.Error(strings.Join(wrong, "\n"))
}

// unexpected says which services hold open what they should not, or not what each does. All is read in one
// session of ssh, which is part of it.
func (a admin) unexpected(ctx context.Context, t *testing.T, services []service) []string {
	t.Helper()
	var script strings.Builder
	for _, s := range services {
		fmt.Fprintf(&script, "echo == %d; cat /proc/%[1]d/oom_score_adj; ls -l /proc/%[1]d/fd; ", s.PID)
	}
	for table := range socketTables() {
		fmt.Fprintf(&script, "echo == %s; cat /proc/net/%[1]s; ", table)
	}
	parts := map[string]string{}
	for _, part := range strings.Split("\n"+a.must(ctx, t, script.String()), "\n== ") {
		name, text, _ := strings.Cut(part, "\n")
		parts[name] = text
	}
	kinds := map[string]string{} // of sockets
	for table, field := range socketTables() {
		for line := range strings.Lines(parts[table]) {
			if f := strings.Fields(line); len(f) > field {
				kinds["socket:["+f[field]+"]"] = strings.TrimSuffix(table, "6")
			}
		}
	}
	var wrong []string
	for _, s := range services {
		row, _ := roster.Named(s.Name)
		score, _, _ := strings.Cut(parts[fmt.Sprint(s.PID)], "\n")
		if score != fmt.Sprint(row.OOM) {
			wrong = append(wrong, fmt.Sprintf("%s has oom_score_adj %s, want %d", s.Name, score, row.OOM))
		}
		held, targets := map[string]bool{}, []string{}
		for line := range strings.Lines(parts[fmt.Sprint(s.PID)]) {
			if _, target, ok := strings.Cut(strings.TrimSpace(line), " -> "); ok {
				held[heldKind(target, kinds)] = true
				targets = append(targets, target)
			}
		}
		for _, kind := range ofEach() {
			if !held[kind] {
				wrong = append(wrong, fmt.Sprintf("%s does not hold open its %s: %q", s.Name, kind, targets))
			}
			delete(held, kind)
		}
		for _, kind := range row.Holds {
			delete(held, kind)
		}
		for kind := range held {
			wrong = append(wrong, fmt.Sprintf("%s holds open %s, want no more than %q: %q", s.Name, kind, row.Holds, targets))
		}
	}
	return wrong
}

// heldKind says what a target of /proc/PID/fd is: a kind, or of a file its directory.
func heldKind(target string, sockets map[string]string) string {
	if kind := sockets[target]; kind != "" {
		return kind
	}
	if m := regexp.MustCompile(`^anon_inode:\[?(\w+)\]?$|^(pipe):|^/memfd:(config) of `).FindStringSubmatch(target); m != nil {
		return m[1] + m[2] + m[3]
	}
	if strings.HasPrefix(target, "socket:") {
		return "socket" // of those that are bound to nothing the kernel has no table
	}
	if m := regexp.MustCompile(`^/perm/\w+`).FindString(target); m != "" {
		return m
	}
	return target
}
