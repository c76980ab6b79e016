package vmtest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

// upstream is the resolver that the reference site names.
const upstream = "192.0.2.53"

// outsideZone is what that one knows.
const outsideZone = `$ORIGIN example.net.
$TTL 300
@ SOA ns hostmaster 1 3600 900 604800 30
@ NS ns
ns A 192.0.2.53
www A 198.51.100.80
alias CNAME www
inside A 192.168.32.10
`

// provideNames starts a resolver upstream.
func provideNames(t *testing.T, wan *testnet.Namespace) {
	t.Helper()
	wan.AddAddr(eth0, upstream+"/32")
	dir := t.TempDir()
	zone, conf := filepath.Join(dir, "zone"), filepath.Join(dir, "nsd.conf")
	text := fmt.Sprintf("server:\n ip-address: %s\n username: \"\"\n zonesdir: %[2]q\n pidfile: \"\"\n xfrdfile: \"\"\n"+
		" zonelistfile: \"%[2]s/list\"\n xfrdir: %[2]q\n server-count: 1\n database: \"\"\nremote-control:\n control-enable: no\n"+
		"zone:\n name: example.net\n zonefile: %[3]q\n", upstream, dir, zone)
	if err := errors.Join(os.WriteFile(zone, []byte(outsideZone), 0o644), os.WriteFile(conf, []byte(text), 0o644)); err != nil {
		t.Fatal(err)
	}
	wan.Start(exec.Command(testnet.Need(t, "nsd", "nsd"), "-d", "-c", conf))
	testnet.Eventually(t, Guard, "the resolver upstream answers", func() bool {
		return dial(t.Context(), wan, upstream+":53") == nil
	})
}

// dig asks with dig from a host, and gives what it prints, on one line.
func dig(ctx context.Context, t *testing.T, from *testnet.Namespace, server string, question ...string) string {
	t.Helper()
	dig := testnet.Need(t, "dig", "bind9-dnsutils")
	out, err := output(ctx, from, nil, dig, append([]string{"@" + server, "+tries=1", "+timeout=10"}, question...)...)
	if err != nil {
		t.Errorf("%v: %s", err, out)
	}
	return strings.Join(strings.Fields(out), " ")
}

// names asks the appliance as hosts of its LAN do, by what they were told of it.
func names(ctx context.Context, t *testing.T, h *home) {
	provideNames(h.t, h.wan)
	laptop := h.laptopGot["ip"]
	for question, want := range map[string]string{
		"store.home.example":         "192.168.32.10",
		"STORE.Home.Example +tcp":    "192.168.32.10",
		"-x 192.168.32.11":           "web1.home.example.",
		"firewall.home.example":      "192.168.32.1",
		"store.home.example HTTPS":   "",
		"laptop.home.example":        laptop,
		"-x " + laptop:               "laptop.home.example.",
		"www.example.net":            "198.51.100.80",
		"alias.example.net +tcp":     "www.example.net. 198.51.100.80",
		"inside.example.net":         "", // says that it is in the house
		"_http._tcp.home.example":    "",
		"1.0.0.127.in-addr.arpa PTR": "localhost.",
	} {
		if got := dig(ctx, t, h.laptop, h.laptopGot["dns"], append(strings.Fields(question), "+short")...); got != want {
			t.Errorf("dig %s says %q, want %q", question, got, want)
		}
	}
	for question, want := range map[string][]string{
		"nobody.home.example": {"status: NXDOMAIN", "flags: qr aa rd ra;", "SOA firewall.home.example."},
		"nobody.example.net":  {"status: NXDOMAIN", "flags: qr rd ra;", "SOA ns.example.net."},
		"laptop.local":        {"status: NXDOMAIN"},
	} {
		saysAll(t, "dig "+question, dig(ctx, t, h.laptop, h.laptopGot["dns"], question), want...)
	}
	// The appliance itself asks there too.
	if out := h.admin.must(ctx, t, "cat /etc/resolv.conf; ping -c 1 laptop"); !strings.Contains(out, "nameserver 127.0.0.1\n") {
		t.Errorf("the appliance's own resolver: %s", out)
	}
}

// resolve asks a server for the IPv4 address of a name: "" if it has none. The error is that nobody answered.
func resolve(ctx context.Context, from *testnet.Namespace, server, name string) (string, error) {
	r := net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (conn net.Conn, err error) {
		err = from.Do(func() (err error) {
			conn, err = new(net.Dialer).DialContext(ctx, network, net.JoinHostPort(server, "53"))
			return err
		})
		return conn, err
	}}
	addrs, err := r.LookupNetIP(ctx, "ip4", name+".") // of a whole name the first answer is all there is
	var failure *net.DNSError
	switch {
	case err == nil:
		return addrs[0].String(), nil
	case errors.As(err, &failure) && failure.IsNotFound:
		return "", nil
	}
	return "", err
}

// askEvery is how long an answer is waited for before the question is asked again.
const askEvery = 20 * time.Millisecond

// answers asks a server for a name until there is an answer, and gives the first: to whichever question, for
// on a busy machine all may take longer than until the next one.
func answers(ctx context.Context, from *testnet.Namespace, server, name string) (string, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	first := make(chan string, 1)
	ask := func() {
		try, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		if got, err := resolve(try, from, server, name); err == nil {
			select {
			case first <- got:
			default:
			}
		}
	}
	for tick := time.NewTicker(askEvery); ; {
		go ask()
		select {
		case got := <-first:
			tick.Stop()
			return got, nil
		case <-ctx.Done():
			tick.Stop()
			return "", ctx.Err()
		case <-tick.C:
		}
	}
}

// firstAnswers has a host ask from the start of the machine on, for an address by DHCP and for a name, and
// tells when each was answered first.
func firstAnswers(ctx context.Context, t *testing.T, h *home) {
	var offered time.Duration
	offer := make(chan error, 1)
	client := newDHCPClient(t, newHost(t, h.lan, "00:00:5e:00:53:70"))
	go func() {
		_, err := client.offer(ctx, "early")
		offered = time.Since(h.started)
		offer <- err
	}()
	got, err := answers(ctx, h.lan, "192.168.32.1", "store.home.example")
	answered := time.Since(h.started)
	if err := errors.Join(err, <-offer); err != nil || got != "192.168.32.10" {
		t.Fatalf("store is %q, %v", got, err)
	}
	t.Logf("from the start of QEMU: the first OFFER after %v, the first answer of DNS after %v", offered, answered)
}

// soon is how long after its ACK a client has its name, and newcomers are of whom the one in the middle must;
// questions of a busy machine are ten that it may take besides.
const (
	soon      = 100 * time.Millisecond
	newcomers = 5
	questions = 10
)

// namesOfLeases has clients come that say what they are called, and somebody else ask for that all the while.
func namesOfLeases(ctx context.Context, t *testing.T, h *home) {
	var after, usual []time.Duration
	for n := range newcomers {
		name := fmt.Sprintf("phone%d", n)
		client := newDHCPClient(t, newHost(t, h.lan, fmt.Sprintf("00:00:5e:00:53:6%d", n)))
		addr, err := client.lease(ctx, name)
		acked := time.Now()
		for got := ""; got != addr; {
			if err != nil {
				t.Fatal(err)
			}
			try, cancel := context.WithTimeout(ctx, time.Second)
			got, err = resolve(try, h.lan, "192.168.32.1", name+".home.example")
			cancel()
		}
		after = append(after, time.Since(acked).Round(10*time.Microsecond))
		asked := time.Now()
		if _, err := answers(ctx, h.lan, "192.168.32.1", "store.home.example"); err != nil {
			t.Fatal(err)
		}
		usual = append(usual, time.Since(asked).Round(10*time.Microsecond))
	}
	t.Logf("from the ACK to the answer with its name: %v; an answer takes %v", after, usual)
	slices.Sort(after)
	slices.Sort(usual)
	if after[newcomers/2] > soon+questions*usual[newcomers/2] {
		t.Errorf("the names of clients are there %v after their ACKs, want %v in the middle", after, soon)
	}
}

// knows checks that the first answer there is after a start has the name of a lease.
func (h *home) knows(ctx context.Context, t *testing.T, name, addr string) {
	t.Helper()
	began := time.Now()
	if got, err := answers(ctx, h.lan, "192.168.32.1", name+".home.example"); got != addr || err != nil {
		t.Errorf("the first answer says that %s is %q, %v, want %s", name, got, err, addr)
	}
	t.Logf("the first answer, about %s, is there after %v", name, time.Since(began))
}
