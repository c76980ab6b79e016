package ntpdate

import (
	"bytes"
	"context"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/testnet"
	"github.com/gatehouse-os/gatehouse/services/ntp/wire"
)

var (
	sent = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	came = sent.Add(40 * time.Millisecond)
)

const origin = wire.Timestamp(0x0123456789abcdef)

// answer is what a server says whose clock is ahead by so much, halfway between.
func answer(ahead time.Duration, change func(*wire.Header)) []byte {
	at := wire.FromUnix(sent.Add(20*time.Millisecond + ahead).UnixNano())
	h := wire.Header{Version: 4, Mode: wire.ModeServer, Stratum: 2, Origin: origin, Receive: at, Transmit: at}
	if change != nil {
		change(&h)
	}
	return h.Append(nil)
}

func TestJudge(t *testing.T) {
	for _, c := range []struct {
		name   string
		ahead  time.Duration
		change func(*wire.Header)
		err    string
	}{
		{"right", 0, nil, ""},
		{"ahead", time.Hour, nil, ""},
		{"behind", -48 * time.Hour, nil, ""},
		{"another question's", 0, func(h *wire.Header) { h.Origin++ }, "no answer"},
		{"a question", 0, func(h *wire.Header) { h.Mode = wire.ModeClient }, "no answer"},
		{"kiss", 0, func(h *wire.Header) { h.Stratum, h.RefID = 0, wire.KissRate }, "refused: RATE"},
		{"not synchronised", 0, func(h *wire.Header) { h.Leap = wire.LeapUnknown }, "does not know"},
		{"no time", 0, func(h *wire.Header) { h.Transmit = 0 }, "does not know"},
		{"backwards", 0, func(h *wire.Header) { h.Receive = h.Transmit + 1<<32 }, "backwards"},
		{"hardly", 0, func(h *wire.Header) { h.RootDispersion = wire.ToShort(20 * time.Second) }, "20s wrong"},
	} {
		s, err := judge(answer(c.ahead, c.change), origin, sent, came)
		switch {
		case c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)):
			t.Errorf("%s: %v", c.name, err)
		case c.err == "" && (err != nil || (s.offset-c.ahead).Abs() > time.Microsecond || s.delay != 40*time.Millisecond || s.stratum != 2):
			t.Errorf("%s: %+v, %v", c.name, s, err)
		}
	}
	if _, err := judge([]byte("short"), origin, sent, came); err == nil {
		t.Error("a short packet is an answer")
	}
}

func TestChoose(t *testing.T) {
	server := func(n byte, offset, wrong time.Duration) verdict {
		return verdict{netip.AddrFrom4([4]byte{192, 0, 2, n}), sample{offset: offset, error: wrong}}
	}
	ms := time.Millisecond
	liar := server(9, time.Hour, ms)
	for _, c := range []struct {
		known []verdict
		want  byte
		agree int
	}{
		{[]verdict{server(1, 5*ms, 10*ms)}, 1, 1},
		{[]verdict{server(1, 5*ms, 10*ms), server(2, 6*ms, 3*ms), liar}, 2, 2},
		{[]verdict{server(1, 5*ms, 10*ms), liar}, 9, 1}, // nobody knows: more than half must agree
	} {
		got, agree := choose(c.known)
		if got.addr.As4()[3] != c.want || agree != c.agree {
			t.Errorf("%v, %d", got.addr, agree)
		}
	}
}

func FuzzJudge(f *testing.F) {
	f.Add(answer(time.Second, nil))
	f.Fuzz(func(t *testing.T, packet []byte) {
		if s, err := judge(packet, origin, sent, came); err == nil && (s.delay < 0 || s.error > 16*time.Second) {
			t.Errorf("%+v", s)
		}
	})
}

// ntpdate runs it in a namespace.
func ntpdate(t *testing.T, n *testnet.Namespace, args ...string) (out, complaints string, status int) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	err := n.Do(func() error {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		status = Commands()["ntpdate"].Main()(ctx, append([]string{"ntpdate"}, args...), strings.NewReader(""), &stdout, &stderr)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return stdout.String(), stderr.String(), status
}

// TestChrony: what chronyd says is read, and shown as ntpdate of the reference shows it.
func TestChrony(t *testing.T) {
	n := testnet.New(t, "ntp")
	const program = "/var/lib/gatehouse-peers/chrony/usr/sbin/chronyd"
	if _, err := os.Stat(program); err != nil {
		t.Fatalf("%v: image/packages.sh test unpacks it", err)
	}
	dir := t.TempDir()
	n.Start(exec.Command(program, "-x", "-d", "-u", "root", "allow", "cmdport 0", "local stratum 3",
		"bindcmdaddress "+filepath.Join(dir, "sock"), "pidfile "+filepath.Join(dir, "pid")))
	var out, complaints string
	testnet.Eventually(t, 30*time.Second, "chronyd answers", func() bool {
		var status int
		out, complaints, status = ntpdate(t, n, "-q", "-p", "1", "127.0.0.1")
		return status == 0
	})
	want := regexp.MustCompile(`^server 127\.0\.0\.1, stratum 3, offset [+-]0\.00\d{4}, delay 0\.0\d{4}
[ 1-3]\d [A-Z][a-z]{2} \d\d:\d\d:\d\d ntpdate: adjust time server 127\.0\.0\.1 offset [+-]0\.00\d{4} sec
$`)
	if !want.MatchString(out) || complaints != "" {
		t.Errorf("%s%s", out, complaints)
	}
	for _, c := range []struct {
		args      string
		status    int
		says, out string
	}{
		{"-q -p 2 ::1 127.0.0.1", 0, "", "server ::1, stratum 3"},
		{"-q -p 1 -t 0.2 127.0.0.1 203.0.113.1", 0, "Network is unreachable", "server 203.0.113.1, stratum 0, offset 0.000000"},
		{"-q -p 1 203.0.113.1", 1, "no server suitable", "stratum 0"},
		{"-q no..name", 1, "bad address 'no..name'", ""},
		{"-q", 1, "expected servers", ""},
		{"-b -B 127.0.0.1", 1, "expected one of", ""},
		{"-p 9 127.0.0.1", 1, "expected a number", ""},
	} {
		out, complaints, status := ntpdate(t, n, strings.Fields(c.args)...)
		if status != c.status || !strings.Contains(complaints, c.says) || !strings.Contains(out, c.out) {
			t.Errorf("ntpdate %s: %d\n%s%s", c.args, status, out, complaints)
		}
	}
}
