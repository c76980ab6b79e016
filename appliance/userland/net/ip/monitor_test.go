package ip

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

// A transcript is what a command has printed so far.
type transcript struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *transcript) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *transcript) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// TestMonitor: of the same changes monitor prints what iproute2's prints. The kinds
// are compared apart.
func TestMonitor(t *testing.T) {
	n := twin(t, "box")
	theirs := n.Start(exec.Command("ip", "monitor", "all"))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var mine, complaints transcript
	ended := make(chan int, 1)
	go func() {
		_ = n.Do(func() error {
			ended <- Commands()["ip"].Main()(ctx, []string{"ip", "monitor", "all"}, nil, &mine, &complaints)
			return nil
		})
	}()
	const first = "192.0.2.250" // both have begun when they say so
	testnet.Eventually(t, time.Minute, "both monitors begin", func() bool {
		_, _ = n.Try("ip", "addr", "add", first+"/32", "dev", "lo")
		_, _ = n.Try("ip", "addr", "del", first+"/32", "dev", "lo")
		return strings.Contains(mine.String(), first) && strings.Contains(theirs.Output(), first)
	})
	for command := range strings.SplitSeq(`link set eth0 up
link set eth0 mtu 1400
addr add 192.0.2.10/24 brd + dev eth0
addr add 2001:db8::1/64 dev eth0 nodad
route add 10.9.0.0/16 via 192.0.2.1
route add blackhole 10.10.0.0/16
-6 route add 2001:db8:15::/64 from 2001:db8:1::/64 via 2001:db8::5 pref low
neigh add 192.0.2.9 lladdr 00:16:3e:20:00:11 dev eth0
neigh del 192.0.2.9 dev eth0
route del 10.9.0.0/16
addr del 192.0.2.10/24 dev eth0
rule add from 10.0.0.0/8 iif eth0 prohibit pref 90
-6 rule add to 2001:db8:9::/48 ipproto tcp dport 80 lookup 100 pref 91
rule del pref 90
link del eth1
neigh add 192.0.2.99 lladdr 00:16:3e:20:00:99 dev eth0 nud permanent`, "\n") {
		n.Run("ip", strings.Fields(command)...)
	}
	const last = "192.0.2.99"
	var got, want []string
	for range 400 {
		got, want = changes(mine.String()), changes(theirs.Output())
		if strings.Contains(mine.String(), last) && strings.Contains(theirs.Output(), last) && slices.Equal(got,
			want) {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s", difference(got, want))
	}
	cancel()
	if status := <-ended; status != exitOK || complaints.String() != "" {
		t.Errorf("status %d, %s", status, &complaints)
	}
}

// A gate is a reader who does not read before it opens.
type gate struct {
	transcript
	began, open chan struct{}
	once        sync.Once
}

func (g *gate) Write(p []byte) (int, error) {
	g.once.Do(func() { close(g.began) })
	<-g.open
	return g.transcript.Write(p)
}

// TestMonitorLoses: more changes than the socket holds are said to be lost, and do not end it.
func TestMonitorLoses(t *testing.T) {
	n := twin(t, "box")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	mine, complaints := &gate{began: make(chan struct{}), open: make(chan struct{})}, &transcript{}
	ended := make(chan int, 1)
	go func() {
		_ = n.Do(func() error {
			ended <- Commands()["ip"].Main()(ctx, []string{"ip", "monitor", "address"}, nil, mine, complaints)
			return nil
		})
	}()
	testnet.Eventually(t, time.Minute, "the monitor begins", func() bool {
		_, _ = n.Try("ip", "addr", "add", "192.0.2.250/32", "dev", "lo")
		_, _ = n.Try("ip", "addr", "del", "192.0.2.250/32", "dev", "lo")
		select {
		case <-mine.began:
			return true
		default:
			return false
		}
	})
	batch := filepath.Join(t.TempDir(), "batch")
	lines := strings.Repeat("addr add 192.0.2.1/32 dev lo\naddr del 192.0.2.1/32 dev lo\n", 6000)
	if err := os.WriteFile(batch, []byte(lines), 0o644); err != nil {
		t.Fatal(err)
	}
	n.Run("ip", "-batch", batch)
	close(mine.open)
	testnet.Eventually(t, time.Minute, "the loss is said", func() bool {
		return strings.HasPrefix(complaints.String(), "ip monitor: changes were lost")
	})
	testnet.Eventually(t, time.Minute, "what comes then is shown", func() bool {
		_, _ = n.Try("ip", "addr", "add", "192.0.2.251/32", "dev", "lo")
		_, _ = n.Try("ip", "addr", "del", "192.0.2.251/32", "dev", "lo")
		return strings.Contains(mine.String(), "192.0.2.251")
	})
	cancel()
	if status := <-ended; status != exitOK {
		t.Errorf("status %d, %s", status, complaints)
	}
}

// changes are the changes of an output, ordered by their kind, without those that only said that it has
// begun.
func changes(out string) []string {
	all := regexp.MustCompile(`(?m)^\[`).Split(strings.Join(lines(out), "\n"), -1)
	all = slices.DeleteFunc(all, func(s string) bool { return strings.Contains(s, "192.0.2.250") || strings.HasPrefix(s, "NETCONF") })
	slices.SortStableFunc(all, func(a, b string) int { return strings.Compare(a[:min(4, len(a))], b[:min(4, len(b))]) })
	return all
}
