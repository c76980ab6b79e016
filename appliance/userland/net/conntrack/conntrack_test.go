package conntrack

import (
	"bytes"
	"context"
	"io"
	"net"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

// box is a namespace that tracks what it says to itself: connections of TCP, datagrams, echoes.
func box(t *testing.T) *testnet.Namespace {
	t.Helper()
	testnet.Need(t, "conntrack", "conntrack")
	testnet.Need(t, "nft", "nftables")
	n := testnet.New(t, "box")
	n.Up("lo")
	n.Run("ip", "addr", "add", "192.0.2.1/32", "dev", "lo")
	n.Run("nft", "add", "table", "inet", "t")
	n.Run("nft", "add", "chain", "inet", "t", "out", "{ type filter hook output priority 0; }")
	n.Run("nft", "add", "rule", "inet", "t", "out", "udp", "dport", "53", "ct", "mark", "set", "0x17")
	n.Run("nft", "add", "rule", "inet", "t", "out", "ct", "state", "new", "counter")
	n.Run("nft", "add", "chain", "inet", "t", "nat", "{ type nat hook output priority -100; }")
	n.Run("nft", "add", "rule", "inet", "t", "nat", "tcp", "dport", "8080", "redirect", "to", ":80")
	n.Sysctl("netfilter.nf_conntrack_acct", "1")
	for _, kind := range []string{"udp", "icmp", "icmpv6"} { // else they are forgotten after half a minute
		n.Sysctl("netfilter.nf_conntrack_"+kind+"_timeout", "600")
	}
	return n
}

// talk makes conversations that stay until the test ends.
func talk(t *testing.T, n *testnet.Namespace) {
	t.Helper()
	err := n.Do(func() error {
		for _, at := range []string{"127.0.0.1:22", "[::1]:22", "0.0.0.0:80"} {
			l, err := net.Listen("tcp", at)
			if err != nil {
				return err
			}
			t.Cleanup(func() { l.Close() })
		}
		for _, to := range []string{"tcp 127.0.0.1:22", "tcp [::1]:22", "tcp 192.0.2.1:8080", "udp 192.0.2.1:53",
			"udp [::1]:53", "udp 127.0.0.1:123"} {
			network, addr, _ := strings.Cut(to, " ")
			c, err := net.Dial(network, addr)
			if err != nil {
				return err
			}
			t.Cleanup(func() { c.Close() })
			if _, err := io.WriteString(c, "hello"); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	n.Run("ping", "-c", "1", "192.0.2.1")
	n.Run("ping", "-c", "1", "::1")
}

// ours runs conntrack of this package in the namespace until it ends, or ctx does.
func ours(ctx context.Context, n *testnet.Namespace, args string, stdout, stderr io.Writer) (status int) {
	err := n.Do(func() error {
		status = Commands()["conntrack"].Main()(ctx, append([]string{"conntrack"}, strings.Fields(args)...), nil,
			stdout, stderr)
		return nil
	})
	if err != nil {
		status = -1
	}
	return status
}

// lines are those of an output in any order, without seconds and without what Debian's says on standard
// error.
func lines(out string) []string {
	out = regexp.MustCompile(`(?m)^conntrack v.*\n`).ReplaceAllString(out, "")
	out = regexp.MustCompile(`(\d+) \d+ (\w+ )?src=`).ReplaceAllString(out, "$1 N ${2}src=")
	all := strings.Split(strings.TrimSpace(out), "\n")
	slices.Sort(all)
	return all
}

func TestListsWhatConntrackLists(t *testing.T) {
	n := box(t)
	talk(t, n)
	for _, args := range strings.Split(`-L|-L -f ipv6|-L -f ipv4|-L -p tcp|-L -p 17|-L --proto udp|-L -s 127.0.0.1|-L -d 192.0.2.0/24|-L -p tcp --dport 22|
		-L -p tcp --orig-port-dst 8080|-L -r 192.0.2.1|-L -q 127.0.0.1|-L -m 23|-L -m 0x17/0xff|-L -o extended|-L -o extended -f ipv6|-L -o id|-L conntrack|
		-L -p tcp --state ESTABLISHED|-L -p icmp|-L -f ipv6 -p icmpv6|-L -f ipv6 -s ::1|-L -s 198.51.100.1|-C`, "|") {
		args = strings.TrimSpace(args)
		var out, complaints bytes.Buffer
		status := ours(t.Context(), n, args, &out, &complaints)
		want := lines(n.Run("conntrack", strings.Fields(args)...))
		if got := lines(out.String()); status != 0 || !slices.Equal(got, want) {
			t.Errorf("conntrack %s: status %d, %s\n%s\n-- Debian's:\n%s", args, status, &complaints,
				strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		if strings.HasPrefix(args, "-L") && !strings.Contains(complaints.String(),
			" flow entries have been shown.") {
			t.Errorf("conntrack %s says %q", args, &complaints)
		}
	}
}

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

// TestFollows: of the same conversations both say the same.
func TestFollows(t *testing.T) {
	n := box(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var mine, complaints transcript
	ended := make(chan int, 1)
	go func() { ended <- ours(ctx, n, "-E -p tcp", &mine, &complaints) }()
	theirs := n.Start(exec.Command("conntrack", "-E", "-p", "tcp"))
	err := n.Do(func() error {
		l, err := net.Listen("tcp", "127.0.0.1:22")
		if err != nil {
			return err
		}
		t.Cleanup(func() { l.Close() })
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	dial := func() (port string) {
		err := n.Do(func() error {
			c, err := net.Dial("tcp", "127.0.0.1:22")
			if err == nil {
				_, port, _ = net.SplitHostPort(c.LocalAddr().String())
				err = c.Close()
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return port
	}
	testnet.Eventually(t, time.Minute, "both have begun", func() bool {
		port := "sport=" + dial()
		time.Sleep(50 * time.Millisecond)
		return strings.Contains(mine.String(), port) && strings.Contains(theirs.Output(), port)
	})
	last := "sport=" + dial()
	of := func(out string) (all []string) {
		for line := range strings.Lines(out) {
			if strings.Contains(line, last) {
				all = append(all, strings.TrimRight(line, " \n"))
			}
		}
		return lines(strings.Join(all, "\n"))
	}
	var got, want []string
	for range 200 {
		if got, want = of(mine.String()), of(theirs.Output()); len(got) > 3 && slices.Equal(got, want) {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if len(got) < 4 || !slices.Equal(got, want) {
		t.Errorf("%s\n-- Debian's:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	cancel()
	if status := <-ended; status != 0 || complaints.String() != "" {
		t.Errorf("status %d, %s", status, &complaints)
	}
}

func TestMisused(t *testing.T) {
	n := testnet.New(t, "box")
	for args, want := range map[string]string{
		"":                "expected one of -L, -C and -E",
		"-L -E":           "expected one of -L, -C and -E",
		"-D -s 192.0.2.1": "unknown option -D",
		"-L expect":       "expect: expected no table but conntrack",
		"-L -f ipx":       "ipx: expected ipv4 or ipv6",
		"-L -p nosuch":    "nosuch: expected a protocol",
		"-L -s 1.2.3":     "1.2.3: expected an address",
		"-L -m x":         "x: expected a mark",
		"-L --dport http": "http: expected a port",
		"-E -e OLD":       "OLD: expected NEW",
		"-L -o xml":       "xml: expected extended",
	} {
		var out, complaints bytes.Buffer
		status := ours(t.Context(), n, args, &out, &complaints)
		if status != 1 || out.Len() != 0 || !strings.HasPrefix(complaints.String(), "conntrack: "+want) {
			t.Errorf("conntrack %s: status %d, %s%s", args, status, &out, &complaints)
		}
	}
}

// FuzzParse: no message makes it panic.
func FuzzParse(f *testing.F) {
	f.Add([]byte{2, 0, 0, 0, 8, 0, 3, 0, 0, 0, 0, 14})
	f.Fuzz(func(_ *testing.T, b []byte) {
		if e, err := parse(b); err == nil {
			_ = e.line(true, true)
		}
	})
}
