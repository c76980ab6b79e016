package run

import (
	"crypto/x509"
	"fmt"
	"net/netip"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/gatehouse-os/gatehouse/internal/testnet"
	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
	"github.com/gatehouse-os/gatehouse/services/dns/upstream"
	"github.com/gatehouse-os/gatehouse/services/dns/upstream/servers"
)

// TestStartWithoutUpstream starts before those upstream do: names of the house are there, others come by
// themselves, also a name that was asked for in vain.
func TestStartWithoutUpstream(t *testing.T) {
	t.Parallel()
	l := newNetwork(t)
	l.start()
	l.says("web.home.example", "192.168.32.10")
	l.has("www.example.net", "SERVFAIL", "EDE: 2")
	l.startNSD("192.0.2.53", "example.net", exampleNet())
	testnet.Eventually(t, 20*time.Second, "there is an answer", func() bool {
		return l.dig("www.example.net", "+short") == "192.0.2.80"
	})
	l.says("alias.example.net", "www.example.net. 192.0.2.80")
	if p := l.problems(t.Context()); len(p) > 0 {
		t.Errorf("%q", p)
	}
}

// TestKill kills the process, again and again, while leases go on: the first answer after each start knows
// them all.
func TestKill(t *testing.T) {
	t.Parallel()
	l := newNetwork(t)
	for i := range byte(5) {
		name, addr := fmt.Sprintf("laptop%d", i), fmt.Sprintf("192.168.32.%d", 100+i)
		l.lease(addr, name, i)
		p := l.startProcess()
		var first *dns.Msg
		testnet.Eventually(t, 10*time.Second, "there is an answer", func() bool {
			first, _ = l.exchange(t, "", name+".home.example.", dns.TypeA, 50*time.Millisecond)
			return first != nil
		})
		if result(first) != "NOERROR" || addresses(first.Answer[0].String()) != addr {
			t.Errorf("start %d: the first answer is\n%v", i, first)
		}
		for n := range i {
			l.says(fmt.Sprintf("laptop%d.home.example", n), fmt.Sprintf("192.168.32.%d", 100+n))
		}
		p.Signal(syscall.SIGKILL)
		_ = p.Wait(t.Context())
	}
}

// TestHostileNames has leases with names that no client may have, in a journal that somebody has written:
// none of them is in any record, and what the house has is as it was.
func TestHostileNames(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	hostile := []string{
		"web", "WEB", "www", "gate", "away", "localhost", "wpad", "isatap", "www.example.net", "example.net.",
		"home.example", "a b", "a\nb", "a\x00b", "*", "*.apps", "_ldap", "-a", "a-", "@", ".", "..", "ä", "a.b",
		"\\046", "$(reboot)", "<b>x</b>",
		strings.Repeat("a", 64), strings.Repeat("a.", 126) + "a", "10.32.168.192.in-addr.arpa", "\x1b[2J", "x\"; DROP",
	}
	for i, name := range hostile {
		now := time.Now()
		l.journal.Append(lease.Lease{Addr: netip.AddrFrom4([4]byte{192, 168, 32, byte(100 + i)}), Name: name,
			MAC: lease.MAC{2, 0, 0, 0, 1, byte(i)}, State: lease.Bound, Since: now, Until: now.Add(time.Hour)})
	}
	l.lease("192.168.32.99", "last", 99) // once it is known, so are all before it
	testnet.Eventually(t, 20*time.Second, "the last lease has its name", func() bool {
		return l.dig("last.home.example", "+short") == "192.168.32.99"
	})
	for i, name := range hostile {
		m, _ := l.exchange(t, "", fmt.Sprintf("%d.32.168.192.in-addr.arpa.", 100+i), dns.TypePTR, 5*time.Second)
		if !strings.HasPrefix(result(m), "NXDOMAIN") {
			t.Errorf("the address of %q has a name:\n%v", name, m)
		}
	}
	for question, want := range map[string]string{
		"web.home.example": "192.168.32.10", "www.home.example": "192.168.32.10", "gate.home.example": "192.168.32.1",
		"www.example.net": "192.0.2.80", "away.home.example": "alias.example.net. www.example.net. 192.0.2.80",
		"wpad.home.example": "", "isatap.home.example": "", "localhost.home.example": "", "any.apps.home.example": "",
		"localhost": "127.0.0.1", "-x 192.168.32.10": "web.home.example.", "home.example": "",
	} {
		l.says(question, want)
	}
}

// TestWithoutClock starts a box whose clock says 1970, with resolvers by TLS only: names are there all the
// same, so that a server of time can be found, and status says what is not checked. When the clock is right,
// everything is.
func TestWithoutClock(t *testing.T) {
	t.Parallel()
	l := newNetwork(t)
	ca := newAuthority(t)
	var ahead atomic.Int64
	ahead.Store(int64(-time.Since(time.Unix(60, 0))))
	l.options.Now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	l.options.Upstream.Roots = func() *x509.CertPool { return ca.pool }
	l.fake("192.0.2.101", ca.issue("dns.lab", -time.Hour, time.Hour), good)
	l.fake("192.0.2.102", ca.issue("dns.lab", -2*time.Hour, -time.Hour), good)
	l.conf.Upstream = servers.Config{Servers: []servers.Server{server("192.0.2.101", "dns.lab")}}
	l.start()
	ask := func(name, want string) {
		t.Helper()
		if m, _ := l.exchange(t, "", name, dns.TypeA, 9*time.Second); result(m) != want {
			t.Errorf("%s: %s, not %s", name, result(m), want)
		}
	}
	problems := func(want ...string) {
		t.Helper()
		got := l.problems(t.Context())
		for i := range max(len(got), len(want)) {
			if len(got) != len(want) || !strings.HasPrefix(got[i], want[i]) {
				t.Errorf("the problems are %q, not %q", got, want)
				return
			}
		}
	}
	const wrong = "The clock is wrong, it says 1970-01-01 00:01:"
	ask("ntp.lab.", "NOERROR")
	problems(wrong)
	if s := l.upstream.Status()[0]; !s.Clock || s.State != upstream.Up {
		t.Errorf("%+v", s)
	}
	l.asks(server("192.0.2.102", "dns.lab")) // has expired, which nobody can know yet
	ask("a.lab.", "NOERROR")
	ahead.Store(0)
	ask("b.lab.", "SERVFAIL 14")
	problems("No resolver outside answers: 192.0.2.102#dns.lab: certificate of 192.0.2.102 expired on")
	l.asks(server("192.0.2.101", "dns.lab"))
	ask("c.lab.", "NOERROR")
	problems()
}
