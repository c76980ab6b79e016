package trace_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/userland/busyboxtest"
	"github.com/gatehouse-os/gatehouse/appliance/userland/net/trace"
	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

func TestMain(m *testing.M) {
	if run := busyboxtest.Command(os.Args[0], trace.Commands()); run != nil {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM) // as the program does
		status := run(ctx, os.Args, os.Stdin, os.Stdout, os.Stderr)
		stop()
		os.Exit(status)
	}
	os.Exit(m.Run())
}

// routers makes two hosts with three routers between them, and returns the first host.
func routers(t *testing.T) *testnet.Namespace {
	t.Helper()
	all := make([]*testnet.Namespace, 5)
	for i, name := range []string{"h1", "r1", "r2", "r3", "h2"} {
		all[i] = testnet.New(t, name)
	}
	ip := testnet.Need(t, "ip", "iproute2")
	on := func(i int, lines ...string) {
		for _, line := range lines {
			all[i].Run(ip, strings.Fields(line)...)
		}
	}
	for i := range 4 {
		left, right := "down", "top"
		if i == 0 {
			left = "top"
		}
		right = "up"
		all[i].Connect(left, all[i+1], right)
		on(i, fmt.Sprintf("addr add 10.9.%d.1/24 dev %s", i+1, left), fmt.Sprintf("addr add 2001:db8:%d::1/64 dev %s nodad", i+1, left))
		on(i+1, fmt.Sprintf("addr add 10.9.%d.2/24 dev %s", i+1, right), fmt.Sprintf("addr add 2001:db8:%d::2/64 dev %s nodad", i+1, right))
	}
	for i, n := range all {
		sysctl := testnet.Need(t, "sysctl", "procps")
		n.Run(sysctl, "-q", "-w", "net.ipv4.icmp_ratelimit=0", "net.ipv6.icmp.ratelimit=0")
		if i > 0 && i < 4 {
			n.Run(sysctl, "-q", "-w", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
		}
	}
	on(0, "route add 10.9.0.0/16 via 10.9.1.2", "route add 2001:db8::/32 via 2001:db8:1::2")
	on(1, "route add 10.9.0.0/16 via 10.9.2.2", "route add 2001:db8::/32 via 2001:db8:2::2", "route add blackhole 10.9.79.0/24")
	on(2, "route add 10.9.4.0/24 via 10.9.3.2", "route add 10.9.1.0/24 via 10.9.2.1", "route add unreachable 10.9.77.0/24",
		"route add prohibit 10.9.78.0/24", "route add 2001:db8:4::/64 via 2001:db8:3::2", "route add 2001:db8:1::/64 via 2001:db8:2::1",
		"route add unreachable 2001:db8:77::/64")
	on(3, "route add 10.9.0.0/16 via 10.9.3.1", "route add 2001:db8::/32 via 2001:db8:3::1")
	on(4, "route add 10.9.0.0/16 via 10.9.4.1", "route add 2001:db8::/32 via 2001:db8:4::1")
	// The first packet over a link waits for its neighbour.
	for _, to := range []string{"10.9.4.2", "2001:db8:4::2"} {
		all[0].Run(testnet.Need(t, "ping", "iputils-ping"), "-c", "1", "-w", "20", to)
	}
	return all[0]
}

// A run is what a command line came to.
type run struct {
	out       string
	status    int
	complains bool
	err       string
}

var (
	times   = regexp.MustCompile(`\d+\.\d{3} ms`)
	start   = regexp.MustCompile(`Start: .*`)
	figures = regexp.MustCompile(`(%|100\.0) +(\d+) +[\d. ]+`)
	sizes   = regexp.MustCompile(`\d+ byte packets`)
)

func runIn(t *testing.T, n *testnet.Namespace, program string, args ...string) run {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = []string{"PATH=/usr/bin:/bin", "LC_ALL=C", "TZ=UTC0"}
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err := n.Do(cmd.Start); err != nil {
		t.Fatal(err)
	}
	err := cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) || ctx.Err() != nil {
		t.Fatal(err, ctx.Err())
	}
	text := times.ReplaceAllString(out.String(), "T ms")
	text = start.ReplaceAllString(text, "Start")
	text = figures.ReplaceAllString(text, "$1 $2 T")
	return run{text, cmd.ProcessState.ExitCode(), complaint.Len() > 0, complaint.String()}
}

// TestPeers: the same lines by ours and by a peer.
func TestPeers(t *testing.T) {
	host := routers(t)
	own, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	for name := range trace.Commands() {
		if err := os.Symlink(own, filepath.Join(bin, name)); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile("testdata/routes.txt")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		peer, command, ok := strings.Cut(strings.TrimSpace(line), ": ")
		if !ok || peer[0] == '#' {
			continue
		}
		t.Run(command, func(t *testing.T) {
			if peer == "mtr" { // which waits
				t.Parallel()
			}
			compare(t, host, bin, peer, strings.Fields(command))
		})
	}
}

// compare runs a line by both. The whole machine makes a bounded number of ICMP errors a second
// (net.ipv4.icmp_msgs_per_sec), which others may have used up: then hops are silent, and both are asked
// again.
func compare(t *testing.T, host *testnet.Namespace, bin, peer string, words []string) {
	const attempts = 10
	for i := range attempts {
		ours, theirs := byBoth(t, host, bin, peer, words)
		if ours.out == theirs.out && ours.status == theirs.status && ours.complains == theirs.complains {
			return
		}
		if i+1 == attempts {
			t.Errorf("ours: %d %q\n%s\n%s's: %d %q\n%s", ours.status, ours.err, ours.out, peer, theirs.status, theirs.err, theirs.out)
		}
		time.Sleep(time.Second)
	}
}

func byBoth(t *testing.T, host *testnet.Namespace, bin, peer string, words []string) (ours, theirs run) {
	ours = runIn(t, host, filepath.Join(bin, words[0]), words[1:]...)
	switch peer {
	case "busybox":
		theirs = runIn(t, host, testnet.Need(t, "busybox", "busybox"), words...)
	case "debian":
		theirs = runIn(t, host, testnet.Need(t, "traceroute.db", "traceroute"), words[1:]...)
		theirs.out, ours.out = sizes.ReplaceAllString(theirs.out, "N"), sizes.ReplaceAllString(ours.out, "N")
	case "mtr":
		theirs = runIn(t, host, testnet.Need(t, "mtr", "mtr-tiny"), words[1:]...)
	}
	return ours, theirs
}
